#!/usr/bin/env python3
"""The workloads of `cleave bench` in PyTorch, on CPUs: the program that Cleave is compared with.

    python3 -m venv VENV && VENV/bin/pip install torch numpy
    VENV/bin/python launch/torch_train.py --workload rvae-mlp --threads 2 --mkl-avx512
    VENV/bin/python launch/torch_train.py --workload celeba-conv-vae --ranks 2 --channels-last

launch/compare-pytorch runs it in turn with Cleave. Each workload trains on synthetic uint8 images
in memory. A step gathers a random batch of rows and converts it to float32, as training does.
--batch is the global batch; each of --ranks processes takes its share. Ranks average gradients with
gloo on the loopback interface.

A line tells images/s and milliseconds of the median step, images/s of all steps, GFLOP/s, the peak
memory of each process and the last loss. GFLOP/s count the products and convolutions that the
algorithm needs. Steps of the warm-up are left out. --json appends the same as one JSON line.

How to compare fairly:

* --adam fused (the default) is the fastest optimizer on CPUs.
* On CPUs not made by Intel, PyTorch's MKL runs AVX2 products, at less than half the speed of
  AVX-512. --mkl-avx512 lifts that. It needs a C compiler. Without it PyTorch is what a user gets,
  with it the best that PyTorch can do.
* --compile fuses element-wise work. It needs a C++ compiler, and falls into the warm-up.
* --channels-last is a little faster for the convolutional model.
* --bf16 changes the arithmetic; do not compare it with a float32 run.
* Run one benchmark at a time, on an idle machine, at least three times; give medians and spread.
"""
import argparse
import json
import math
import multiprocessing
import os
import queue as queues
import resource
import statistics
import subprocess
import sys
import tempfile
import time

# torch is imported by each rank, after its threads and cores are chosen.

# Name: global batch, timed steps, steps of the warm-up, images in memory.
WORKLOADS = {
    "rvae-mlp": (200, 300, 30, 60000),
    "rvae-proj": (1000, 3, 1, 60000),  # the projection of the robust VAE; steps are whole passes
    "daae-mlp": (64, 200, 20, 60000),
    "idaae-mlp": (64, 120, 15, 60000),
    "celeba-conv-vae": (64, 10, 3, 2048),
    "dvae-mlp": (100, 300, 30, 60000),
    "diwae-mlp": (100, 300, 30, 60000),
    "ricvae-mlp": (100, 150, 15, 60000),
}
ADVERSARIAL = ("daae-mlp", "idaae-mlp")


