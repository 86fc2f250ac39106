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

from convolutional import ConvVAE

ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh,
               "softplus": torch.nn.Softplus}


def mlp(sizes, activation, last):
    """torch.nn.Sequential(Linear, Act, Linear, ...); `last`: with an activation at the end."""
    layers = []
    for index, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
        layers.append(torch.nn.Linear(inputs, outputs))
        if last or index + 2 < len(sizes):
            layers.append(ACTIVATIONS[activation]())
    return torch.nn.Sequential(*layers)


class ConvAAE(torch.nn.Module):
    """The DAAE paper's CelebA networks: 5x5 convolutions, 3x3 transposed convolutions."""

    def __init__(self, c, side, colours):
        super().__init__()
        channels, latent = c["channels"], c["latent"]
        grid = side >> len(channels)
        features = grid * grid * channels[-1]
        encoder = []
        for a, b in zip([colours, *channels], channels):
            encoder += [torch.nn.Conv2d(a, b, 5, 2, 2), torch.nn.ReLU()]
        self.encoder = torch.nn.Sequential(
            *encoder, torch.nn.Flatten(), torch.nn.Linear(features, latent))
        decoder = [torch.nn.Linear(latent, features), torch.nn.ReLU(),
                   torch.nn.Unflatten(1, (channels[-1], grid, grid))]
        sizes = [*channels[::-1], colours]
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            decoder.append(torch.nn.ConvTranspose2d(a, b, 3, 2, 1, 1))
            decoder += [torch.nn.ReLU()] if i + 2 < len(sizes) else []
        self.decoder = torch.nn.Sequential(*decoder)
        self.discriminator = mlp([latent, *c["discriminator_hidden"], 1], "relu", last=False)


def build(c, shape):
    """The modules of a checkpoint, with its names, for images [H, W, C]."""
    if c["network"] == "conv_bn":
        return ConvVAE(shape[0], c["channels"], c["latent"], shape[2])
    if c["network"] == "conv":
        return ConvAAE(c, shape[0], shape[2])
    pixels = int(numpy.prod(shape))
    hidden, latent, activation = c["hidden"], c["latent"], c["activation"]
    model = torch.nn.Module()
    if c["model"] in ("vae", "rvae", "ae", "dae"):
        model.encoder = mlp([pixels, *hidden], activation, last=True)
        model.mean = torch.nn.Linear(hidden[-1], latent)
        if "vae" in c["model"]:
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
        weights = {name: torch.tensor(h5["model"][name][...]) for name in h5["model"]}
    with h5py.File(reconstructions) as h5:
        expected = h5["reconstructions"][...]
        split = h5["reconstructions"].attrs.get("split", "train")
    with h5py.File(data) as h5:
        images = h5[split]["images"][: len(expected)]
    count = len(images)
    model = build(c, images.shape[1:]).eval()
    left = model.load_state_dict(weights, strict=False)
    # PyTorch counts the batches that its running averages have seen; nothing reads the count.
    if left.unexpected_keys or not all("num_batches" in key for key in left.missing_keys):
        sys.exit(f"{run}: {left}")
    x = torch.tensor(images, dtype=torch.float32)
    if images.dtype == numpy.uint8:
        x = x / 255
    is_mlp = c["network"] == "mlp"
    x = x.flatten(1) if is_mlp else x.permute(0, 3, 1, 2)
    with torch.no_grad():
        h = model.encoder(x)
        code = model.mean(h) if hasattr(model, "mean") else h
        found = torch.sigmoid(model.decoder(code))
        found = (found if is_mlp else found.permute(0, 2, 3, 1)).numpy().reshape(expected.shape)
    difference = float(numpy.abs(found - expected).max())
    print(f"{run}: {count} images, {len(weights)} tensors, largest difference {difference:.2e}")
    return difference > 1e-5


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
