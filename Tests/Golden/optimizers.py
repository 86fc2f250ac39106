"""Adam and RMSprop: ten steps on given gradients."""
import torch

from fixture import STEPS, Fixture, normal, units

COUNT = 37  # not a multiple of any vector width
CASES = {
    "adam": (torch.optim.Adam, dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8)),
    "adam_half": (torch.optim.Adam, dict(lr=1e-2, betas=(0.5, 0.99), eps=1e-4)),
    "rmsprop": (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.0)),
    "rmsprop_momentum": (torch.optim.RMSprop, dict(lr=1e-2, alpha=0.9, eps=1e-6, momentum=0.1)),
}


def ten_steps(kind, settings, initial, gradients, precision):
    """The values after each step, and the optimizer's state after the last step."""
    parameter = torch.nn.Parameter(initial.to(precision).clone())
    optimizer = kind([parameter], **settings)
    values = []
    for gradient in gradients.to(precision):
        parameter.grad = gradient.clone()
        optimizer.step()
        values.append(parameter.detach().clone())
    return torch.stack(values), optimizer.state[parameter]


def write_optimizers():
    torch.manual_seed(596)
    with Fixture("optimizers.h5") as fixture:
        for name, (kind, settings) in CASES.items():
            initial, gradients = normal(COUNT), normal(STEPS, COUNT)
            values, state = ten_steps(kind, settings, initial, gradients, torch.float64)
            single, _ = ten_steps(kind, settings, initial, gradients, torch.float32)
            fixture.write(f"{name}/initial", initial)
            fixture.write(f"{name}/gradients", gradients)
            fixture.write(f"{name}/values", values)
            for key, value in state.items():
                if key != "step":
                    fixture.write(f"{name}/state/{key}", value)
            settings = dict(settings)
            if "betas" in settings:
                settings["beta1"], settings["beta2"] = settings.pop("betas")
            fixture.attributes(name, **settings)
            print(f"optimizers/{name}: {units(single, values):.1f}")
