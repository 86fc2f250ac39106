"""Inception-v3 2015-12-05 by the package pytorch-fid with random weights, and its parts."""
import importlib.machinery
import importlib.util

import numpy
import torch
from fixture import FOLDER, Fixture, normal, uniform, units

SEED = 1  # of the weights by rule
# Number of the image, height, width, channels.
IMAGES = ((0, 28, 28, 1), (1, 28, 28, 1), (2, 64, 64, 3), (3, 96, 80, 3), (4, 299, 299, 3),
          (6, 400, 320, 3))
# Name, channels, features, kernel, stride, padding of a layer on [C, 9, 8].
LAYERS = (("1x1", 16, 32, (1, 1), 1, (0, 0)), ("3x3", 32, 16, (3, 3), 1, (0, 0)),
          ("3x3_padded", 16, 16, (3, 3), 1, (1, 1)), ("3x3_stride", 16, 32, (3, 3), 2, (0, 0)),
          ("5x5", 16, 16, (5, 5), 1, (2, 2)), ("1x7", 16, 16, (1, 7), 1, (0, 3)),
          ("7x1", 16, 16, (7, 1), 1, (3, 0)), ("1x3", 16, 16, (1, 3), 1, (0, 1)),
          ("3x1", 16, 16, (3, 1), 1, (1, 0)), ("colour", 3, 16, (3, 3), 2, (0, 0)))
# Name, kernel, stride, padding of a pooling of [16, 9, 8].
POOLINGS = (("maximum", 3, 2, 0), ("maximum_padded", 3, 1, 1), ("mean_padded", 3, 1, 1),
            ("mean_whole", 8, 1, 0))
# Height, width, channels of an image and the sides it gets.
SIZES = (((5, 4, 3), (13, 9)), ((6, 7, 1), (6, 7)), ((11, 17, 3), (4, 5)), ((1, 1, 1), (3, 2)),
         ((9, 3, 1), (5, 8)))


def weights_script():
    """launch/inception-weights as a module."""
    path = FOLDER.parent.parent / "launch/inception-weights"
    loader = importlib.machinery.SourceFileLoader("inception_weights", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def network(state):
    """The network of pytorch-fid, which takes these weights instead of downloading its own."""
    import pytorch_fid.inception as public
    state = {name: torch.from_numpy(values) for name, values in state.items()}
    state |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    public.load_state_dict_from_url = lambda *_, **__: state
    return public.InceptionV3([public.InceptionV3.DEFAULT_BLOCK_INDEX]).eval()


def picture(number, height, width, channels):
    """An image [height, width, channels] by a rule of whole numbers."""
    y, x, channel = numpy.mgrid[:height, :width, :channels].astype("i8")
    m = 97 + 31 * number
    t = (3 + 5 * number) * y + (7 + 2 * number) * x + 40 * (number + 1) * channel
    t = (t + x * y * (number % 3) // 4) % m
    return numpy.abs(2 * t - m).astype("f4") / numpy.float32(m)


def planes(image):
    """[1, 3, H, W] of an image; grey is repeated."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].expand(1, 3, -1, -1).contiguous()


def resized(image, sides):
    """As pytorch-fid does it, in single precision: PyTorch's coordinates of pixels are floats then.

    Doubles would move them by 1e-5 pixels, which random weights enlarge to 5e-4 of the features.
    """
    return torch.nn.functional.interpolate(image, size=sides, mode="bilinear", align_corners=False)


def write_features(fixture):
    script = weights_script()
    state = script.random_state(SEED)
    for name in ("Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch_pool.conv.weight",
                 "Mixed_6e.branch7x7_2.bn.running_var", "Mixed_5b.branch1x1.bn.weight",
                 "Mixed_5b.branch1x1.bn.bias"):
        fixture.write(f"weights/{name}", state[name].reshape(-1)[-8:].astype("f8"))
    single, double = network(state), network(state).double()
    double.resize_input = False
    rows = []
    for number, *shape in IMAGES:
        image = planes(picture(number, *shape))
        with torch.no_grad():
            exact = double(resized(image, (299, 299)).double())[0].flatten()
            rounded = single(image)[0].flatten()
        path = f"features/{number}"
        fixture.write(path, exact)
        fixture.file[path].attrs.update(height=shape[0], width=shape[1], channels=shape[2])
        rows.append(exact)
        print(f"features of {shape}: float is {units(rounded, exact):.1f} units off, "
              f"largest {exact.max():.3f}, mean {exact.mean():.3f}")
    rows = torch.stack(rows)
    print(f"deviation over images, mean of all features: {rows.std(0).mean():.3f}; "
          f"smallest correlation of two images {torch.corrcoef(rows).min():.3f}")


def write_layers(fixture):
    for name, channels, features, kernel, stride, padding in LAYERS:
        x = uniform(channels, 9, 8) - 0.5
        weights = normal(features, channels, *kernel, scale=(channels * kernel[0] * kernel[1])**-.5)
        rows = {"weight": 1 + normal(features, scale=0.25), "bias": normal(features, scale=0.25),
                "running_mean": normal(features, scale=0.25),
                "running_var": 0.5 + uniform(features)}
        y = torch.nn.functional.conv2d(x[None], weights, stride=stride, padding=padding)
        y = torch.nn.functional.batch_norm(
            y, rows["running_mean"], rows["running_var"], rows["weight"], rows["bias"], eps=0.001)
        path = f"layers/{name}"
        fixture.write(f"{path}/input", x)
        fixture.write(f"{path}/conv.weight", weights)
        for row, values in rows.items():
            fixture.write(f"{path}/bn.{row}", values)
        fixture.write(f"{path}/output", torch.relu(y)[0])
        fixture.attributes(path, stride=stride, padding_height=padding[0], padding_width=padding[1])


def write_poolings(fixture):
    for name, kernel, stride, padding in POOLINGS:
        x = normal(16, 9, 8)
        if name.startswith("maximum"):
            y = torch.nn.functional.max_pool2d(x[None], kernel, stride, padding)
        else:
            y = torch.nn.functional.avg_pool2d(
                x[None], kernel, stride, padding, count_include_pad=False)
        path = f"poolings/{name}"
        fixture.write(f"{path}/input", x)
        fixture.write(f"{path}/output", y[0])
        fixture.attributes(path, kernel=kernel, stride=stride, padding=padding)


def write_sizes(fixture):
    for number, (shape, sides) in enumerate(SIZES):
        image = uniform(*shape)
        grown = resized(planes(image.float().numpy()), sides)
        path = f"sizes/{number}"
        fixture.write(f"{path}/image", image)
        fixture.write(f"{path}/output", (2 * grown - 1)[0].permute(1, 2, 0))


def write_inception():
    torch.manual_seed(20151205)
    with Fixture("inception.h5") as fixture:
        write_features(fixture)
        write_layers(fixture)
        write_poolings(fixture)
        write_sizes(fixture)
