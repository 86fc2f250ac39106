"""Adversarial autoencoders, plain autoencoders and GANs, as models.py has VAE, AAE and DAAE."""
import contextlib
import math

import torch
from torch import nn
from torch.nn import functional

from fixture import B, D, H, J, STEPS, Fixture, normal, uniform
from models import (Kink, Record, mlp, reconstruction_rows, with_exact_weights, write_case,
                    write_cases)

PASSES = 12  # draws of noise in a step: iDAAE(3) has three rounds of 1 + 3 draws
COPIES = 3


class Guarded(nn.Module):
    """Leaky ReLU that, in double, refuses inputs whose side single precision could miss."""

    def forward(self, x):
        if x.dtype == torch.float64 and x.detach().abs().min() < 1e-4:
            raise Kink
        return functional.leaky_relu(x, 0.2)


def network(sizes, activation):
    made = mlp(sizes, "relu" if activation == "leaky_relu" else activation, last=False)
    if activation == "leaky_relu":
        made = nn.Sequential(*[m if isinstance(m, nn.Linear) else Guarded() for m in made])
    return made


class Parts(nn.Module):
    """A model from its parts, with the names of a checkpoint."""

    def __init__(self, c):
        super().__init__()
        inward, outward = c["hidden"], c.get("decoder_hidden") or c["hidden"][::-1]
        judge = c.get("discriminator_activation") or c["activation"]
        if c["model"] == "gan":
            self.generator = network([J, *outward, D], c["activation"])
            self.discriminator = network([D, *inward, 1], judge)
            return
        if c["model"] in ("ae", "dae"):
            self.encoder = mlp([D, *inward], c["activation"], last=True)
            self.mean = nn.Linear(inward[-1], J)
        else:
            self.encoder = network([D, *inward, J], c["activation"])
            self.discriminator = network([J, *c["discriminator_hidden"], 1], judge)
        self.decoder = network([J, *outward, D], c["activation"])


def parameters(*modules):
    return [p for module in modules for p in module.parameters()]


def plain_step(model, c, data, step, optimizers, record):
    x, seen = data["batches"][step], data["corrupted"][step][0]
    logits = model.decoder(model.mean(model.encoder(seen)))
    loss = reconstruction_rows(c["reconstruction_term"], logits, x).mean()
    record.phase("all", {"reconstruction": loss}, loss, parameters(model), optimizers["all"])


def generator_loss(c, scores):
    """The losses of D-27, with the guard of D-12."""
    if c["generator_loss"] == "saturating":
        return -guarded_log(c, scores, -1).mean()
    return guarded_log(c, scores, 1).mean()


def guarded_log(c, scores, sign):
    epsilon = c.get("loss_epsilon", 0)
    if epsilon:
        return -torch.log(torch.sigmoid(sign * scores) + epsilon)
    return functional.softplus(-sign * scores)


def adversarial_step(model, c, data, step, optimizers, record):
    """The phases of docs/systems.md, 7.3, in the order of the configuration."""
    x, corrupted, prior = data["batches"][step], data["corrupted"][step], data["prior"][step]

    def copies(round, first):
        return [corrupted[round + 3 * j] for j in range(first, first + COPIES)]

    def matched(round):
        if c["model"] != "idaae":
            return model.encoder(corrupted[round])
        if c["idaae"] == "images":
            return model.encoder(torch.stack(copies(round, 0)).mean(0))
        return torch.stack([model.encoder(one) for one in copies(round, 1)]).mean(0)

    def reconstruction(round):
        code = matched(round) if c["idaae"] == "images" else model.encoder(corrupted[round])
        loss = functional.binary_cross_entropy_with_logits(model.decoder(code), x)
        penalty = 0
        if c["sprite_reg"]:
            for name, weight in [*model.encoder.named_parameters(), *model.decoder.named_parameters()]:
                if name.endswith("weight"):
                    penalty = penalty + 0.1 * weight.abs().sum() + 1e-4 * weight.square().sum()
        return {"reconstruction": loss}, loss + penalty

    def discriminator(codes):
        codes = codes.detach()
        loss = (functional.softplus(-model.discriminator(prior)).mean()
                + functional.softplus(model.discriminator(codes)).mean())
        record.phase("discriminator", {"discriminator": loss}, loss, parameters(model.discriminator),
                     optimizers["discriminator"])

    def reconstruct(round):
        terms, loss = reconstruction(round)
        record.phase("reconstruction", terms, loss, parameters(model.encoder, model.decoder),
                     optimizers["reconstruction"])

    def mislead(round):
        loss = generator_loss(c, model.discriminator(matched(round)))
        record.phase("encoder_prior", {"encoder_prior": loss}, loss, parameters(model.encoder),
                     optimizers["encoder_prior"])

    if c["joint"]:
        # Both use the weights before the step.
        codes = matched(0)
        terms, loss = reconstruction(0)
        match = generator_loss(c, model.discriminator(codes))
        record.phase("joint", dict(terms, encoder_prior=match), loss + c["alpha"] * match,
                     parameters(model.encoder, model.decoder), optimizers["joint"])
        discriminator(codes)
    elif c["update_order"] == "reconstruction_first":
        reconstruct(0)
        discriminator(matched(0))
        mislead(0)
    else:
        discriminator(matched(0))
        mislead(1)
        reconstruct(2)


