"""Likelihoods of noisy pixels and what they say of the clean ones, in double precision."""
import math

import torch

from fixture import Fixture, normal, uniform

ROWS, COLUMNS = 3, 37
DISTRIBUTION = torch.distributions.Normal(0.0, 1.0)


def chances(flip=0.0, zero=0.0, one=0.0, uniform=0.0):
    """[4, columns], alike for all pixels."""
    return torch.tensor([flip, zero, one, uniform], dtype=torch.float32).double()[:, None].repeat(
        1, COLUMNS)


def varied():
    """Other chances for each pixel."""
    return (torch.rand(4, COLUMNS) * 0.2).float().double()


class Logistic:
    """A clean pixel: logistic, cut off at 0 and 1."""

    def __init__(self, logits, h):
        self.a, self.h = logits, h

    def below(self, t):
        return torch.sigmoid(2 * self.h * (t - 0.5) - self.a)

    def ends(self):
        return 1 - self.below(torch.tensor(1.0).double()), self.below(torch.tensor(0.0).double())

    def density(self, x):
        p = self.below(x)
        return 2 * self.h * p * (1 - p)

    def integral(self, first, last):
        """E[y; first < y < last] of the part between, by Gauss-Legendre sums."""
        import numpy
        nodes, weights = numpy.polynomial.legendre.leggauss(200)
        total = torch.zeros_like(self.a)
        for node, weight in zip(nodes, weights):
            t = torch.tensor(first + (last - first) * (node + 1) / 2).double()
            total = total + weight * (last - first) / 2 * t * self.density(t)
        return total

    def means(self):
        one, _ = self.ends()
        dark = self.integral(0.0, 0.5)
        return dark, dark + self.integral(0.5, 1.0) + one


class Gaussian:
    """sigmoid(a) plus Gaussian noise; where it is clipped, the ends have chances."""

    def __init__(self, logits, deviation, clipped):
        self.m, self.s, self.clipped = torch.sigmoid(logits), deviation, clipped

    def below(self, t):
        return DISTRIBUTION.cdf((t - self.m) / self.s)

    def ends(self):
        if not self.clipped:
            return torch.zeros_like(self.m), torch.zeros_like(self.m)
        return DISTRIBUTION.cdf((self.m - 1) / self.s), DISTRIBUTION.cdf(-self.m / self.s)

    def density(self, x):
        return (DISTRIBUTION.log_prob((x - self.m) / self.s)).exp() / self.s


def likelihood(base, x, c):
    flip, zero, one, mixed = c
    kept = 1 - c.sum(0)
    p1, p0 = base.ends()
    dark = base.below(torch.tensor(0.5).double())
    at_one = kept * p1 + flip * dark + one
    at_zero = kept * p0 + flip * (1 - dark) + zero
    between = kept * base.density(x) + mixed * ((x >= 0) & (x <= 1))
    is_one, is_zero = x == 1, x == 0
    if getattr(base, "clipped", True) is False:
        is_one, is_zero = is_one & (one + flip > 0), is_zero & (zero + flip > 0)
    return torch.where(is_one, at_one, torch.where(is_zero, at_zero, between))


def nll(base, x, c):
    return -likelihood(base, x, c).log().sum(1)


def bernoulli_nll(a, x, c):
    flip, zero, one, mixed = c
    m = torch.sigmoid(a)
    q = (1 - c.sum(0)) * m + flip * (1 - m) + one + mixed / 2
    return -(x * q.log() + (1 - x) * (1 - q).log()).sum(1)


def restored(base, x, c):
    flip, zero, one, mixed = c
    kept = 1 - c.sum(0)
    p1, p0 = base.ends()
    dark = base.below(torch.tensor(0.5).double())
    dark_mean, mean = base.means()
    at_one = (kept * p1 + flip * dark_mean + one * mean) / (kept * p1 + flip * dark + one)
    at_zero = (flip * (mean - dark_mean) + zero * mean) / (kept * p0 + flip * (1 - dark) + zero)
    density = kept * base.density(x)
    between = (density * x + mixed * mean) / (density + mixed)
    return torch.where(x == 1, at_one, torch.where(x == 0, at_zero, between))


