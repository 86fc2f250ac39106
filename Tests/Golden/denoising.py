"""Denoising models (Im et al., Burda et al.), as in models.py.

The bound has K samples of M corrupted inputs."""
import math

import torch
from torch.nn import functional

from fixture import B, D, H, J, STEPS, Fixture, normal, uniform
from models import Record, mlp, with_exact_weights, write_cases
from operators import bernoulli_rows

T = 3  # steps of a GRU


class GRU(torch.nn.Module):
    """h = (1 - u) h + u g with the reset gate before U_g (docs/systems.md, 6.5)."""

    def __init__(self, inputs, units_):
        super().__init__()
        self.input_weight = torch.nn.Parameter(torch.zeros(3 * units_, inputs))
        self.input_bias = torch.nn.Parameter(torch.zeros(3 * units_))
        self.gate_weight = torch.nn.Parameter(torch.zeros(2 * units_, units_))
        self.candidate_weight = torch.nn.Parameter(torch.zeros(units_, units_))

    def forward(self, sequence):
        h = sequence[0].new_zeros(len(sequence[0]), self.candidate_weight.shape[0])
        w_r, w_u, w_g = self.input_weight.chunk(3)
        b_r, b_u, b_g = self.input_bias.chunk(3)
        u_r, u_u = self.gate_weight.chunk(2)
        for v in sequence:
            r = torch.sigmoid(v @ w_r.T + h @ u_r.T + b_r)
            u = torch.sigmoid(v @ w_u.T + h @ u_u.T + b_u)
            g = torch.tanh(v @ w_g.T + (r * h) @ self.candidate_weight.T + b_g)
            h = (1 - u) * h + u * g
        return h


