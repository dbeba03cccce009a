"""Every network of `specs/models` trains: a few steps by its own recipe on one batch of random examples."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Split
from netspec.system.resources import specs_folder

SPECS = {path.stem: path for path in sorted((specs_folder() / "models").glob("*.net"))}
SMALL = ["autoencoder", "inception", "lstm", "resnet20", "transformer"]
IMAGENET = {name: (3, 64, 64) for name in SPECS if name not in SMALL}
BATCH = 4


def losses(name: str, steps: int) -> list[float]:
    """Return the loss before each of some steps on the same batch, ImageNet's images made small."""
    network = ns.load(SPECS[name])
    network = network.model_copy(update={"input": IMAGENET.get(name, network.input)})
    model = ns.compile(network, "cpu")
    rng = np.random.default_rng(0)
    shape = (BATCH, *network.input)
    x = rng.integers(0, network.tokens, shape, np.int32) if network.tokens else rng.integers(0, 256, shape, np.uint8)
    y = rng.integers(0, model.graph.shape(model.graph.output)[0], BATCH).astype(np.int32)
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


# Compilations cost the most here: the deepest two are compiled before a release.
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in {"inception", "resnet20"} else []) for n in SMALL]
)
def test_the_loss_of_a_batch_falls(name: str) -> None:
    found = losses(name, 10)
    assert np.isfinite(found).all()
    assert found[-1] < found[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGENET)
def test_three_steps(name: str) -> None:
    assert np.isfinite(losses(name, 3)).all()
