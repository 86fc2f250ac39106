"""Batch normalisation over channels-last images, one lane and two, and by running averages."""
import torch
from torch.nn import functional

from fixture import Fixture, normal, uniform, units

EXAMPLES, SIDE, CHANNELS = 4, 3, 5
SLOPES = {"identity": 1.0, "relu": 0.0, "leaky_relu": 0.2}


def normalized(x, weight, bias, mean, variance, slope, lanes):
    """The output, and the new running averages: momentum 0.1, lanes averaged."""
    parts, means, variances = [], [], []
    for part in x.chunk(lanes):
        running = (mean.clone(), variance.clone())
        y = functional.batch_norm(part.permute(0, 3, 1, 2), *running, weight, bias,
                                  training=lanes > 0, momentum=0.1)
        parts.append(functional.leaky_relu(y, slope).permute(0, 2, 3, 1))
        means.append(running[0])
        variances.append(running[1])
    return torch.cat(parts), sum(means) / lanes, sum(variances) / lanes


def write_normalization():
    torch.manual_seed(595)
    with Fixture("normalization.h5") as fixture:
        for name, slope in SLOPES.items():
            for lanes in (1, 2):
                inputs = {"x": normal(EXAMPLES, SIDE, SIDE, CHANNELS) + 3, "weight": normal(CHANNELS),
                          "bias": normal(CHANNELS)}
                state = {"mean": normal(CHANNELS), "variance": uniform(CHANNELS) + 0.5}
                upstream = normal(EXAMPLES, SIDE, SIDE, CHANNELS)
                found = {}
                for precision in (torch.float64, torch.float32):
                    leaves = {k: v.to(precision).clone().requires_grad_() for k, v in inputs.items()}
                    before = {k: v.to(precision) for k, v in state.items()}
                    y, mean, variance = normalized(*leaves.values(), *before.values(), slope, lanes)
                    (y * upstream.to(precision)).sum().backward()
                    found[precision] = {"output": y, "running/mean": mean,
                                        "running/variance": variance}
                    found[precision] |= {f"gradients/{k}": v.grad for k, v in leaves.items()}
                exact, single = found[torch.float64], found[torch.float32]
                worst = max(units(single[k].detach(), v.detach()) for k, v in exact.items())
                print(f"normalization/{name}_{lanes}: {worst:.1f}")
                frozen = functional.batch_norm(
                    inputs["x"].permute(0, 3, 1, 2), state["mean"], state["variance"],
                    inputs["weight"], inputs["bias"], training=False)
                frozen = functional.leaky_relu(frozen, slope).permute(0, 2, 3, 1)
                case = f"{name}_{lanes}"
                for k, v in inputs.items():
                    fixture.write(f"{case}/inputs/{k}", v)
                for k, v in state.items():
                    fixture.write(f"{case}/state/{k}", v)
                fixture.write(f"{case}/upstream", upstream)
                fixture.write(f"{case}/frozen", frozen)
                for k, v in exact.items():
                    fixture.write(f"{case}/{k}", v)