class DVAE(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, hidden, layers = c, c["hidden"], c["decoder_hidden"]
        if c["inference"] == "gru":
            self.encoder = GRU(-(-D // T) if c["gru_input"] == "chunks" else D, hidden[0])
        else:
            self.encoder = mlp([D, *hidden], c["activation"], last=True)
        self.mean = torch.nn.Linear(hidden[-1], J)
        self.log_deviation = torch.nn.Linear(hidden[-1], J)
        if c["likelihood"] == "bernoulli":
            self.decoder = mlp([J, *layers, D], c["activation"], last=False)
        else:
            self.decoder = mlp([J, *layers], c["activation"], last=True)
            self.decoder.add_module("mean", torch.nn.Linear(layers[-1], D))
            self.decoder.add_module("deviation", torch.nn.Linear(layers[-1], D))

    def posterior(self, x):
        """x is [R, D], or [R, T, D] with an input for each step of a GRU."""
        if self.c["inference"] == "gru":
            if x.dim() == 3:
                sequence = list(x.unbind(1))
            elif self.c["gru_input"] == "chunks":
                width = -(-D // T)
                sequence = functional.pad(x, (0, width * T - D)).view(len(x), T, width).unbind(1)
            else:
                sequence = [x] * T
            h = self.encoder(sequence)
        else:
            h = self.encoder(x)
        return self.mean(h), self.log_deviation(h)

    def generator(self, z):
        """Logits, or the raw outputs of both heads."""
        if self.c["likelihood"] == "bernoulli":
            return (self.decoder(z),)
        h = z
        for name, layer in self.decoder.named_children():
            if name not in ("mean", "deviation"):
                h = layer(h)
        return self.decoder.mean(h), self.decoder.deviation(h)

    def log_likelihood(self, z, x):
        """log p(x|z), [B, S], of z [B, S, J]."""
        flat, target = z.reshape(-1, J), x.repeat_interleave(z.shape[1], 0)
        if self.c["likelihood"] == "bernoulli":
            rows = -bernoulli_rows(self.generator(flat)[0], target)
        else:
            mean, deviation = self.generator(flat)
            gaussian = torch.distributions.Normal(
                torch.sigmoid(mean), functional.softplus(deviation) + 1e-4)
            rows = gaussian.log_prob(target).sum(1)
        return rows.view(len(z), -1)

    def decoded(self, z):
        return torch.sigmoid(self.generator(z)[0])


def loss_of(model, c, x, corrupted, noise):
    """corrupted [B, M, (T,) D], noise [B, M, K, J]."""
    m, k = c["corruptions"], c["samples"]
    mean, log_deviation = model.posterior(corrupted.reshape(B * m, *corrupted.shape[2:]))
    mean, log_deviation = mean.view(B, m, 1, J), log_deviation.view(B, m, 1, J)
    z = mean + log_deviation.exp() * noise
    log_p = model.log_likelihood(z.reshape(B, m * k, J), x).view(B, m, k)
    standard = torch.distributions.Normal(torch.zeros(()).to(z), torch.ones(()).to(z))
    posterior = torch.distributions.Normal(mean, log_deviation.exp())
    ratio = standard.log_prob(z).sum(3) - posterior.log_prob(z).sum(3)
    terms = {"reconstruction": -log_p.mean(), "kl": -ratio.mean()}
    if c["kl"] == "analytic":
        terms["kl"] = torch.distributions.kl_divergence(posterior, standard).sum(3).mean()
        return terms, terms["reconstruction"] + terms["kl"]
    log_w = log_p + ratio
    if c["model"] == "dvae":
        return terms, -log_w.mean()
    if c["outer"] == "outside":
        return terms, -(torch.logsumexp(log_w, 2) - math.log(k)).mean()
    return terms, -(torch.logsumexp(log_w.view(B, -1), 1) - math.log(m * k)).mean()


def ten_steps(c, model, data, precision):
    model, data = model.to(precision), {name: v.to(precision) for name, v in data.items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=c["learning_rate"],
                                 betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"])
    record = Record(model)
    m, k = c["corruptions"], c["samples"]
    for index in range(STEPS):
        inputs = [m, T] if per_step(c) else [m]
        corrupted = data["corrupted"][index].transpose(0, 1).reshape(B, *inputs, D)
        noise = data["noise"][index].view(B, m, k, J)
        terms, loss = loss_of(model, c, data["batches"][index], corrupted, noise)
        record.phase("all", terms, loss, list(model.parameters()), optimizer)
        record.losses.setdefault("loss", []).append(loss.item())
    return record, {n: p.detach().clone() for n, p in model.named_parameters()}


def per_step(c):
    return c["inference"] == "gru" and c["gru_corrupt"] == "per_step"


def make(c, seed):
    torch.manual_seed(seed)
    model = with_exact_weights(DVAE(c))
    copies = c["corruptions"] * (T if per_step(c) else 1)
    batches = uniform(STEPS, B, D)
    corrupted = batches.unsqueeze(2).repeat(1, 1, copies, 1)
    if c["noise"] != "none":
        corrupted = (corrupted + normal(STEPS, B, copies, D, scale=0.25)).float().double()
    noise = normal(STEPS, B, c["corruptions"] * c["samples"] * J)
    # Copies come first, like other draws of a step.
    return model, {"batches": batches, "corrupted": corrupted.transpose(1, 2), "noise": noise}


def inference(c, model, data):
    with torch.no_grad():
        mean, log_deviation = model.posterior(data["batches"][0])
        return {"mean": mean, "log_variance": 2 * log_deviation,
                "reconstruction": model.decoded(mean)}


def cases():
    common = dict(learning_rate=0.01, optimizer="adam", adam_beta1=0.9, adam_beta2=0.999,
                  adam_epsilon=1e-8, batch=B, latent=J, seed=595, hidden=[H, H - 2],
                  decoder_hidden=[H - 1, H], likelihood="bernoulli", inference="feedforward",
                  gru_steps=T, gru_input="repeat", gru_corrupt="once", outer="inside")
    dvae = dict(common, model="dvae", activation="softplus", noise="gaussian:0.25", samples=1,
                corruptions=1, kl="analytic")
    yield "dvae", dvae
    yield "dvae_k3_m2", dict(dvae, samples=3, corruptions=2)
    yield "dvae_mc", dict(dvae, samples=3, corruptions=2, kl="mc")
    diwae = dict(dvae, model="diwae", activation="tanh", samples=3, corruptions=2, kl="mc")
    yield "iwae", dict(diwae, model="iwae", corruptions=1, noise="none")
    yield "diwae_inside", diwae
    yield "diwae_outside", dict(diwae, outer="outside")
    yield "dvae_gaussian", dict(dvae, likelihood="gaussian", samples=2)
    yield "diwae_gaussian", dict(diwae, likelihood="gaussian")
    gru = dict(dvae, inference="gru", hidden=[H])
    yield "dvae_gru", gru
    yield "diwae_gru_chunks", dict(diwae, inference="gru", hidden=[H], gru_input="chunks")
    yield "dvae_gru_per_step", dict(gru, gru_corrupt="per_step", corruptions=2, samples=2)


def write_denoising():
    with Fixture("denoising.h5") as fixture:
        write_cases(fixture, cases(), make, inference, ten_steps)