def image_game_step(model, c, data, step, optimizers, record):
    """The game of docs/systems.md, 4.4 and 4.5."""
    real, z = data["corrupted"][step][0], data["prior"][step]

    def images(z):
        logits = model.generator(z)
        made = torch.tanh(logits) if c["generator_output"] == "tanh" else torch.sigmoid(logits)
        # The one noise without chance that passes a gradient on: every pixel is flipped.
        return 1 - made if c.get("known_noise", "none") == "salt-pepper:1.0" else made

    with still(model.generator):
        fake = images(z[0]).detach()
    averages = mean_statistics(model.discriminator, real, fake)
    with still(model.discriminator):
        loss = (guarded_log(c, model.discriminator(real), 1).mean()
                + guarded_log(c, model.discriminator(fake), -1).mean())
    record.phase("discriminator", {"discriminator": loss}, loss, parameters(model.discriminator),
                 optimizers["discriminator"])
    set_statistics(model.discriminator, averages)
    made = images(z[1])
    with still(model.discriminator):
        loss = generator_loss(c, model.discriminator(made))
    record.phase("generator", {"generator": loss}, loss, parameters(model.generator),
                 optimizers["generator"])


@contextlib.contextmanager
def still(module):
    """Leaves running averages unchanged."""
    layers = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 0
    yield
    for layer in layers:
        layer.momentum = 0.1


def statistics(module):
    return {n: b.clone() for n, b in module.named_buffers() if "running" in n}


def set_statistics(module, values):
    for name, buffer in module.named_buffers():
        if name in values:
            buffer.copy_(values[name])


def mean_statistics(module, *batches):
    """The running averages if the mean of several measurements counts as one."""
    before, found = statistics(module), []
    with torch.no_grad():
        for batch in batches:
            module(batch)
            found.append(statistics(module))
            set_statistics(module, before)
    return {n: sum(one[n] for one in found) / len(found) for n in before}


def phases(model, c):
    if c["model"] in ("ae", "dae"):
        return plain_step, {"all": [model]}
    if c["model"] in ("gan", "dcgan"):
        return image_game_step, {"discriminator": [model.discriminator], "generator": [model.generator]}
    if c["joint"]:
        return adversarial_step, {"joint": [model.encoder, model.decoder],
                                  "discriminator": [model.discriminator]}
    return adversarial_step, {"reconstruction": [model.encoder, model.decoder],
                              "discriminator": [model.discriminator],
                              "encoder_prior": [model.encoder]}


def optimizer(c, phase, modules):
    weights = parameters(*modules)
    if c["optimizer"] == "rmsprop":
        momentum = c["discriminator_momentum"] if phase == "discriminator" else 0
        return torch.optim.RMSprop(weights, lr=c["learning_rate"], alpha=c["rmsprop_alpha"],
                                   eps=c["adam_epsilon"], momentum=momentum)
    return torch.optim.Adam(weights, lr=c["learning_rate"], betas=(c["adam_beta1"], c["adam_beta2"]),
                            eps=c["adam_epsilon"])


def train(c, model, data, precision):
    """The record, and the weights at the end."""
    model, data = model.to(precision), {name: v.to(precision) for name, v in data.items()}
    step, groups = phases(model, c)
    optimizers = {name: optimizer(c, name, modules) for name, modules in groups.items()}
    record = Record(model)
    for index in range(len(data["batches"])):
        step(model, c, data, index, optimizers, record)
    return record, {n: v.detach().clone() for n, v in model.state_dict().items()
                    if "num_batches" not in n}


def make(c, seed):
    """A model, and its data and noise."""
    torch.manual_seed(seed)
    model = with_exact_weights(Parts(c))
    batches = uniform(STEPS, B, D)
    sigma = float(c["noise"].split(":")[1]) if c["noise"] != "none" else 0.0
    passes = PASSES if c["model"] in ("daae", "idaae") else 1
    corrupted = batches[:, None] + normal(STEPS, passes, B, D, scale=sigma)
    data = {"batches": batches, "corrupted": corrupted.float().double()}
    if c["model"] == "gan":
        data["prior"] = normal(STEPS, 2, B, J)
    elif c["model"] not in ("ae", "dae"):
        data["prior"] = normal(STEPS, B, J)
    return model, data


def inference(c, model, data):
    """Code and picture of batch 0, or of codes of the prior, by the present weights."""
    with torch.no_grad():
        if c["model"] == "gan":
            logits = model.generator(data["prior"][0][0])
            return {"samples": torch.tanh(logits).clamp(min=0) if c["generator_output"] == "tanh"
                    else torch.sigmoid(logits)}
        code = model.encoder(data["batches"][0])
        code = model.mean(code) if hasattr(model, "mean") else code
        return {"mean": code, "reconstruction": torch.sigmoid(model.decoder(code))}


