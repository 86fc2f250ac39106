"""Whole models: losses of ten steps, every gradient of the first, the weights after the tenth."""
import json
import math

import torch
from torch.nn import functional

from fixture import ACTIVATIONS, B, D, H, J, STEPS, Fixture, normal, uniform, units
from operators import bernoulli_rows, kl_rows


class Kink(Exception):
    """A ReLU too near zero, or a gradient too small to divide by: another seed is needed."""


class GuardedReLU(torch.nn.Module):
    """ReLU that, in double, refuses inputs whose side single precision could miss."""

    def forward(self, x):
        if x.dtype == torch.float64 and x.detach().abs().min() < 1e-4:
            raise Kink
        return functional.relu(x)


def mlp(sizes, activation, last):
    """torch.nn.Sequential(Linear, Act, Linear, ...); `last`: with an activation at the end."""
    act = GuardedReLU if activation == "relu" else ACTIVATIONS[activation]
    layers = []
    for index, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
        layers.append(torch.nn.Linear(inputs, outputs))
        if last or index + 2 < len(sizes):
            layers.append(act())
    return torch.nn.Sequential(*layers)


class VAE(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        hidden = c["hidden"]
        self.encoder = mlp([D, *hidden], c["activation"], last=True)
        self.mean = torch.nn.Linear(hidden[-1], J)
        self.log_variance = torch.nn.Linear(hidden[-1], J)
        self.decoder = mlp([J, *reversed(hidden), D], c["activation"], last=False)


class AAE(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.encoder = mlp([D, *c["hidden"], J], c["activation"], last=False)
        self.decoder = mlp([J, *reversed(c["hidden"]), D], c["activation"], last=False)
        self.discriminator = mlp([J, *c["discriminator_hidden"], 1], c["activation"], last=False)


def reconstruction_rows(term, logits, x):
    """The term of D-03 (docs/decisions.md): [B], summed over pixels."""
    if term == "bce":
        return bernoulli_rows(logits, x)
    square = (torch.sigmoid(logits) - x).square().sum(1)
    return square if term == "mse" else square.sqrt()


def vae_step(model, c, data, step, optimizers, record):
    x, noise = data["batches"][step], data["noise"][step]
    h = model.encoder(x)
    mean, log_variance = model.mean(h), model.log_variance(h)
    k = 0.5 if c["std_mode"] == "sigma" else 1.0
    z = mean + (k * log_variance).exp() * noise
    reconstruction = reconstruction_rows(c["reconstruction_term"], model.decoder(z), x).mean()
    kl = kl_rows(mean, log_variance).mean()
    record.phase("all", {"reconstruction": reconstruction, "kl": kl},
                 reconstruction + c["beta"] * kl, list(model.parameters()), optimizers[0])


def aae_step(model, c, data, step, optimizers, record):
    """The paper's order (docs/systems.md, 7.3): reconstruction, discriminator, encoder."""
    x, corrupted, prior = data["batches"][step], data["corrupted"][step], data["prior"][step]
    e, r, d = (list(m.parameters()) for m in (model.encoder, model.decoder, model.discriminator))
    loss = functional.binary_cross_entropy_with_logits(model.decoder(model.encoder(corrupted)), x)
    record.phase("reconstruction", {"reconstruction": loss}, loss, e + r, optimizers[0])
    fake = model.encoder(corrupted).detach()
    loss = (functional.softplus(-model.discriminator(prior)).mean()
            + functional.softplus(model.discriminator(fake)).mean())
    record.phase("discriminator", {"discriminator": loss}, loss, d, optimizers[1])
    scores = model.discriminator(model.encoder(corrupted))
    if c["generator_loss"] == "saturating":
        loss = -functional.softplus(scores).mean()
    else:
        loss = functional.softplus(-scores).mean()
    record.phase("encoder_prior", {"encoder_prior": loss}, loss, e, optimizers[2])


class Record:
    """Makes the optimizer steps; keeps the losses of all steps and the gradients of the first."""

    def __init__(self, model):
        self.names = {id(p): n for n, p in model.named_parameters()}
        self.losses, self.gradients = {}, {}

    def phase(self, name, terms, loss, parameters, optimizer):
        for term, value in terms.items():
            self.losses.setdefault(term, []).append(value.item())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
            used = gradient[gradient != 0].abs()
            if gradient.dtype == torch.float64 and len(used) and used.min() < 2e-5 * used.max():
                raise Kink
            parameter.grad = gradient
            self.gradients.setdefault(f"{name}/{self.names[id(parameter)]}", gradient.clone())
        optimizer.step()


def ten_steps(c, model, data, precision):
    """The record, and the weights at the end."""
    model, data = model.to(precision), {name: v.to(precision) for name, v in data.items()}

    def adam(*modules):
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.Adam(parameters, lr=c["learning_rate"],
                                betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"])

    if isinstance(model, VAE):
        step, optimizers = vae_step, [adam(model)]
    else:
        step = aae_step
        optimizers = [adam(model.encoder, model.decoder), adam(model.discriminator),
                      adam(model.encoder)]
    record = Record(model)
    for index in range(STEPS):
        step(model, c, data, index, optimizers, record)
    return record, {n: p.detach().clone() for n, p in model.named_parameters()}


def with_exact_weights(model):
    """The model in double, with newly drawn weights, which are exact floats."""
    with torch.no_grad():
        for parameter in model.double().parameters():
            scale = 0.3 if parameter.dim() == 1 else 1 / math.sqrt(parameter.shape[1])
            parameter.copy_(normal(*parameter.shape, scale=scale))
    return model


def make(c, seed):
    """A model, and its data and noise for ten steps."""
    torch.manual_seed(seed)
    model = with_exact_weights((VAE if c["model"] == "vae" else AAE)(c))
    data = {"batches": uniform(STEPS, B, D)}
    if c["model"] == "vae":
        data["noise"] = normal(STEPS, B, J)
    else:
        sigma = 0.5 if c["model"] == "daae" else 0.0
        corrupted = data["batches"] + normal(STEPS, B, D, scale=sigma)
        data["corrupted"] = corrupted.float().double()
        data["prior"] = normal(STEPS, B, J)
    return model, data


def inference(c, model, data):
    """Code and picture of batch 0 by the present weights."""
    with torch.no_grad():
        h = model.encoder(data["batches"][0])
        if c["model"] != "vae":
            return {"mean": h, "reconstruction": torch.sigmoid(model.decoder(h))}
        mean = model.mean(h)
        return {"mean": mean, "log_variance": model.log_variance(h),
                "reconstruction": torch.sigmoid(model.decoder(mean))}


def cases():
    """(name, configuration)."""
    common = dict(learning_rate=0.01, optimizer="adam", adam_beta1=0.9, adam_beta2=0.999,
                  adam_epsilon=1e-8, batch=B, latent=J, seed=595, hidden=[H, H - 2])
    vae = dict(common, model="vae", activation="sigmoid", beta=1.0, reconstruction_term="bce",
               std_mode="sigma")
    yield "vae", vae
    yield "vae_beta", dict(vae, beta=0.3)
    yield "vae_mse", dict(vae, reconstruction_term="mse", beta=0.3)
    yield "vae_l2norm", dict(vae, reconstruction_term="l2norm", beta=0.3)
    yield "vae_variance", dict(vae, std_mode="var_bug")
    for activation in ("relu", "tanh", "softplus"):
        yield f"vae_{activation}", dict(vae, activation=activation)
    aae = dict(common, model="aae", discriminator_hidden=[6, 4], activation="relu",
               generator_loss="non_saturating", noise="none")
    daae = dict(aae, model="daae", noise="gaussian:0.5")
    yield "aae", aae
    yield "daae", daae
    yield "daae_saturating", dict(daae, generator_loss="saturating")


def roundings(record, final, single, single_final):
    """The errors of single precision in gradients and in the weights at the end."""
    return (max(units(single.gradients[n], g) for n, g in record.gradients.items()),
            max(units(single_final[n], value) for n, value in final.items()))


def write_case(fixture, name, c, initial, data, record, final, single, single_final, seen, note=""):
    worst, drift = roundings(record, final, single, single_final)
    print(f"{fixture.name}/{name}: gradients {worst:.1f}, weights at the end {drift:.1f}{note}")
    parts = {"parameters": initial, "data": data, "losses": record.losses,
             "gradients": record.gradients, "final": final, "inference": seen}
    for part, entries in parts.items():
        for key, value in entries.items():
            fixture.write(f"{name}/{part}/{key}", value)
    fixture.attributes(name, configuration=json.dumps(c))


def write_cases(fixture, cases, make, inference, ten_steps, limit=math.inf):
    """Each case with its first good seed.

    A good seed has no kink, no gradient of zeros only, and roundings below the limit."""
    for name, c in cases:
        for seed in range(600, 60_000):
            model, data = make(c, seed)
            initial = {n: p.detach().clone() for n, p in model.named_parameters()}
            try:
                seen = inference(c, model, data)
                record, final = ten_steps(c, model, data, torch.float64)
            except Kink:
                continue
            single, single_final = ten_steps(c, make(c, seed)[0], data, torch.float32)
            works = all(g.abs().max() > 0 for g in record.gradients.values())
            if works and max(roundings(record, final, single, single_final)) < limit:
                break
        else:
            raise SystemExit(f"{fixture.name}/{name}: every seed has a kink")
        write_case(fixture, name, c, initial, data, record, final, single, single_final, seen,
                   f" (seed {seed})")


def write_models():
    with Fixture("models.h5") as fixture:
        write_cases(fixture, cases(), make, inference, ten_steps)
