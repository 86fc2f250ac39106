"""Common parts of the fixtures: sizes, random inputs, the file."""
import pathlib

import h5py
import numpy
import torch

FOLDER = pathlib.Path(__file__).resolve().parent
B, D, H, J = 5, 12, 7, 3  # examples, inputs, hidden units, latent dimensions
STEPS = 10
ACTIVATIONS = {
    "identity": torch.nn.Identity,
    "sigmoid": torch.nn.Sigmoid,
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "softplus": torch.nn.Softplus,
    "leakyReLU": lambda: torch.nn.LeakyReLU(0.2),
}


def normal(*shape, scale=1.0):
    """Normal numbers that are exact floats, in double."""
    return (torch.randn(*shape, dtype=torch.float32) * scale).double()


def uniform(*shape):
    """Numbers in [0, 1) that are exact floats, in double."""
    return torch.rand(*shape, dtype=torch.float32).double()


def units(single, double):
    """The largest difference, in units of float epsilon times the largest value."""
    scale = max(double.abs().max().item(), 1e-30)
    return (single.double() - double).abs().max().item() / (2**-23 * scale)


class Fixture:
    """An HDF5 file of doubles that any HDF5 from 1.10 on reads."""

    def __init__(self, file):
        self.name = pathlib.Path(file).stem
        self.file = h5py.File(FOLDER / file, "w", libver=("v108", "v110"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, path, values):
        values = values.detach().numpy() if torch.is_tensor(values) else numpy.asarray(values)
        assert numpy.isfinite(values).all(), path
        self.file.create_dataset(path, data=values.astype("f8"))

    def write_bytes(self, path, values):
        self.file.create_dataset(path, data=numpy.ascontiguousarray(values, "u1"))

    def attributes(self, path, **attributes):
        self.file.require_group(path).attrs.update(attributes)
