#!/usr/bin/env python3
"""Golden values for Cleave's tests: PyTorch in double precision, and Pillow, written as HDF5.

    python3 Tests/Golden/generate.py          # needs torch, pytorch-fid, numpy, h5py, Pillow

writes operators.h5, robust_losses.h5, optimizers.h5, models.h5, adversarial.h5, classifier.h5,
recycling.h5, denoising.h5, tied.h5, images.h5 and inception.h5 beside itself; README.md documents
their layout.
Every input is a double that a float holds exactly, so a single-precision program starts from the
same numbers. With the chosen seeds no ReLU is near its kink, and no gradient is so small that
Adam's division would enlarge its rounding. For each case the script prints the error of PyTorch
in single precision, in units of (float epsilon x the tensor's largest value). The tolerances of
the tests follow from it.
"""
from fixture import FOLDER
from adversarial import write_adversarial
from classifier import write_classifier
from convolutional import write_convolutional
from denoising import write_denoising
from images import write_images
from inception import write_inception
from models import write_models
from noise import write_noise
from normalization import write_normalization
from operators import write_operators
from recycling import write_recycling
from optimizers import write_optimizers
from robust_losses import write_robust_losses
from tied import write_tied

if __name__ == "__main__":
    write_operators()
    write_robust_losses()
    write_optimizers()
    write_models()
    write_adversarial()
    write_noise()
    write_normalization()
    write_convolutional()
    write_classifier()
    write_recycling()
    write_denoising()
    write_tied()
    write_images()
    write_inception()
    for file in sorted(FOLDER.glob("*.h5")):
        print(f"{file.name}: {file.stat().st_size} bytes")
