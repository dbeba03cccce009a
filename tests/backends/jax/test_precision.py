"""Computing in bfloat16: near float32 in every layer, float32 wherever something is kept, and learning as well."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.layers import ACTIVATIONS, LAYERS

FEW = {"relu", "softmax", "log_softmax", "gelu", "prelu"}
OTHERS = [cls for cls in ACTIVATIONS.entries if cls.canonical() not in FEW]
LAWS = [
    pytest.param(cls, marks=[pytest.mark.slow] if cls in OTHERS else [], id=cls.canonical()) for cls in LAYERS.entries
]
# The noise of another type is another noise; a value at a threshold falls to either side of it.
APART = {"noise", "sample", "hardshrink"}
DIGITS = "conv 8 3x3 pad=same; batchnorm; relu; pool 2\nfc 10 softmax\ndata digits\n"


def trained(text: str) -> ns.Finished:
    *_, last = ns.train(ns.parse(text))
    assert isinstance(last, ns.Finished)
    return last


def example(model: ns.Model) -> tuple[np.ndarray, np.ndarray]:
    rng, graph = np.random.default_rng(0), model.graph
    shape = (4, *graph.input)
    x: Any = rng.integers(0, graph.tokens, shape, np.int32) if graph.tokens else rng.normal(size=shape)
    y = rng.normal(size=(4, *graph.shape(graph.logits)))
    return x if graph.tokens else x.astype(np.float32), y.astype(np.float32)


def float32(*trees: Any) -> bool:
    return all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(trees))


@pytest.mark.parametrize("cls", LAWS)
def test_every_layer_computes_nearly_the_same_and_gives_float32(cls: type) -> None:
    text = f"input {cls.example_input}\n{cls.example}\ntrain {{ loss mse; precision %s }}"  # type: ignore[attr-defined]
    wide, narrow = (ns.compile(ns.parse(text % word), "cpu") for word in ("float32", "bf16"))
    x, y = example(wide)
    variables, key = wide.init(0), jax.random.key(0)

    @jax.jit
    def both(variables: ns.Variables, x: Any, y: Any) -> Any:
        return [m.backward(variables, x, y, train=True, rng=key) for m in (narrow, wide)]

    (loss, grads), (wanted, right) = both(variables, x, y)
    assert float32(loss, grads)
    if cls.canonical() in APART:  # type: ignore[attr-defined]
        return
    assert float(loss) == pytest.approx(float(wanted), rel=0.01)
    for ours, theirs in zip(jax.tree.leaves(grads), jax.tree.leaves(right), strict=True):
        assert float(jnp.abs(ours - theirs).max()) < 0.1 * (float(jnp.abs(theirs).max()) + 1e-2)


def test_training_computes_in_it_and_inference_does_not() -> None:
    net = ns.parse("input 1x6x6\nconv 4 3x3; batchnorm; relu\nfc 3 softmax\ntrain { precision bfloat16 }")
    model = ns.compile(net, "cpu")
    x, _ = example(model)
    variables = model.init(0)

    def types(train: bool) -> str:
        mode: dict[str, Any] = {"train": True, "rng": jax.random.key(0)} if train else {}
        return str(jax.make_jaxpr(lambda v: model.apply(v, x, **mode))(variables))

    assert "bf16" in types(train=True)
    assert "bf16" not in types(train=False)
    asked = ns.compile(net, "cpu", precision="bf16")
    near, exact = asked.forward(variables, x), model.forward(variables, x)
    assert float32(near, model.apply(variables, x, train=True, rng=jax.random.key(0)))
    assert 0 < float(jnp.abs(near - exact).max()) < 0.02


def test_there_is_no_other_precision() -> None:
    with pytest.raises(ns.NetspecError, match="did you mean `float32`"):
        ns.compile(ns.parse("input 4\nfc 2 softmax"), "cpu", precision="bfloat32")


@pytest.mark.slow
def test_it_learns_as_well_and_keeps_float32_weights() -> None:
    wide, narrow = (trained(f"{DIGITS}train {{ epochs 3; precision {word} }}") for word in ("float32", "bf16"))
    assert float32(narrow.variables)
    assert narrow.result.train_loss != wide.result.train_loss
    assert narrow.result.train_loss == pytest.approx(wide.result.train_loss, rel=0.05)
    assert narrow.result.test_loss == pytest.approx(wide.result.test_loss, rel=0.1)


def test_a_recipe_is_switched_from_outside() -> None:
    net = ns.parse("input 4\nfc 2 softmax", set={"train.precision": "bf16"})
    assert net.recipe.precision == "bfloat16"


@pytest.mark.parametrize(("value", "what"), [(np.inf, "the loss"), (1e30, "the gradient of fc_1/kernel")])
def test_a_gradient_that_is_no_finite_number_is_refused(value: float, what: str) -> None:
    model = ns.compile(ns.parse("input 4\nfc 3\ntrain { loss mse }"), "cpu")
    # Outputs of 4e18, whose squares are still numbers; times the inputs they are none.
    variables = jax.tree.map(lambda a: jnp.full_like(a, 1e-12), model.init(0))
    with pytest.raises(ns.NetspecError, match=what):
        model.backward(variables, np.full((2, 4), value, np.float32), np.zeros((2, 3), np.float32))
