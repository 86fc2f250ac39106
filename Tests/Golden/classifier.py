"""A small convolutional classifier: cross-entropy, and three whole steps of the network."""
import json
import math

import torch
from torch import nn
from torch.nn import functional

from fixture import Fixture, normal, uniform, units

EXAMPLES, HEIGHT, WIDTH, COLOURS, CHANNELS = 6, 9, 7, 2, [5, 8]  # sides that do not halve
FEATURES, CLASSES, STEPS = 6, 4, 3


class FeatureNet(nn.Module):
    """The classifier with the names and shapes of Cleave's checkpoints."""

    def __init__(self):
        super().__init__()
        encoder, (height, width) = [], (HEIGHT, WIDTH)
        for a, b in zip([COLOURS, *CHANNELS], CHANNELS):
            encoder += [nn.Conv2d(a, b, 3, 2, 1), nn.ReLU()]
            height, width = (height + 1) // 2, (width + 1) // 2
        self.encoder = nn.Sequential(*encoder, nn.Flatten())
        self.features = nn.Linear(height * width * CHANNELS[-1], FEATURES)
        self.classes = nn.Linear(FEATURES, CLASSES)

    def forward(self, x):
        """Features and logits of images [B, H, W, C]."""
        features = functional.relu(self.features(self.encoder(x.permute(0, 3, 1, 2))))
        return features, self.classes(features)


def run(precision, initial, data, c):
    """Losses and weights of some steps, first gradients; Adam's epsilon outweighs rounding."""
    model = FeatureNet().to(precision)
    model.load_state_dict({k: v.to(precision) for k, v in initial.items()})
    optimizer = torch.optim.Adam(model.parameters(), lr=c["learning_rate"],
                                 betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"])
    losses, gradients = {"loss": [], "accuracy": []}, {}
    for step in range(STEPS):
        _, logits = model(data["batches"][step].to(precision))
        labels = data["labels"][step].long()
        loss = functional.cross_entropy(logits, labels)
        losses["loss"].append(loss.item())
        losses["accuracy"].append((logits.argmax(1) == labels).double().mean().item())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradients = {n: p.grad.clone() for n, p in model.named_parameters()}
        optimizer.step()
    return losses, gradients, {n: v.clone() for n, v in model.state_dict().items()}


def write_net(fixture):
    model = FeatureNet().double()
    initial = {name: normal(*value.shape, scale=1 / math.sqrt(math.prod(value.shape[1:]) or 1))
               for name, value in model.state_dict().items()}
    data = {"batches": uniform(STEPS, EXAMPLES, HEIGHT, WIDTH, COLOURS),
            "labels": torch.randint(CLASSES, (STEPS, EXAMPLES)).double()}
    c = dict(model="feature-net", channels=CHANNELS, latent=FEATURES, classes=CLASSES,
             batch=EXAMPLES, lanes=1, learning_rate=1e-2, optimizer="adam", adam_beta1=0.9,
             adam_beta2=0.999, adam_epsilon=0.01)
    model.load_state_dict(initial)
    features, logits = model(data["batches"][0])
    losses, gradients, final = run(torch.float64, initial, data, c)
    _, single, single_final = run(torch.float32, initial, data, c)
    print(f"feature_net: gradients {max(units(single[n], g) for n, g in gradients.items()):.1f}, "
          f"weights after {STEPS} steps {max(units(single_final[n], v) for n, v in final.items()):.1f}")
    parts = {"parameters": initial, "data": data, "losses": losses, "gradients/all": gradients,
             "final": final, "inference": {"features": features, "logits": logits}}
    for part, entries in parts.items():
        for key, value in entries.items():
            fixture.write(f"feature_net/{part}/{key}", value)
    fixture.attributes("feature_net", configuration=json.dumps(c))


def write_cross_entropy(fixture):
    """Rows of logits, some far apart, with their classes; gradients of sum(upstream * loss)."""
    logits = torch.cat([normal(5, 11, scale=3), normal(2, 11, scale=60)])
    labels = torch.tensor([0, 10, 3, 3, 7, 9, 1])
    upstream, found = normal(7), {}
    for precision in (torch.float64, torch.float32):
        x = logits.to(precision).clone().requires_grad_()
        loss = functional.cross_entropy(x, labels, reduction="none")
        (loss * upstream.to(precision)).sum().backward()
        found[precision] = {"output": loss.detach(), "gradients/logits": x.grad}
    exact, single = found[torch.float64], found[torch.float32]
    print(f"cross_entropy: {max(units(single[k], v) for k, v in exact.items()):.1f}")
    for key, value in {"inputs/logits": logits, "inputs/labels": labels.double(),
                       "upstream": upstream, **exact}.items():
        fixture.write(f"cross_entropy/{key}", value)


def write_classifier():
    with Fixture("classifier.h5") as fixture:
        torch.manual_seed(597)
        write_cross_entropy(fixture)
        write_net(fixture)
