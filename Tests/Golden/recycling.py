"""The recycling family: losses of ten steps, the first step's gradients, the last weights."""
import math

import torch

from fixture import B, D, H, J, STEPS, Fixture, normal, uniform
from models import Kink, Record, mlp, with_exact_weights, write_cases
from operators import kl_rows

CLAMP = (-12, 6)
FLOOR = math.log(1e-6)


class Recycled(torch.nn.Module):
    """q(z|x), and a decoder with a mean and, for LC, a log-variance for every pixel."""

    def __init__(self, c):
        super().__init__()
        hidden, self.c = c["hidden"], c
        self.affine, self.learned = c["model"] == "ic-affine", "lc-vae" in c["model"]
        if not self.affine:
            self.encoder = mlp([D, *hidden], c["activation"], last=True)
        features = D if self.affine else hidden[-1]
        self.mean = torch.nn.Linear(features, J)
        self.log_variance = torch.nn.Linear(features, J)
        outwards = [J, *reversed(hidden)]
        if self.affine:
            self.decoder = torch.nn.Linear(J, D)
        elif self.learned:
            self.decoder = mlp(outwards, c["activation"], last=True)
            self.output_mean = torch.nn.Linear(hidden[0], D)
            self.output_log_variance = torch.nn.Linear(hidden[0], D)
        else:
            self.decoder = mlp([*outwards, D], c["activation"], last=False)

    def posterior(self, x):
        h = x if self.affine else self.encoder(x)
        return self.mean(h), self.log_variance(h).clamp(*CLAMP)

    def output(self, z):
        """The mean m, and log v or None."""
        h = self.decoder(z)
        if self.affine:
            return h, None
        if self.learned:
            return torch.sigmoid(self.output_mean(h)), self.output_log_variance(h).clamp(FLOOR, 6)
        return torch.sigmoid(h), None

    def misfit(self, residual, log_variance):
        r = self.c["residual_scale"] * residual
        if self.learned:
            return 0.5 * (r.square() * (-log_variance).exp() + log_variance).sum(1)
        if "l2-vae" in self.c["model"]:
            return 0.5 * r.square().sum(1)
        return 0.5 * (r.square() + self.c["residual_epsilon"]).log().sum(1)

    def recycle(self, m, log_variance, residual, noise):
        if self.learned:
            return m + (0.5 * log_variance).exp() * noise / self.c["residual_scale"]
        if "l2-vae" in self.c["model"]:
            return m + self.c["recycle_std"] * noise
        if residual.dtype == torch.float64 and residual.detach().abs().min() < 1e-4:
            raise Kink
        return m + residual.abs() * noise

    def step(self, x, noise, recycling):
        """Terms of the loss, and the loss; means over the batch."""
        target, terms, total = x, {}, 0
        for p in range(self.c["passes"]):
            mean, log_variance = self.posterior(x)
            m, v = self.output(mean + (0.5 * log_variance).exp() * noise[p])
            residual = target - m
            misfit, kl = self.misfit(residual, v).mean(), kl_rows(mean, log_variance).mean()
            if p == 0:
                held = (log_variance <= CLAMP[0]) | (log_variance >= CLAMP[1])
                terms = {"misfit": misfit, "kl": kl, "clamped": held.double().sum(1).mean()}
            else:
                terms["recycled"] = terms.get("recycled", 0) + misfit + kl
            total = total + misfit + kl
            if p + 1 < self.c["passes"]:
                x, target = self.next(m, v, residual, recycling[p])
        return terms, total

    def next(self, m, v, residual, noise):
        """x_{p+1} as the encoder's input and as the target (D-16)."""
        def fixed(value):
            return None if value is None else value.detach()
        path = self.c["recycle_grad"]
        if path == "detach":
            x = self.recycle(m, v, residual, noise).detach()
        elif path == "mean":
            x = self.recycle(m, fixed(v), fixed(residual), noise)
        else:
            x = self.recycle(m, v, residual, noise)
        x = x.clamp(0, 1) if self.c["recycle_clip"] else x
        return x, x.detach() if path == "input_only" else x


def ten_steps(c, model, data, precision):
    model, data = model.to(precision), {name: v.to(precision) for name, v in data.items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=c["learning_rate"],
                                 betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"])
    record = Record(model)
    for index in range(STEPS):
        recycling = data["recycling"][index] if "recycling" in data else None
        terms, loss = model.step(data["batches"][index], data["noise"][index], recycling)
        record.phase("all", terms, loss, list(model.parameters()), optimizer)
    return record, {n: p.detach().clone() for n, p in model.named_parameters()}


def make(c, seed):
    torch.manual_seed(seed)
    model = with_exact_weights(Recycled(c))
    data = {"batches": uniform(STEPS, B, D), "noise": normal(STEPS, c["passes"], B, J)}
    if c["passes"] > 1:
        data["recycling"] = normal(STEPS, c["passes"] - 1, B, D)
    return model, data


def inference(c, model, data):
    """Code of batch 0 and its reconstruction after M passes by the means."""
    with torch.no_grad():
        mean, log_variance = model.posterior(data["batches"][0])
        picture, _ = model.output(mean)
        for _ in range(c["test_passes"] - 1):
            picture, _ = model.output(model.posterior(picture)[0])
        return {"mean": mean, "log_variance": log_variance, "reconstruction": picture}


def cases():
    common = dict(learning_rate=0.01, optimizer="adam", adam_beta1=0.9, adam_beta2=0.999,
                  adam_epsilon=1e-8, batch=B, latent=J, seed=595, hidden=[H, H - 2],
                  activation="tanh", passes=1, test_passes=1, recycle_grad="detach",
                  recycle_std=0.0, recycle_clip=False, residual_epsilon=0.01, residual_scale=1.0)
    yield "l2_vae", dict(common, model="l2-vae")
    yield "l2_vae_scaled", dict(common, model="l2-vae", residual_scale=10.0, activation="relu")
    yield "lc_vae", dict(common, model="lc-vae")
    yield "ic_vae", dict(common, model="ic-vae", test_passes=3)
    yield "ic_affine", dict(common, model="ic-affine", learning_rate=0.003)
    ric = dict(common, model="ric-vae", passes=3, test_passes=2)
    for path in ("detach", "mean", "full", "input_only"):
        yield f"ric_vae_{path}", dict(ric, recycle_grad=path)
    yield "ric_vae_clipped", dict(ric, recycle_grad="full", recycle_clip=True)
    again = dict(common, passes=2, test_passes=2)
    for path in ("detach", "full", "input_only"):
        yield f"r_l2_vae_{path}", dict(again, model="r-l2-vae", recycle_grad=path)
    yield "r_l2_vae_noisy", dict(again, model="r-l2-vae", recycle_grad="mean", recycle_std=0.25)
    for path in ("detach", "mean", "full", "input_only"):
        yield f"rlc_vae_{path}", dict(again, model="rlc-vae", recycle_grad=path)


def write_recycling():
    with Fixture("recycling.h5") as fixture:
        write_cases(fixture, cases(), make, inference, ten_steps)