def arguments(words=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--workload", required=True, choices=sorted(WORKLOADS))
    add("--steps", type=int, default=0,
        help="timed steps (0: the workload's default); passes over all images for rvae-proj")
    add("--warmup", type=int, default=-1, help="steps before them that are not timed")
    add("--batch", type=int, default=0, help="global batch (0: the workload's default)")
    add("--images", type=int, default=0, help="images in memory, over all ranks")
    add("--ranks", type=int, default=1, help="processes (default 1)")
    add("--threads", type=int, default=1, help="threads of a rank (default 1)")
    add("--adam", choices=["fused", "foreach", "loop"], default="fused")
    add("--compile", action="store_true", help="torch.compile the loss, forward and backward")
    add("--channels-last", action="store_true", help="NHWC tensors for the convolutional model")
    add("--bf16", action="store_true", help="autocast to bfloat16: not the same arithmetic")
    add("--sync", choices=["ddp", "flat"], default="ddp",
        help="gradients are averaged by DistributedDataParallel, or by one flat all-reduce after "
             "backward (always so in the adversarial workloads)")
    add("--loss", choices=["bce", "mse"], default="bce", help="of rvae and celeba-conv-vae")
    add("--mc", type=int, default=5, help="K of dvae and diwae, M of idaae, N of ricvae")
    add("--detach", action="store_true", help="ricvae: no gradient through recycled samples")
    add("--mkl-avx512", action="store_true",
        help="let MKL use AVX-512 on CPUs of other makers, by a preloaded library of one line")
    add("--no-pin", action="store_true", help="do not bind ranks to cores")
    add("--seed", type=int, default=1)
    add("--profile", default="", help="write torch.profiler's table of the timed steps to a file")
    add("--json", default="", help="append the result as one JSON line to this file")
    settings = parser.parse_args(words)
    batch, steps, warmup, images = WORKLOADS[settings.workload]
    settings.batch = settings.batch or batch
    settings.steps = settings.steps or steps
    settings.warmup = warmup if settings.warmup < 0 else settings.warmup
    settings.images = settings.images or images
    if settings.batch % settings.ranks:
        parser.error("--batch must be a multiple of --ranks")
    return settings


def networks(settings, torch):
    """Name -> network of the workload; a network of name "model" returns its loss."""
    nn, F = torch.nn, torch.nn.functional

    def mlp(sizes, activation, last=None):
        layers = []
        for i, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
            layers.append(nn.Linear(inputs, outputs))
            if i + 2 < len(sizes):
                layers.append(activation())
        if last is not None:
            layers.append(last())
        return nn.Sequential(*layers)

    def kl_sum(mean, logvar):
        return -0.5 * (1 + logvar - mean * mean - logvar.exp()).sum()

    def reconstruction(logits, target):
        if settings.loss == "mse":
            return (torch.sigmoid(logits) - target).square().sum()
        return F.binary_cross_entropy_with_logits(logits, target, reduction="sum")

    class RobustVAE(nn.Module):
        """784-512-256-(49, 49)-256-512-784, sigmoid units."""

        def __init__(self):
            super().__init__()
            self.enc = mlp([784, 512, 256], nn.Sigmoid, nn.Sigmoid)
            self.mu, self.logvar = nn.Linear(256, 49), nn.Linear(256, 49)
            self.dec = mlp([49, 256, 512, 784], nn.Sigmoid)

        def logits(self, x):
            h = self.enc(x)
            mean, logvar = self.mu(h), self.logvar(h)
            z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
            return self.dec(z), mean, logvar

        def forward(self, images, sparse):
            x = images.float() * (1 / 255.0) - sparse  # L = X - S
            out, mean, logvar = self.logits(x)
            return (reconstruction(out, x) + kl_sum(mean, logvar)) / x.shape[0]

    class ConvolutionalVAE(nn.Module):
        """A VAE like DCGAN for 64 x 64 x 3: four 4 x 4 convolutions of stride 2 each way, batch
        normalization, latent 100."""

        def __init__(self, colours=3, width=64, latent=100):
            super().__init__()
            c, w, top = colours, width, width * 8 * 16
            leaky = lambda: nn.LeakyReLU(0.2, inplace=True)
            relu = lambda: nn.ReLU(inplace=True)
            self.enc = nn.Sequential(
                nn.Conv2d(c, w, 4, 2, 1), leaky(),
                nn.Conv2d(w, w * 2, 4, 2, 1), nn.BatchNorm2d(w * 2), leaky(),
                nn.Conv2d(w * 2, w * 4, 4, 2, 1), nn.BatchNorm2d(w * 4), leaky(),
                nn.Conv2d(w * 4, w * 8, 4, 2, 1), nn.BatchNorm2d(w * 8), leaky())
            self.mu, self.logvar = nn.Linear(top, latent), nn.Linear(top, latent)
            self.d1 = nn.Linear(latent, top)
            self.dec = nn.Sequential(
                nn.ConvTranspose2d(w * 8, w * 4, 4, 2, 1), nn.BatchNorm2d(w * 4), relu(),
                nn.ConvTranspose2d(w * 4, w * 2, 4, 2, 1), nn.BatchNorm2d(w * 2), relu(),
                nn.ConvTranspose2d(w * 2, w, 4, 2, 1), nn.BatchNorm2d(w), relu(),
                nn.ConvTranspose2d(w, c, 4, 2, 1), nn.BatchNorm2d(c))
            self.top = (w * 8, 4, 4)

        def forward(self, images):
            x = images.float() * (1 / 255.0)
            if settings.channels_last:
                x = x.contiguous(memory_format=torch.channels_last)
            h = self.enc(x).flatten(1)
            mean, logvar = self.mu(h), self.logvar(h)
            z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
            h = F.relu(self.d1(z)).view(-1, *self.top)
            if settings.channels_last:
                h = h.contiguous(memory_format=torch.channels_last)
            out = self.dec(h).float()
            return (reconstruction(out, x) + kl_sum(mean.float(), logvar.float())) / x.shape[0]

    class DenoisingVAE(nn.Module):
        """A denoising VAE on binarised images, with or without importance weights: two hidden
        layers of 200, latent 50, K samples of z."""

        def __init__(self, importance):
            super().__init__()
            activation = nn.Tanh if importance else nn.Softplus
            self.enc = mlp([784, 200, 200], activation, activation)
            self.mu, self.logvar = nn.Linear(200, 50), nn.Linear(200, 50)
            self.dec = mlp([50, 200, 200, 784], activation)
            self.importance = importance

        def forward(self, images):
            x = (torch.rand(images.shape) * 255.0 < images).float()  # binarise by intensity
            u = torch.rand(x.shape)  # 5 % salt and pepper
            corrupted = torch.where(u < 0.025, 0.0, torch.where(u > 0.975, 1.0, x))
            h = self.enc(corrupted)
            mean, logvar = self.mu(h), self.logvar(h)
            n, k = x.shape[0], settings.mc
            epsilon = torch.randn(k, n, mean.shape[1])
            z = mean + torch.exp(0.5 * logvar) * epsilon
            logits = self.dec(z.reshape(k * n, -1)).view(k, n, -1)
            log_p = -F.binary_cross_entropy_with_logits(
                logits, x.expand(k, -1, -1), reduction="none").sum(-1)
            if not self.importance:
                return (kl_sum(mean, logvar) - log_p.mean(0).sum()) / n
            log_w = log_p + 0.5 * (epsilon * epsilon - z * z + logvar).sum(-1)
            return -(torch.logsumexp(log_w, 0) - math.log(k)).mean()

    class RecyclingVAE(nn.Module):
        """The objective of the iC-VAE, summed over N recycled passes; 784-512-256-30 each way,
        ReLU."""

        def __init__(self):
            super().__init__()
            self.enc = mlp([784, 512, 256], nn.ReLU, nn.ReLU)
            self.mu, self.logvar = nn.Linear(256, 30), nn.Linear(256, 30)
            self.dec = mlp([30, 256, 512, 784], nn.ReLU)

        def forward(self, images):
            x = images.float() * (1 / 255.0)
            total = 0.0
            for k in range(settings.mc):
                h = self.enc(x)
                mean, logvar = self.mu(h), self.logvar(h)
                z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
                output = torch.sigmoid(self.dec(z))
                deviation = (x - output).abs()
                total = total + kl_sum(mean, logvar) + torch.log(deviation + 1e-3).sum()
                if k + 1 < settings.mc:
                    x = output + deviation * torch.randn_like(deviation)
                    if settings.detach:
                        x = x.detach()
            return total / images.shape[0]

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp([784, 1000, 1000, 10], nn.ReLU)

        def forward(self, x):
            return self.net(x)

    if settings.workload in ADVERSARIAL:
        return {"enc": Encoder(), "dec": mlp([10, 1000, 1000, 784], nn.ReLU),
                "dis": mlp([10, 1000, 1000, 1], nn.ReLU)}
    make = {
        "rvae-mlp": RobustVAE, "rvae-proj": RobustVAE, "celeba-conv-vae": ConvolutionalVAE,
        "dvae-mlp": lambda: DenoisingVAE(False), "diwae-mlp": lambda: DenoisingVAE(True),
        "ricvae-mlp": RecyclingVAE,
    }
    return {"model": make[settings.workload]()}


def flops_per_image(settings):
    """Operations of a step for an image, a product and a sum counted as two: forward, weight
    gradients, and the input gradients that are needed (not the first layer's)."""

    def chain(sizes, input_gradient=False, weight_gradient=True, backward=True):
        total = 0
        for i, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:])):
            product = 2 * inputs * outputs
            total += product
            if backward:
                total += product * int(weight_gradient) + product * int(input_gradient or i > 0)
        return total

    workload, samples = settings.workload, settings.mc
    if workload == "rvae-mlp":
        return chain([784, 512, 256, 98]) + chain([49, 256, 512, 784], True)
    if workload == "rvae-proj":
        return (chain([784, 512, 256, 98], backward=False)
                + chain([49, 256, 512, 784], backward=False))
    if workload in ("dvae-mlp", "diwae-mlp"):
        return chain([784, 200, 200, 100]) + samples * chain([50, 200, 200, 784], True)
    if workload == "ricvae-mlp":
        one = chain([30, 256, 512, 784], True) + chain([784, 512, 256, 60])
        return samples * one + (0 if settings.detach else (samples - 1) * 2 * 784 * 512)
    if workload in ADVERSARIAL:
        matched = samples if workload == "idaae-mlp" else 1
        encoder, decoder = [784, 1000, 1000, 10], [10, 1000, 1000, 784]
        critic = [10, 1000, 1000, 1]
        return (chain(encoder) + chain(decoder, True) + 2 * chain(critic)
                + matched * chain(encoder) + chain(critic, True, weight_gradient=False))
    if workload == "celeba-conv-vae":
        total = 0
        layers = [(3, 64, 32), (64, 128, 16), (128, 256, 8), (256, 512, 4)]
        for i, (inputs, outputs, side) in enumerate(layers):
            product = 2 * inputs * outputs * 16 * side * side
            total += (2 + int(i > 0)) * product + 3 * product  # a layer of the encoder, its mirror
        return total + 3 * 2 * 8192 * (200 + 100)
    raise ValueError(workload)


