"""Small VAEs with the CelebA networks of the RVAE and DAAE papers: three whole steps.

The RVAE paper's network uses batch normalisation in training."""
import json
import math

import torch
from torch import nn
from torch.nn import functional

from fixture import Fixture, normal, uniform, units
from operators import bernoulli_rows, kl_rows

EXAMPLES, SIDE, CHANNELS, LATENT, STEPS = 6, 16, [6, 8, 10], 5, 3


class ConvVAE(nn.Module):
    """Encoder and decoder with the names and shapes of Cleave's checkpoints."""

    def __init__(self, side=SIDE, channels=CHANNELS, latent=LATENT, colours=3):
        super().__init__()
        grid = side >> len(channels)
        features = grid * grid * channels[-1]
        encoder = []
        for i, (a, b) in enumerate(zip([colours, *channels], channels)):
            encoder.append(nn.Conv2d(a, b, 4, 2, 1))
            encoder += [nn.BatchNorm2d(b)] if i else []
            encoder.append(nn.LeakyReLU(0.2))
        self.encoder = nn.Sequential(*encoder, nn.Flatten())
        self.mean = nn.Linear(features, latent)
        self.log_variance = nn.Linear(features, latent)
        decoder = [nn.Linear(latent, features), nn.ReLU(),
                   nn.Unflatten(1, (channels[-1], grid, grid))]
        sizes = [*reversed(channels), colours]
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            decoder += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.BatchNorm2d(b)]
            decoder += [nn.ReLU()] if i + 2 < len(sizes) else []
        self.decoder = nn.Sequential(*decoder)


class PlainConvVAE(nn.Module):
    """A VAE with the DAAE networks: 5x5 convolutions inwards, transposed 3x3 outwards, ReLU."""

    def __init__(self):
        super().__init__()
        side = SIDE >> len(CHANNELS)
        features = side * side * CHANNELS[-1]
        encoder = []
        for a, b in zip([3, *CHANNELS], CHANNELS):
            encoder += [nn.Conv2d(a, b, 5, 2, 2), nn.ReLU()]
        self.encoder = nn.Sequential(*encoder, nn.Flatten())
        self.mean = nn.Linear(features, LATENT)
        self.log_variance = nn.Linear(features, LATENT)
        decoder = [nn.Linear(LATENT, features), nn.ReLU(),
                   nn.Unflatten(1, (CHANNELS[-1], side, side))]
        sizes = [*reversed(CHANNELS), 3]
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            decoder.append(nn.ConvTranspose2d(a, b, 3, 2, 1, 1))
            decoder += [nn.ReLU()] if i + 2 < len(sizes) else []
        self.decoder = nn.Sequential(*decoder)


NETWORKS = {"conv_bn": ConvVAE, "conv": PlainConvVAE}


