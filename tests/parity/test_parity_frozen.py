"""Frozen parts, rates of their own and decay of kernels alone, against parameter groups of torch.optim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from twins import nn, torch

import netspec as ns
from netspec.backends.jax.train.optimizers import transformation
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Split
from netspec.recipe.optimizers import OPTIMIZERS

STEPS = 3

NETWORK = """
input 1x6x6
conv 3 3x3 as c1
batchnorm as n1
relu
conv 4 3x3 as c2
batchnorm as n2
relu
fc 3 softmax as head
freeze c1 n1
rate c2 n2 0.1
"""

optim = torch.optim
RULES: dict[str, tuple[str, Callable[..., Any]]] = {
    "sgd": ("sgd lr=0.1 momentum=0.9 weight_decay=0.3 kernels", lambda g: optim.SGD(g, 0.1, 0.9)),
    "adam": ("adam lr=0.01 epsilon=0.001 weight_decay=0.3 kernels", lambda g: optim.Adam(g, 0.01, eps=0.001)),
    "adamw": ("adamw lr=0.01 epsilon=0.001 weight_decay=0.3 kernels", lambda g: optim.AdamW(g, 0.01, eps=0.001)),
}


def twin() -> torch.nn.Module:
    layers = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 3)).double()


NAMES = {"c1": 0, "n1": 1, "c2": 3, "n2": 4, "head": 7}
THEIRS = {
    "kernel": "weight",
    "bias": "bias",
    "scale": "weight",
    "offset": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}


def arrays(variables: ns.Variables) -> dict[str, np.ndarray]:
    trees = (variables.params, variables.state)
    return {f"{node}/{name}": np.array(a) for tree in trees for node, own in tree.items() for name, a in own.items()}


def theirs(module: torch.nn.Module, path: str) -> torch.Tensor:
    node, name = path.split("/")
    return getattr(module[NAMES[node]], THEIRS[name])


def groups(module: torch.nn.Module, paths: list[str], frozen: set[str], lr: float) -> list[dict[str, Any]]:
    """Return parameter groups: one parameter each, which decays where it is a kernel, at a tenth of the rate in c2."""
    found = []
    for path in paths:
        parameter = theirs(module, path)
        if isinstance(parameter, torch.nn.Parameter) and path.split("/")[0] not in frozen:
            rate = lr * (0.1 if path[:2] in {"c2", "n2"} else 1)
            decay = 0.3 if path.endswith("kernel") else 0.0
            found.append({"params": [parameter], "lr": rate, "weight_decay": decay})
    return found


@pytest.mark.parametrize("name", RULES)
def test_frozen_parts_rates_and_decay_of_kernels(name: str) -> None:
    line, make = RULES[name]
    net = ns.parse(f"{NETWORK} train {{ optimizer {line}; batch 8; epochs 2 }}")
    rng = np.random.default_rng(0)
    data = Split(rng.normal(size=(24, 1, 6, 6)).astype(np.float32), rng.integers(0, 3, 24).astype(np.int32))
    trainer, reference = Trainer(ns.compile(net, "cpu"), steps_per_epoch=STEPS, epochs=2, seed=1), twin()
    state, placed = trainer.start(), trainer.place(data)
    start = arrays(trainer.variables(state))
    for path, array in start.items():
        theirs(reference, path).data.copy_(torch.from_numpy(array))
    optimizer = make(groups(reference, list(start), {"c1", "n1"}, net.recipe.optimizer.lr))
    # A frozen normalization is one in evaluation.
    reference.train()
    reference[1].eval()
    for step in range(STEPS):
        chosen = np.arange(8 * step, 8 * step + 8).astype(np.int32)
        state, _ = trainer.step(state, placed, chosen)
        optimizer.zero_grad()
        x, y = torch.from_numpy(data.images[chosen]).double(), torch.from_numpy(data.labels[chosen]).long()
        nn.functional.cross_entropy(reference(x), y).backward()
        optimizer.step()
    ours = arrays(trainer.variables(state))
    for path, array in ours.items():
        expected = theirs(reference, path).detach().numpy()
        assert np.abs(array - expected).max() <= 1e-6, path
        frozen = path.split("/")[0] in {"c1", "n1"}
        assert np.array_equal(array, start[path]) == frozen, path
    assert set(trainer.packed(state, trainer.blank_history())) >= {"train/params/c1/kernel"}
    assert not any("optimizer" in key and "c1" in key for key in trainer.packed(state, trainer.blank_history()))


def test_parts_that_are_frozen_for_an_epoch() -> None:
    """From the second epoch on it is as if another optimizer had been given them; the schedule goes on."""
    net = ns.parse(
        "input 6; fc 5 tanh as a; fc 3 softmax as b; freeze a until=1\n"
        "train { optimizer adam lr=0.01 epsilon=0.001; schedule linear; batch 8; epochs 2; clip 0.05 }"
    )
    rng = np.random.default_rng(0)
    data = Split(rng.normal(size=(16, 6)).astype(np.float32), rng.integers(0, 3, 16).astype(np.int32))
    trainer = Trainer(ns.compile(net, "cpu"), steps_per_epoch=2, epochs=2, seed=1)
    state, placed = trainer.start(), trainer.place(data)
    start = arrays(trainer.variables(state))
    reference = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    modules = {"a": reference[0], "b": reference[2]}
    named = {path: getattr(modules[path[0]], THEIRS[path[2:]]) for path in start}
    for path, array in start.items():
        named[path].data.copy_(torch.from_numpy(array))
    reference[0].requires_grad_(False)
    optimizer = optim.Adam(reference.parameters(), 0.01, eps=0.001)
    for step in range(4):
        if step == 2:
            assert np.array_equal(arrays(trainer.variables(state))["a/kernel"], start["a/kernel"])
            reference[0].requires_grad_(True)
        chosen = np.arange(8 * (step % 2), 8 * (step % 2) + 8).astype(np.int32)
        state, _ = trainer.step(state, placed, chosen, trainer.phase(1 + step // 2))
        optimizer.zero_grad()
        x, y = torch.from_numpy(data.images[chosen]).double(), torch.from_numpy(data.labels[chosen]).long()
        nn.functional.cross_entropy(reference(x), y).backward()
        nn.utils.clip_grad_norm_([p for p in reference.parameters() if p.grad is not None], 0.05)
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / 4)
        optimizer.step()
    for path, array in arrays(trainer.variables(state)).items():
        assert np.abs(array - named[path].detach().numpy()).max() <= 1e-6, path


@pytest.mark.parametrize("name", [cls.canonical() for cls in OPTIMIZERS.entries if "decays" in cls.model_fields])
def test_decay_of_kernels_alone(name: str) -> None:
    """A kernel moves as with the decay, a bias as without it."""
    rng = np.random.default_rng(0)
    params, grads = (
        {"a": {k: rng.normal(size=(3, 2)).astype(np.float32) for k in ("kernel", "bias")}} for _ in range(2)
    )

    def moved(settings: str, kernels: frozenset[str] | None = None) -> Any:
        recipe = ns.parse(f"input 4; fc 2; train {{ optimizer {name} {settings} }}").recipe
        rule = transformation(recipe, 5, 2, kernels)
        return rule.update(grads, rule.init(params), params, 0)[0]["a"]

    ours = moved("weight_decay=0.5 kernels", frozenset({"a/kernel"}))
    assert np.array_equal(ours["kernel"], moved("weight_decay=0.5")["kernel"])
    assert np.array_equal(ours["bias"], moved("weight_decay=0.0")["bias"])
