#!/usr/bin/env python3
"""Features of pytorch-fid's Inception-v3 on random weights, to compare Cleave with.

    launch/torch_features.py --threads 2 --batch 50 --steps 5 --sides 28,64 [--channels-last]

launch/compare-features runs it in turn with Cleave. Needs torch, torchvision, pytorch-fid, numpy.
The network is the package's own, in inference mode without gradients; it takes the weights of
launch/inception-weights --random in place of downloading its own. Prints one JSON object.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import resource
import statistics
import time


def weights(seed):
    """The state dict by rule."""
    path = pathlib.Path(__file__).resolve().parent / "inception-weights"
    loader = importlib.machinery.SourceFileLoader("inception_weights", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module.random_state(seed)


def network(torch):
    import pytorch_fid.inception as public
    state = {name: torch.from_numpy(values) for name, values in weights(1).items()}
    state |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    public.load_state_dict_from_url = lambda *_, **__: state
    return public.InceptionV3([public.InceptionV3.DEFAULT_BLOCK_INDEX]).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--sides", default="28,64")
    parser.add_argument("--channels-last", action="store_true")
    settings = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(settings.threads)
    import torch
    torch.set_num_threads(settings.threads)
    net = network(torch)
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)
    results = []
    for side in map(int, settings.sides.split(",")):
        # pytorch-fid reads pictures as RGB, so grey ones have three channels, too.
        images = torch.rand(settings.batch, 3, side, side).to(memory_format=layout)
        times = []
        with torch.no_grad():
            for _ in range(settings.steps + 1):
                start = time.perf_counter()
                features = net(images)[0]
                times.append(time.perf_counter() - start)
        assert features.shape == (settings.batch, 2048, 1, 1)
        results.append({"side": side,
                        "images_per_second": settings.batch / statistics.median(times[1:])})
    print(json.dumps({
        "threads": settings.threads, "batch": settings.batch, "results": results,
        "peak_rss_mib": [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0],
        "torch": torch.__version__}))


if __name__ == "__main__":
    main()
