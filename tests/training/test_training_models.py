"""Every network of `specs/models` trains: a few steps by its own recipe on one batch of random examples.

The large ones with fewer and narrower layers, on smaller images.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from examples_of import inputs_of, targets_of
from small_models import SPECS, small

import netspec as ns
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Split

SMALL = ["autoencoder", "inception", "lstm", "resnet20", "transformer"]
LARGE = [name for name in SPECS if name not in SMALL]
BATCH = 4


def losses(name: str, steps: int) -> list[float]:
    """Return the loss before each of some steps on the same batch, of a network with less in it."""
    model = ns.compile(small(name), "cpu")
    rng = np.random.default_rng(0)
    x = inputs_of(model.network, BATCH, rng, pixels=True)
    y = targets_of(model.network, model.graph, BATCH, rng)
    trainer = Trainer(model, steps_per_epoch=2, epochs=5, seed=0)
    state, data = trainer.start(), trainer.place(Split(x, y))
    found = []
    for _ in range(steps):
        state, metrics = trainer.step(state, data, np.arange(BATCH, dtype=np.int32))
        found.append(float(metrics[0]))
    assert trainer.finite(ns.Variables(state.params, state.state))
    assert int(state.step) == steps
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), state.params, model.init(0).params)
    still = [f"{node}/{array}" for node, arrays in moved.items() for array, moves in arrays.items() if not moves]
    assert not still, f"a step leaves {still} as it was"
    return found


# Compilations cost the most here: the deepest three are compiled before a release.
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in {"inception", "resnet20", "transformer"} else []) for n in SMALL],
)
def test_the_loss_of_a_batch_falls(name: str) -> None:
    found = losses(name, 10)
    assert np.isfinite(found).all()
    assert found[-1] < found[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_three_steps(name: str) -> None:
    assert np.isfinite(losses(name, 3)).all()
