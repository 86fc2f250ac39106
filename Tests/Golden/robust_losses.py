#!/usr/bin/env python3
"""Losses that a few far values move little: values and gradients, in the layout of operators.h5.

    python3 Tests/Golden/robust_losses.py     # torch, numpy, h5py

Likelihoods are those of torch.distributions. Density power divergences are written out from
powers of probabilities, and of the density of torch.distributions.Normal.
"""
import torch
from torch.distributions import Laplace, Normal, StudentT
from torch.nn.functional import logsigmoid

from fixture import B, D, Fixture, normal, uniform, units
from operators import evaluate


def student(y, x, scale, degrees):
    return -StudentT(degrees, y, scale).log_prob(x).sum(1)


def laplace(y, x, scale):
    return -Laplace(y, scale).log_prob(x).sum(1)


def divergence(at_x, over_all, beta):
    """Of the density's power beta at x, and the integral (or sum) of its power 1 + beta."""
    return -(1 + 1 / beta) * (at_x - 1) + over_all - 1


def gaussian(y, x, beta, scale):
    power = (beta * Normal(y, scale).log_prob(x)).exp()
    # The integral of exp(-(1 + beta) d^2 / 2 s^2) is that of a normal with s^2 / (1 + beta).
    peak = Normal(0.0, scale).log_prob(torch.zeros(())).double()
    width = -Normal(0.0, scale / (1 + beta) ** 0.5).log_prob(torch.zeros(())).double()
    return divergence(power, ((1 + beta) * peak + width).exp(), beta).sum(1)


def powers(logits, x, beta):
    p, q = (beta * logsigmoid(logits)).exp(), (beta * logsigmoid(-logits)).exp()
    probability = torch.sigmoid(logits)
    return x * p + (1 - x) * q, probability * p + (1 - probability) * q


def bernoulli(logits, x, beta):
    return divergence(*powers(logits, x, beta), beta).sum(1)


def bernoulli_image(logits, x, beta):
    return divergence(*(power.prod(1) for power in powers(logits, x, beta)), beta)


def cases():
    """(name, function of the input and x, inputs, attributes)."""
    for name, scale, degrees in (("student", 0.125, 3.0), ("student_wide", 2.0, 0.5)):
        yield (name, lambda y, x, s=scale, v=degrees: student(y, x, s, v),
               {"y": normal(B, D), "x": uniform(B, D)}, {"scale": scale, "degrees": degrees})
    yield ("laplace", lambda y, x: laplace(y, x, 0.25), {"y": normal(B, D), "x": uniform(B, D)},
           {"scale": 0.25})
    for name, beta, scale in (("gaussian", 0.125, 0.25), ("gaussian_one", 1.0, 0.5)):
        yield (f"beta_{name}", lambda y, x, b=beta, s=scale: gaussian(y, x, b, s),
               {"y": normal(B, D), "x": uniform(B, D)}, {"beta": beta, "scale": scale})
    extreme = torch.tensor([[-1e4, -90, -20, -0.125, 0, 0.125, 20, 90, 1e4, 5, -5, 0.25]] * 2)
    ends = torch.stack([torch.zeros(D), torch.ones(D)]).double()
    for kind, function in (("bernoulli", bernoulli), ("image", bernoulli_image)):
        for beta in (0.0078125, 0.5, 1.0):
            yield (f"beta_{kind}_{beta}", lambda a, x, f=function, b=beta: f(a, x, b),
                   {"y": normal(B, D, scale=2), "x": uniform(B, D)}, {"beta": beta})
        yield (f"beta_{kind}_extreme", lambda a, x, f=function: f(a, x, 0.0625),
               {"y": extreme.double(), "x": ends}, {"beta": 0.0625})


def write_robust_losses():
    torch.manual_seed(595)
    with Fixture("robust_losses.h5") as fixture:
        for name, function, inputs, attributes in cases():
            upstream = normal(inputs["y"].shape[0])
            output, gradients = evaluate(function, inputs, upstream, torch.float64)
            single, single_gradients = evaluate(function, inputs, upstream, torch.float32)
            worst = max(units(single, output), units(single_gradients["y"], gradients["y"]))
            for leaf, value in inputs.items():
                fixture.write(f"{name}/inputs/{leaf}", value)
            fixture.write(f"{name}/gradients/y", gradients["y"])
            fixture.write(f"{name}/upstream", upstream)
            fixture.write(f"{name}/output", output)
            fixture.attributes(name, **attributes)
            print(f"robust_losses/{name}: {worst:.1f}")


if __name__ == "__main__":
    write_robust_losses()