def run(precision, initial, data, c):
    """Losses and weights of some steps, first gradients; Adam's epsilon outweighs rounding."""
    model = NETWORKS[c["network"]]().to(precision)
    model.load_state_dict({k: v.to(precision) for k, v in initial.items()}, strict=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=c["learning_rate"],
                                 betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"])
    losses, gradients = {"reconstruction": [], "kl": []}, {}
    for step in range(STEPS):
        x = data["batches"][step].to(precision)  # [B, H, W, C]
        h = model.encoder(x.permute(0, 3, 1, 2))
        mean, log_variance = model.mean(h), model.log_variance(h)
        z = mean + (0.5 * log_variance).exp() * data["noise"][step].to(precision)
        logits = model.decoder(z).permute(0, 2, 3, 1)
        reconstruction = bernoulli_rows(logits.flatten(1), x.flatten(1)).mean()
        kl = kl_rows(mean, log_variance).mean()
        losses["reconstruction"].append(reconstruction.item())
        losses["kl"].append(kl.item())
        optimizer.zero_grad()
        (reconstruction + kl).backward()
        if step == 0:
            gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
        optimizer.step()
    final = {n: v for n, v in model.state_dict().items() if "num_batches" not in n}
    return losses, gradients, final


# name: transposed, channels in and out, height, width, kernel, stride, padding, output padding
OPERATORS = {
    "conv_4_2_1": (False, 16, 20, 8, 12, 4, 2, 1, 0),
    "conv_4_2_1_narrow": (False, 3, 6, 8, 6, 4, 2, 1, 0),
    "conv_5_2_2": (False, 3, 5, 7, 9, 5, 2, 2, 0),
    "conv_3_1_1": (False, 4, 3, 5, 4, 3, 1, 1, 0),
    "conv_2_3_0": (False, 2, 3, 7, 8, 2, 2, 0, 0),
    "transposed_4_2_1": (True, 20, 16, 4, 6, 4, 2, 1, 0),
    "transposed_4_2_1_narrow": (True, 6, 3, 4, 3, 4, 2, 1, 0),
    "transposed_3_2_1_1": (True, 5, 4, 3, 4, 3, 2, 1, 1),
}


def write_operators(fixture):
    """Channels-last images; weights in PyTorch's order; gradients of sum(upstream * output)."""
    for name, (transposed, a, b, height, width, kernel, stride, padding, extra) in OPERATORS.items():
        inputs = {"x": normal(2, height, width, a),
                  "weight": normal(*((a, b) if transposed else (b, a)), kernel, kernel, scale=0.2),
                  "bias": normal(b)}
        upstream, found = None, {}
        for precision in (torch.float64, torch.float32):
            x, weight, bias = (v.to(precision).clone().requires_grad_() for v in inputs.values())
            images = x.permute(0, 3, 1, 2)
            if transposed:
                y = functional.conv_transpose2d(images, weight, bias, stride, padding, extra)
            else:
                y = functional.conv2d(images, weight, bias, stride, padding)
            y = functional.leaky_relu(y, 0.2).permute(0, 2, 3, 1)
            upstream = normal(*y.shape) if upstream is None else upstream
            (y * upstream.to(precision)).sum().backward()
            found[precision] = {"output": y.detach(), "gradients/x": x.grad,
                                "gradients/weight": weight.grad, "gradients/bias": bias.grad}
        exact, single = found[torch.float64], found[torch.float32]
        print(f"convolutional/{name}: {max(units(single[k], v) for k, v in exact.items()):.1f}")
        for key, value in {**{f"inputs/{k}": v for k, v in inputs.items()}, **exact,
                           "upstream": upstream}.items():
            fixture.write(f"{name}/{key}", value)
        fixture.attributes(name, transposed=float(transposed), kernel=float(kernel),
                           stride=float(stride), padding=float(padding), extra=float(extra))


def write_vae(fixture, case, network):
    """One case: weights, data, losses, gradients of the first step, final weights."""
    model = NETWORKS[network]().double()
    initial = {}
    for name, value in model.state_dict().items():
        if "num_batches" in name:
            continue
        if "running" in name:
            initial[name] = value.clone()
        else:
            fan = math.prod(value.shape[1:]) if value.dim() > 1 else 10
            initial[name] = normal(*value.shape, scale=1 / math.sqrt(fan))
            if value.dim() == 1 and name.endswith("weight"):
                initial[name] = (1 + 0.1 * initial[name]).float().double()
    data = {"batches": uniform(STEPS, EXAMPLES, SIDE, SIDE, 3), "noise": normal(STEPS, EXAMPLES, LATENT)}
    c = dict(model="vae", network=network, channels=CHANNELS, latent=LATENT, batch=EXAMPLES, lanes=1,
             learning_rate=1e-3, optimizer="adam", adam_beta1=0.5, adam_beta2=0.999,
             adam_epsilon=0.01, beta=1.0)
    losses, gradients, final = run(torch.float64, initial, data, c)
    # The gradient of a bias before a batch normalisation is only rounding.
    gradients = {n: g for n, g in gradients.items() if g.abs().max() > 1e-9}
    _, single, single_final = run(torch.float32, initial, data, c)
    print(f"{case}: gradients {max(units(single[n], g) for n, g in gradients.items()):.1f}, "
          f"weights after {STEPS} steps {max(units(single_final[n], v) for n, v in final.items()):.1f}")
    parts = {"parameters": initial, "data": data, "losses": losses,
             "gradients/all": gradients, "final": final}
    for part, entries in parts.items():
        for key, value in entries.items():
            fixture.write(f"{case}/{part}/{key}", value)
    fixture.attributes(case, configuration=json.dumps(c))


def write_convolutional():
    with Fixture("convolutional.h5") as fixture:
        torch.manual_seed(595)
        write_vae(fixture, "conv_vae", "conv_bn")
        write_operators(fixture)
        torch.manual_seed(596)
        write_vae(fixture, "plain_conv_vae", "conv")