def images():
    """Values at both ends and between."""
    x = uniform(ROWS, COLUMNS)
    kind = torch.rand(ROWS, COLUMNS)
    return torch.where(kind < 0.35, 0.0, torch.where(kind < 0.7, 1.0, x)).double()


def differentiated(function, a, level):
    a, level = a.clone().requires_grad_(), level.clone().requires_grad_()
    loss = function(a, level)
    grads = torch.autograd.grad(loss.sum(), [a, level], retain_graph=True)
    by_row = torch.stack([
        torch.autograd.grad(loss[i], level, retain_graph=True)[0] for i in range(ROWS)])
    return loss.detach(), grads[0], by_row


def gated(a, g, x, share, deviation):
    """Bernoullis of the gates: the expected likelihood, and their divergence from the prior."""
    q = torch.distributions.Bernoulli(logits=g + math.log((1 - share) / share))
    p = torch.distributions.Bernoulli(torch.tensor(1 - share).double())
    inlier = torch.distributions.Normal(torch.sigmoid(a), deviation).log_prob(x)
    divergence = torch.distributions.kl_divergence(q, p)
    return (divergence - q.probs * inlier).sum(1), (1 - q.probs).sum()


def write_gates(file):
    for name, share, deviation in (("gated", 0.25, 0.2), ("gated_wide", 0.05, 1.0)):
        a, g, x = normal(ROWS, COLUMNS, scale=2), normal(ROWS, COLUMNS, scale=3), images()
        leaves = [a.clone().requires_grad_(), g.clone().requires_grad_()]
        loss, outliers = gated(*leaves, x, share, deviation)
        slope, gate_slope = torch.autograd.grad(loss.sum(), leaves)
        mean = torch.sigmoid(a)
        kept = (1 - share) * torch.distributions.Normal(mean, deviation).log_prob(x).exp()
        file.attributes(name, share=share, deviation=deviation, outliers=outliers.item())
        for part, values in (
                ("logits", a), ("gates", g), ("x", x), ("loss", loss), ("slope", slope),
                ("gate_slope", gate_slope),
                ("restored", (kept * x + share * mean) / (kept + share))):
            file.write(f"{name}/{part}", values)


def write_noise():
    torch.manual_seed(19)
    kinds = {
        "flips": chances(flip=0.25), "impulses": chances(zero=0.2, one=0.2),
        "zeros": chances(zero=0.4), "uniform": chances(uniform=0.4), "none": chances(),
        "varied": varied(),
    }
    with Fixture("noise.h5") as file:
        for kind, c in kinds.items():
            for base in ("logistic", "bernoulli", "clipped", "gaussian"):
                name = f"{base}_{kind}"
                a, x = normal(ROWS, COLUMNS, scale=2), images()
                level = torch.tensor(0.75).double()
                width = {"logistic": 1.0, "bernoulli": 0.0, "clipped": 0.25, "gaussian": 0.5}[base]
                if base == "gaussian":
                    x = (x + normal(ROWS, COLUMNS) * (x * (1 - x) > 0)).float().double()
                if base == "logistic":
                    function = lambda a, v: nll(Logistic(a, width), x, c * v)
                elif base == "bernoulli":
                    function = lambda a, v: bernoulli_nll(a, x, c * v)
                else:
                    function = lambda a, v: nll(Gaussian(a, width, base == "clipped"), x, c * v)
                loss, slope, by_level = differentiated(function, a, level)
                file.write(f"{name}/logits", a)
                file.write(f"{name}/x", x)
                file.write(f"{name}/chances", c)
                file.write(f"{name}/loss", loss)
                file.write(f"{name}/slope", slope)
                file.write(f"{name}/by_level", by_level)
                file.attributes(name, level=level.item(), width=width)
                if base == "logistic":
                    found = Logistic(a, width)
                    file.write(f"{name}/mean", found.means()[1])
                    file.write(f"{name}/restored", restored(found, x, c * level))
        write_gates(file)


if __name__ == "__main__":
    write_noise()