class Rank:
    """One process: its networks, its images, and the step of its workload."""

    def __init__(self, rank, settings, rendezvous):
        import torch
        import torch.distributed as dist
        self.settings, self.torch, self.dist = settings, torch, dist
        self.flat = {}
        torch.set_num_threads(settings.threads)
        torch.set_num_interop_threads(1)
        torch.set_flush_denormal(True)
        torch.manual_seed(settings.seed)  # the same initial weights on every rank
        if settings.ranks > 1:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
            dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank,
                                    world_size=settings.ranks)
        self.networks = networks(settings, torch)
        if settings.channels_last and "model" in self.networks:
            self.networks["model"] = self.networks["model"].to(
                memory_format=torch.channels_last)
        torch.manual_seed(settings.seed + 1000 + rank)
        self.local_batch = settings.batch // settings.ranks
        self.count = settings.images // settings.ranks
        self.data = self.images()
        self.order, self.at = torch.randperm(self.count), 0
        self.images_per_step = self.local_batch
        if settings.workload in ADVERSARIAL:
            self.step = self.adversarial()
        elif settings.workload == "rvae-proj":
            self.images_per_step = self.count
            self.step = self.projection()
        else:
            self.step = self.descent()

    def images(self):
        torch = self.torch
        is_colour = self.settings.workload == "celeba-conv-vae"
        shape = (self.count, 3, 64, 64) if is_colour else (self.count, 784)
        data = torch.randint(0, 256, shape, dtype=torch.uint8)
        if data.dim() == 2:  # dark backgrounds, as in pictures of digits
            dark = torch.rand(1, 784)
            for first in range(0, self.count, 1000):  # in parts: training sets the peak memory
                part = data[first:first + 1000]
                part.mul_(torch.rand(part.shape[0], 1) * dark > 0.4)
        return data

    def next_rows(self):
        if self.at + self.local_batch > self.count:
            self.order, self.at = self.torch.randperm(self.count), 0
        rows = self.order[self.at:self.at + self.local_batch]
        self.at += self.local_batch
        return rows

    def adam(self, parameters, rate, betas=(0.9, 0.999)):
        kind = self.settings.adam
        return self.torch.optim.Adam(parameters, lr=rate, betas=betas, fused=kind == "fused",
                                     foreach=kind == "foreach")

    def average(self, parameters):
        """One all-reduce over all gradients, in a flat buffer that is kept."""
        if self.settings.ranks == 1:
            return
        torch, key = self.torch, id(parameters)
        gradients = [p.grad for p in parameters]
        if key not in self.flat:
            self.flat[key] = torch.empty(sum(g.numel() for g in gradients))
        flat = self.flat[key]
        views, first = [], 0
        for g in gradients:
            views.append(flat[first:first + g.numel()].view_as(g))
            first += g.numel()
        torch._foreach_copy_(views, gradients)
        self.dist.all_reduce(flat)
        flat.mul_(1.0 / self.settings.ranks)
        torch._foreach_copy_(gradients, views)

    def autocast(self):
        return self.torch.autocast("cpu", dtype=self.torch.bfloat16, enabled=self.settings.bf16)

    def adversarial(self):
        """Steps of the DAAE and iDAAE: reconstruction, discriminator, encoder."""
        torch, settings, local = self.torch, self.settings, self.local_batch
        cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
        encoder, decoder, critic = (self.networks[name] for name in ("enc", "dec", "dis"))
        both = list(encoder.parameters()) + list(decoder.parameters())
        of_critic, of_encoder = list(critic.parameters()), list(encoder.parameters())
        optimizer = self.adam(both, 2e-4)
        critic_optimizer = self.adam(of_critic, 2e-4)
        encoder_optimizer = self.adam(of_encoder, 2e-4)
        ones, zeros = torch.ones(local, 1), torch.zeros(local, 1)
        samples = settings.mc if settings.workload == "idaae-mlp" else 1

        def reconstruction_loss(x, corrupted):
            return cross_entropy(decoder(encoder(corrupted)), x)

        def codes(corrupted):
            z = encoder(corrupted)
            return z if samples == 1 else z.view(samples, local, -1).mean(0)

        def critic_loss(real, fake):
            p = critic(torch.cat([real, fake]))
            return cross_entropy(p[:local], ones) + cross_entropy(p[local:], zeros)

        def prior_loss(z):
            return cross_entropy(critic(z), ones)

        if settings.compile:
            reconstruction_loss, codes = torch.compile(reconstruction_loss), torch.compile(codes)
            critic_loss, prior_loss = torch.compile(critic_loss), torch.compile(prior_loss)

        def descend(optimizer, parameters, loss):
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.average(parameters)
            optimizer.step()

        def step():
            x = self.data.index_select(0, self.next_rows()).float().mul_(1 / 255.0)
            corrupted = torch.randn_like(x).mul_(0.5).add_(x)
            with self.autocast():
                reconstruction = reconstruction_loss(x, corrupted)
            descend(optimizer, both, reconstruction)
            if samples > 1:
                noise = torch.randn(samples, local, 784)
                several = noise.mul_(0.5).add_(x).view(samples * local, 784)
            else:
                several = corrupted
            with self.autocast():
                fake = codes(several)
                real = torch.randn(local, 10)
                loss = critic_loss(real, fake.detach().float())
            descend(critic_optimizer, of_critic, loss)
            for p in of_critic:
                p.requires_grad_(False)
            with self.autocast():
                loss = prior_loss(fake)
            descend(encoder_optimizer, of_encoder, loss)
            for p in of_critic:
                p.requires_grad_(True)
            return reconstruction

        return step

    def projection(self):
        """Passes of the robust VAE's projection over all images."""
        torch, count = self.torch, self.count
        model = self.networks["model"]
        sparse, low_rank = torch.zeros(count, 784), torch.zeros(count, 784)

        def project(images, s, l_old):
            x = images.float() * (1 / 255.0)
            out, _, _ = model.logits(x - s)
            l_new = torch.sigmoid(out)
            s_new = torch.nn.functional.softshrink(x - l_new, 0.1)
            residual = (x - l_new - s_new).square().sum()
            moved = (l_old + s - l_new - s_new).square().sum()
            return l_new, s_new, residual, moved, x.square().sum()

        if self.settings.compile:
            project = torch.compile(project)

        def step():
            sums = torch.zeros(3)
            with torch.no_grad(), self.autocast():
                for first in range(0, count, self.local_batch):
                    rows = slice(first, min(count, first + self.local_batch))
                    l_new, s_new, *parts = project(self.data[rows], sparse[rows], low_rank[rows])
                    low_rank[rows], sparse[rows] = l_new, s_new
                    sums.add_(torch.stack(parts))
            if self.settings.ranks > 1:
                self.dist.all_reduce(sums)
            return (sums[0] / sums[2]).sqrt()

        return step

    def descent(self):
        """Steps of the models with one loss and one optimizer."""
        torch, settings = self.torch, self.settings
        model = self.networks["model"]
        parameters = list(model.parameters())
        is_celeba = settings.workload == "celeba-conv-vae"
        rate, betas = (1e-4, (0.5, 0.999)) if is_celeba else (1e-3, (0.9, 0.999))
        optimizer = self.adam(parameters, rate, betas)
        loss_of = model
        if settings.ranks > 1 and settings.sync == "ddp":
            loss_of = torch.nn.parallel.DistributedDataParallel(
                model, gradient_as_bucket_view=True)
        if settings.compile:
            loss_of = torch.compile(loss_of)
        is_robust = settings.workload == "rvae-mlp"
        sparse = torch.zeros(self.count, 784) if is_robust else None

        def step():
            rows = self.next_rows()
            batch = [self.data.index_select(0, rows)]
            if sparse is not None:
                batch.append(sparse.index_select(0, rows))
            with self.autocast():
                loss = loss_of(*batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if settings.sync == "flat":
                self.average(parameters)
            optimizer.step()
            return loss

        return step

    def barrier(self):
        if self.settings.ranks > 1:
            self.dist.barrier()

    def time(self, steps):
        """Seconds of each step, and the last loss."""
        times, loss = [], None
        for _ in range(steps):
            start = time.perf_counter()
            loss = float(self.step().detach())
            times.append(time.perf_counter() - start)
        return times, loss

    def profile(self, steps, path):
        """The same with a table of what the steps spent their time on."""
        from torch.profiler import ProfilerActivity, profile
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            result = self.time(steps)
        with open(path, "w") as file:
            file.write(profiler.key_averages().table(
                sort_by="self_cpu_time_total", row_limit=30, max_name_column_width=50))
        return result

    def gather(self, value):
        if self.settings.ranks == 1:
            return [value]
        values = [None] * self.settings.ranks
        self.dist.all_gather_object(values, value)
        return values


def bind(rank, settings):
    """Binds a rank to cores of its own, if there are enough."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not settings.no_pin and len(cores) >= settings.ranks * settings.threads:
        first = rank * settings.threads
        os.sched_setaffinity(0, cores[first:first + settings.threads])


def worker(rank, settings, rendezvous, put):
    """The whole run of one rank; rank 0 puts the result."""
    bind(rank, settings)
    work = Rank(rank, settings, rendezvous)
    start = time.perf_counter()
    for _ in range(settings.warmup):
        work.step()
    warmup = time.perf_counter() - start
    work.barrier()
    start = time.perf_counter()
    if settings.profile and rank == 0:
        times, loss = work.profile(settings.steps, settings.profile)
    else:
        times, loss = work.time(settings.steps)
    work.barrier()
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    gathered = work.gather((loss, memory, statistics.median(times)))
    if rank == 0:
        put(result(settings, work, gathered, seconds, warmup))
    if settings.ranks > 1:
        try:  # the numbers are out; a rank that left first is no error
            work.dist.barrier()
            work.dist.destroy_process_group()
        except RuntimeError as error:
            print(f"rank {rank}: while shutting down: {error}", file=sys.stderr)


def result(settings, work, gathered, seconds, warmup):
    """What is printed, from each rank's loss, peak memory and median step."""
    median = max(of_rank[2] for of_rank in gathered)
    per_step = work.images_per_step * settings.ranks
    flops = flops_per_image(settings)
    return {
        "workload": settings.workload, "ranks": settings.ranks, "threads": settings.threads,
        "batch": settings.batch, "steps": settings.steps, "adam": settings.adam,
        "compile": settings.compile, "channels_last": settings.channels_last,
        "bf16": settings.bf16, "mkl_avx512": settings.mkl_avx512,
        "sync": settings.sync if settings.ranks > 1 else "", "detach": settings.detach,
        "images_per_s": round(per_step * settings.steps / seconds, 1),
        "images_per_s_median": round(per_step / median, 1),
        "ms_per_step_median": round(median * 1e3, 3),
        "gflops": round(flops * per_step / median / 1e9, 1),
        "flops_per_image": flops,
        "peak_rss_mib": [round(of_rank[1], 1) for of_rank in gathered],
        "loss": round(sum(of_rank[0] for of_rank in gathered) / len(gathered), 5),
        "warmup_s": round(warmup, 2),
        "load": [round(value, 2) for value in os.getloadavg()],
        "torch": work.torch.__version__,
    }


def preload_mkl_answer():
    """Starts again with a library that answers MKL's question for an Intel CPU with yes.

    MKL calls mkl_serv_intel_cpu_true() before it picks AVX-512 kernels.
    """
    if os.environ.get("PEER_MKL_SHIM"):
        return
    folder = os.path.join(tempfile.gettempdir(), f"peer-mkl-shim-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    library = os.path.join(folder, "shim.so")
    if not os.path.exists(library):
        partial = f"{library}.{os.getpid()}"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", partial],
                       input=b"int mkl_serv_intel_cpu_true(void){return 1;}\n", check=True)
        os.replace(partial, library)
    preloaded = [os.environ.get("LD_PRELOAD"), library]
    os.environ["LD_PRELOAD"] = " ".join(filter(None, preloaded))
    os.environ["PEER_MKL_SHIM"] = "1"
    os.execve(sys.executable, [sys.executable] + sys.argv, os.environ)


def run_ranks(settings):
    """The result of all ranks; ends the program if one of them fails."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        queue = context.Queue()
        rendezvous = os.path.join(folder, "rendezvous")
        ranks = [context.Process(target=worker_of_queue, args=(rank, settings, rendezvous, queue))
                 for rank in range(settings.ranks)]
        for process in ranks:
            process.start()
        found = None
        while found is None:
            try:
                found = queue.get(timeout=0.5)
            except queues.Empty:
                failed = [(rank, process.exitcode) for rank, process in enumerate(ranks)
                          if process.exitcode]
                if failed:
                    for process in ranks:
                        process.terminate()
                    sys.exit(f"ranks and their exit codes: {failed}")
        for process in ranks:
            process.join()
    return found


def worker_of_queue(rank, settings, rendezvous, queue):
    worker(rank, settings, rendezvous, queue.put)


def main():
    settings = arguments()
    if settings.mkl_avx512:
        preload_mkl_answer()
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    os.environ["MKL_NUM_THREADS"] = str(settings.threads)
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    if settings.ranks == 1:
        results = []
        worker(0, settings, "", results.append)
        found = results[0]
    else:
        found = run_ranks(settings)
    print("{workload}: ranks {ranks} threads {threads} batch {batch}: {images_per_s_median} "
          "images/s (median step; {images_per_s} overall), {ms_per_step_median} ms/step, "
          "{gflops} GFLOP/s, peak RSS {peak_rss_mib} MiB, loss {loss}".format(**found))
    if settings.json:
        with open(settings.json, "a") as file:
            file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