def cases():
    """(name, configuration)."""
    common = dict(learning_rate=0.01, optimizer="adam", adam_beta1=0.9, adam_beta2=0.999,
                  adam_epsilon=1e-8, rmsprop_alpha=0.99, batch=B, latent=J, seed=595,
                  hidden=[H, H - 2], activation="relu", noise="gaussian:0.5",
                  generator_loss="non_saturating")
    daae = dict(common, model="daae", discriminator_hidden=[6, 4], idaae="codes", averaged_copies=COPIES,
                update_order="reconstruction_first", joint=False, alpha=1.0, sprite_reg=False)
    idaae = dict(daae, model="idaae")
    yield "daae_discriminator_first", dict(daae, update_order="discriminator_first")
    yield "daae_joint", dict(daae, joint=True, alpha=0.3)
    yield "daae_sprites", dict(daae, sprite_reg=True)
    yield "daae_rmsprop", dict(daae, optimizer="rmsprop", discriminator_momentum=0.1)
    yield "idaae", idaae
    yield "idaae_saturating", dict(idaae, generator_loss="saturating")
    yield "idaae_discriminator_first", dict(idaae, update_order="discriminator_first")
    yield "idaae_images", dict(idaae, idaae="images")
    yield "idaae_joint", dict(idaae, joint=True, alpha=0.3)
    yield "idaae_images_joint", dict(idaae, idaae="images", joint=True)
    ae = dict(common, model="ae", noise="none", reconstruction_term="bce", activation="sigmoid")
    yield "ae", ae
    yield "ae_mse", dict(ae, reconstruction_term="mse", activation="relu")
    yield "dae", dict(ae, model="dae", noise="gaussian:0.5")
    gan = dict(common, model="gan", noise="none", dropout=0.0, generator_output="sigmoid",
               loss_epsilon=0.0)
    yield "gan", gan
    yield "gan_ambient", dict(gan, known_noise="salt-pepper:1.0")
    yield "gan_saturating", dict(gan, generator_loss="saturating")
    yield "gan_legacy", dict(gan, generator_output="tanh", loss_epsilon=0.01)
    yield "gan_small", dict(gan, hidden=[6, 4], decoder_hidden=[4, 7], noise="gaussian:0.2",
                            discriminator_activation="leaky_relu")


class DCGAN(nn.Module):
    """Takes and returns images [B, H, W, C]; computes with channels first."""

    def __init__(self, channels, side, colours, latent):
        super().__init__()
        generator, inputs = [], latent
        for i, outputs in enumerate(reversed(channels)):
            top = side >> len(channels)
            generator += [nn.ConvTranspose2d(inputs, outputs, *((top, 1, 0) if i == 0 else (4, 2, 1)),
                                             bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        generator.append(nn.ConvTranspose2d(inputs, colours, 4, 2, 1, bias=False))
        judge, inputs = [], colours
        for i, outputs in enumerate(channels):
            judge.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
            judge += [nn.BatchNorm2d(outputs)] if i else []
            judge.append(nn.LeakyReLU(0.2))
            inputs = outputs
        judge.append(nn.Conv2d(inputs, 1, side >> len(channels), 1, 0, bias=False))
        self.generator, self.discriminator = Generator(*generator), Judge(*judge)


class Generator(nn.Sequential):
    def forward(self, z):
        return super().forward(z[:, :, None, None]).permute(0, 2, 3, 1)


class Judge(nn.Sequential):
    def forward(self, x):
        return super().forward(x.permute(0, 3, 1, 2)).flatten(1)


def make_dcgan(c, side, examples, steps):
    torch.manual_seed(600)
    model = DCGAN(c["channels"], side, 3, c["latent"]).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                fan = math.prod(parameter.shape[1:])
                parameter.copy_(normal(*parameter.shape, scale=1 / math.sqrt(fan)))
            else:
                parameter.copy_((parameter + 0.1 * normal(*parameter.shape)).float().double())
    batches = uniform(steps, examples, side, side, 3)
    return model, {"batches": batches, "corrupted": batches[:, None],
                   "prior": normal(steps, 2, examples, c["latent"])}


def write_adversarial():
    with Fixture("adversarial.h5") as fixture:
        write_cases(fixture, cases(), make, inference, train, limit=5)
        c = dict(model="dcgan", channels=[4, 6], latent=5, batch=6, lanes=1, seed=595, noise="none",
                 learning_rate=1e-3, optimizer="adam", adam_beta1=0.5, adam_beta2=0.999,
                 adam_epsilon=0.01, generator_loss="non_saturating", loss_epsilon=0.0,
                 generator_output="sigmoid")
        model, data = make_dcgan(c, 8, 6, 3)
        initial = {n: v.detach().clone() for n, v in model.state_dict().items() if "num_batches" not in n}
        record, final = train(c, model, data, torch.float64)
        single, single_final = train(c, make_dcgan(c, 8, 6, 3)[0], data, torch.float32)
        write_case(fixture, "dcgan", c, initial, data, record, final, single, single_final, {})
