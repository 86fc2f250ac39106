"""Every operator and loss: value, and the gradient of sum(upstream * output) for each input."""
import math

import torch
from torch.nn import functional

from fixture import ACTIVATIONS, B, D, H, J, Fixture, normal, uniform, units


def kl_rows(mean, log_variance):
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(1)


def gaussian_rows(x, mean, log_variance):
    square = (x - mean).square() * (-log_variance).exp()
    return 0.5 * (math.log(2 * math.pi) + log_variance + square).sum(1)


def bernoulli_rows(logits, x):
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)


def log_mean_exp(w):
    return torch.logsumexp(w, 1) - math.log(w.shape[1])


def cases():
    """(name, function, inputs in its order, attributes)."""
    for name, layer in ACTIVATIONS.items():
        act = layer()
        yield (f"linear_{name}",
               lambda x, weight, bias, act=act: act(functional.linear(x, weight, bias)),
               {"x": normal(B, D), "weight": normal(H, D, scale=0.5), "bias": normal(H)}, {})
        yield f"activation_{name}", lambda x, act=act: act(x), {"x": normal(B, H, scale=2)}, {}
    yield ("bernoulli_nll", bernoulli_rows,
           {"logits": normal(B, D, scale=3), "x": uniform(B, D)}, {})
    extreme = torch.tensor([[-1e4, -90, -20, -0.125, 0, 0.125, 20, 90, 1e4, 5, -5, 0.25]] * 2)
    yield ("bernoulli_nll_extreme", bernoulli_rows,
           {"logits": extreme.double(), "x": torch.stack([torch.zeros(D), torch.ones(D)]).double()},
           {})
    yield ("gaussian_nll", gaussian_rows,
           {"x": normal(B, D), "mean": normal(B, D), "log_variance": normal(B, D)}, {})
    yield ("squared_error", lambda y, x: (y - x).square().sum(1),
           {"y": normal(B, D), "x": normal(B, D)}, {})
    yield ("l2_norm", lambda y, x: (y - x).square().sum(1).sqrt(),
           {"y": normal(B, D), "x": normal(B, D)}, {})
    yield "kl_standard_normal", kl_rows, {"mean": normal(B, J), "log_variance": normal(B, J)}, {}
    for name, k in (("reparameterize", 0.5), ("reparameterize_variance", 1.0)):
        yield (name,
               lambda mean, log_variance, noise, k=k: mean + (k * log_variance).exp() * noise,
               {"mean": normal(B, J), "log_variance": normal(B, J), "noise": normal(B, J)},
               {"k": k})
    yield "log_mean_exp", log_mean_exp, {"w": normal(B, H, scale=2)}, {}
    yield ("log_mean_exp_large", log_mean_exp,
           {"w": (normal(B, H, scale=2) + 8192).float().double()}, {})
    real, fake = normal(B, 1, scale=2), normal(B, 1, scale=2)
    yield ("discriminator_loss",
           lambda real, fake: functional.softplus(-real).mean() + functional.softplus(fake).mean(),
           {"real": real, "fake": fake}, {})
    yield "generator_loss", lambda fake: functional.softplus(-fake).mean(), {"fake": fake}, {}
    yield ("generator_loss_saturating", lambda fake: -functional.softplus(fake).mean(),
           {"fake": fake}, {})
    yield ("soft_threshold", lambda v: functional.softshrink(v, 0.5), {"v": normal(B, D)},
           {"threshold": 0.5})
    yield "add", torch.add, {"a": normal(B, H), "b": normal(B, H)}, {}
    yield "subtract", torch.sub, {"a": normal(B, H), "b": normal(B, H)}, {}
    yield "multiply", torch.mul, {"a": normal(B, H), "b": normal(B, H)}, {}
    yield "scale", lambda a: -0.75 * a, {"a": normal(B, H)}, {"factor": -0.75}
    yield "batch_mean", lambda a: a.mean(), {"a": normal(B)}, {}


def evaluate(function, inputs, upstream, precision):
    """The output, and the gradient of sum(upstream * output) for every input."""
    leaves = {name: value.detach().to(precision).clone() for name, value in inputs.items()}
    for leaf in leaves.values():
        leaf.requires_grad_()
    output = function(*leaves.values())
    (output * upstream.to(precision)).sum().backward()
    return output.detach(), {name: value.grad for name, value in leaves.items()}


def write_operators():
    torch.manual_seed(595)
    with Fixture("operators.h5") as fixture:
        for name, function, inputs, attributes in cases():
            shape = function(*inputs.values()).shape
            upstream = normal(*shape) if shape else torch.tensor(1.0).double()
            output, gradients = evaluate(function, inputs, upstream, torch.float64)
            single, single_gradients = evaluate(function, inputs, upstream, torch.float32)
            worst = [units(single, output)]
            for leaf, value in inputs.items():
                fixture.write(f"{name}/inputs/{leaf}", value)
                fixture.write(f"{name}/gradients/{leaf}", gradients[leaf])
                worst.append(units(single_gradients[leaf], gradients[leaf]))
            fixture.write(f"{name}/upstream", upstream)
            fixture.write(f"{name}/output", output)
            fixture.attributes(name, **attributes)
            print(f"operators/{name}: {max(worst):.1f}")
