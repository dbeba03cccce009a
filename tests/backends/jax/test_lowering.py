"""Every layer and every ready-made spec lowers for the platforms that are not here: JAX needs no device for that."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples_of import inputs_of, targets_of

import netspec as ns
from netspec.backends.jax.model import Variables
from netspec.backends.jax.plans import Plans
from netspec.backends.jax.train.step import Trainer
from netspec.layers import LAYERS
from netspec.system.resources import specs_folder

PLATFORMS = {"cuda": "gpu", "tpu": "tpu"}
"""What JAX lowers for → what the plan is made for."""

platforms = pytest.mark.parametrize("platform", PLATFORMS)
SPECS = sorted(specs_folder().rglob("*.net"))
QUICK = {"cifar10", "encoder_decoder", "lenet", "lstm_lm", "multitask", "siamese", "transformer", "unet", "vae"}
"""Those whose steps differ most: the others are their operations in other numbers."""


@pytest.fixture
def planned_elsewhere(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are made for the platform, not for the CPU that is here."""
    known = Plans.known
    monkeypatch.setattr(Plans, "known", lambda *given: {**known(*given), "platform": PLATFORMS[platform]})


def lowers(function: Any, platform: str, *arguments: Any) -> bool:
    """Whether a program can be written down for a platform, and is sound."""
    lowered = jax.jit(function).trace(*arguments).lower(lowering_platforms=(platform,))
    return bool(lowered.compiler_ir().operation.verify())


@platforms
@pytest.mark.usefixtures("planned_elsewhere")
@pytest.mark.parametrize("cls", LAYERS.entries, ids=lambda c: c.canonical())
def test_forward_and_backward_of_every_layer(cls: Any, platform: str) -> None:
    model = ns.compile(ns.parse(f"input {cls.example_input}\n{cls.example}\ntrain {{ loss mse }}"), "cpu")
    variables, x = model.init(0), model._zeros(4)

    def loss(params: Any, x: jax.Array) -> jax.Array:
        out, _ = model.apply(Variables(params, variables.state), x, train=True, rng=jax.random.key(0))
        return jnp.sum(out**2)

    moving = (0,) if model.graph.tokens else (0, 1)

    def both(variables: Variables, x: jax.Array, folded: Any) -> Any:
        return model._pure_forward(variables, x, folded), jax.grad(loss, argnums=moving)(variables.params, x)

    assert lowers(both, platform, variables, x, model._fold(*variables))


# What differs between the two lies in single operations, which the test above looks at.
@pytest.mark.parametrize("platform", ["cuda", pytest.param("tpu", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("planned_elsewhere")
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem in QUICK else pytest.mark.slow) for path in SPECS],
    ids=lambda path: path.stem,
)
def test_training_steps_of_every_spec(path: Path, platform: str) -> None:
    # What a training works out from its pictures is said here.
    channels = {"data.normalize": 'means="0.5 0.5 0.5" stds="0.2 0.2 0.2"'} if path.stem == "cifar10" else {}
    model = ns.compile(ns.load(path, set=channels), "cpu")
    trainer = Trainer(model, steps_per_epoch=10, epochs=2, seed=0, max_steps_per_call=2)
    # Shapes alone: the arrays of a large network are not drawn.
    arrays: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for p in model.graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        arrays[0 if p.trainable else 1].setdefault(node, {})[name] = jax.ShapeDtypeStruct(p.shape, jnp.float32)
    functions = trainer._functions
    state = jax.eval_shape(functions.state_of, Variables(*arrays))
    rng = np.random.default_rng(0)
    examples = inputs_of(model.network, 1, rng, pixels=True), targets_of(model.network, model.graph, 1, rng)
    images, labels = jax.tree.map(lambda a: jax.ShapeDtypeStruct((64, *a.shape[1:]), a.dtype), examples)
    order = jax.ShapeDtypeStruct((10 * trainer.batch,), jnp.int32)
    history = jax.ShapeDtypeStruct(trainer.blank_history().shape, jnp.float32)
    step = partial(functions.advance, count=2, length=trainer.batch, size=10 * trainer.batch)
    assert lowers(step, platform, state, history, images, labels, order)
