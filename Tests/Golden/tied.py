"""The robust deep autoencoder with tied weights: the decoder is the transpose of the encoder."""
import math

import torch
from torch.nn import functional

from fixture import B, D, H, J, STEPS, Fixture, normal, uniform
from models import Record, write_cases


class Layer(torch.nn.Module):
    def __init__(self, outputs, inputs=None):
        super().__init__()
        if inputs:
            self.weight = torch.nn.Parameter(torch.zeros(outputs, inputs))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))


class Tied(torch.nn.Module):
    """Names as in Cleave's checkpoints; the decoder has biases alone."""

    def __init__(self, layers):
        super().__init__()
        sizes = [D, *layers]
        self.encoder = torch.nn.ModuleList(Layer(b, a) for a, b in zip(sizes, layers))
        self.decoder = torch.nn.ModuleList(Layer(size) for size in reversed(sizes[:-1]))

    def encode(self, x):
        for layer in self.encoder:
            x = torch.sigmoid(functional.linear(x, layer.weight, layer.bias))
        return x

    def decode(self, z):
        for layer, out in zip(reversed(self.encoder), self.decoder):
            z = torch.sigmoid(functional.linear(z, layer.weight.t(), out.bias))
        return z


def cases():
    """(name, configuration)."""
    common = dict(model="rda", rda_variant="tied", reconstruction_term="mse", learning_rate=0.01,
                  optimizer="adam", adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8, batch=B,
                  seed=595)
    yield "rda_tied", dict(common, tied_layers=[H])
    yield "rda_tied_deep", dict(common, tied_layers=[H, H - 2, J])


def make(c, seed):
    torch.manual_seed(seed)
    model = Tied(c["tied_layers"]).double()
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.3 if parameter.dim() == 1 else 1 / math.sqrt(parameter.shape[1])
            parameter.copy_(normal(*parameter.shape, scale=scale))
    return model, {"batches": uniform(STEPS, B, D)}


def inference(c, model, data):
    """Code and picture of batch 0 by the present weights."""
    with torch.no_grad():
        code = model.encode(data["batches"][0])
        return {"mean": code, "reconstruction": model.decode(code)}


def ten_steps(c, model, data, precision):
    """The record, and the weights at the end."""
    model = model.to(precision)
    optimizer = torch.optim.Adam(model.parameters(), lr=c["learning_rate"],
                                 betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"])
    record = Record(model)
    for index in range(STEPS):
        x = data["batches"][index].to(precision)
        loss = 200 * functional.mse_loss(model.decode(model.encode(x)), x)
        record.phase("all", {"reconstruction": loss}, loss, list(model.parameters()), optimizer)
    return record, {n: p.detach().clone() for n, p in model.named_parameters()}


def write_tied():
    with Fixture("tied.h5") as fixture:
        write_cases(fixture, cases(), make, inference, ten_steps)
