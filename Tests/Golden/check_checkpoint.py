#!/usr/bin/env python3
"""Runs a Cleave checkpoint in PyTorch and compares the reconstructions.

    cleave reconstruct RUN --data DATA.h5 --out RECONSTRUCTIONS.h5
    python3 Tests/Golden/check_checkpoint.py RUN DATA.h5 RECONSTRUCTIONS.h5

reads the newest checkpoint's weights by name into torch.nn modules of the run's configuration, has
them reconstruct the same images, and ends with status 1 if any pixel differs by more than 1e-5.
"""
import json
import pathlib
import sys

import h5py
import numpy
import torch

ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh,
               "softplus": torch.nn.Softplus}


def mlp(sizes, activation, last):
    """torch.nn.Sequential(Linear, Act, Linear, ...); `last`: an activation after the last too."""
    layers = []
    for index, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
        layers.append(torch.nn.Linear(inputs, outputs))
        if last or index + 2 < len(sizes):
            layers.append(ACTIVATIONS[activation]())
    return torch.nn.Sequential(*layers)


def build(c, pixels):
    """The modules of a checkpoint, under its names."""
    hidden, latent, activation = c["hidden"], c["latent"], c["activation"]
    model = torch.nn.Module()
    if c["model"] in ("vae", "rvae"):
        model.encoder = mlp([pixels, *hidden], activation, last=True)
        model.mean = torch.nn.Linear(hidden[-1], latent)
        model.log_variance = torch.nn.Linear(hidden[-1], latent)
    else:
        model.encoder = mlp([pixels, *hidden, latent], activation, last=False)
        model.discriminator = mlp([latent, *c["discriminator_hidden"], 1], activation, last=False)
    outward = c.get("decoder_hidden") or hidden[::-1]
    model.decoder = mlp([latent, *outward, pixels], activation, last=False)
    return model


def main(run, data, reconstructions):
    latest = pathlib.Path(run) / "checkpoints" / "latest" / "checkpoint.h5"
    with h5py.File(latest) as h5:
        c = json.loads(h5["config"].asstr()[()])
        if c["noise"] != "none":
            sys.exit(f"{run}: reconstructs freshly corrupted images; check a run with noise=none")
        weights = {name: torch.tensor(h5["model"][name][...]) for name in h5["model"]}
    with h5py.File(reconstructions) as h5:
        expected = h5["reconstructions"][...]
        split = h5["reconstructions"].attrs.get("split", "train")
    with h5py.File(data) as h5:
        images = h5[split]["images"][: len(expected)]
    count, pixels = len(images), int(numpy.prod(images.shape[1:]))
    model = build(c, pixels)
    model.load_state_dict(weights, strict=True)
    x = torch.tensor(images.reshape(count, pixels), dtype=torch.float32)
    if images.dtype == numpy.uint8:
        x = x / 255
    with torch.no_grad():
        h = model.encoder(x)
        code = model.mean(h) if hasattr(model, "mean") else h
        found = torch.sigmoid(model.decoder(code)).numpy().reshape(expected.shape)
    difference = float(numpy.abs(found - expected).max())
    print(f"{run}: {count} images, {len(weights)} tensors, largest difference {difference:.2e}")
    return difference > 1e-5


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
