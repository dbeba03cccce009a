"""`model.backward` against finite differences in float64 and against JAX's own differentiation of `model.apply`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agreement import assert_agree, assert_trees_agree
from jax.flatten_util import ravel_pytree

import netspec as ns

CONVOLUTIONAL = """
input 1x7x8
conv 3 3x3 tanh; pool 2; batchnorm
conv 2 2x2 pad=same nobias gelu
fc 3 softmax
train { l2 0.01 }
"""
# No bias before batch normalization: in training its gradient is 0, and what is computed is rounding.
STRIDED = (
    "input 2x6x5; conv 4 3x3 stride=2 pad=1 groups=2 nobias; batchnorm silu; avgpool 2 ceil; globalpool; fc 2 softmax"
)
BINARY = "input 6; fc 5 sigmoid; fc 3 sigmoid"
REGRESSION = "input 6; fc 5 softplus; batchnorm; fc 2"

Loss = Callable[[jax.Array, Any], jax.Array]
"""The mean loss of a batch, from outputs (after the last activation) and targets, as textbooks write it."""


def cross_entropy(probabilities: jax.Array, labels: Any) -> jax.Array:
    return -jnp.mean(jnp.log(probabilities)[jnp.arange(len(labels)), labels])


def binary_cross_entropy(probabilities: jax.Array, targets: Any) -> jax.Array:
    return -jnp.mean(targets * jnp.log(probabilities) + (1 - targets) * jnp.log(1 - probabilities))


def squared_error(outputs: jax.Array, targets: Any) -> jax.Array:
    return jnp.mean((outputs - targets) ** 2)


NETS = {
    "convolutional": (CONVOLUTIONAL, cross_entropy),
    "strided": (STRIDED, cross_entropy),
    "binary": (BINARY, binary_cross_entropy),
    "regression": (REGRESSION, squared_error),
}


def setting(name: str) -> tuple[ns.Model, ns.Variables, np.ndarray, np.ndarray]:
    """Return a compiled net, variables in which nothing is 0 or 1, a batch and its targets."""
    model = ns.compile(ns.parse(NETS[name][0], name=name), "cpu")
    rng = np.random.default_rng(7)
    x = rng.normal(size=(5, *model.graph.input)).astype(np.float32)
    outputs = model.graph.shape(model.graph.output)[0]
    labels = rng.integers(0, outputs, 5).astype(np.int32)
    y = labels if NETS[name][1] is cross_entropy else rng.uniform(0, 1, (5, outputs)).astype(np.float32)
    moved: Any = jax.tree.map(lambda a: a + rng.uniform(0.1, 0.4, a.shape).astype(np.float32), tuple(model.init(0)))
    return model, ns.Variables(*moved), x, y


@pytest.mark.parametrize(
    ("name", "train"),
    [("convolutional", True), ("convolutional", False), ("strided", True), ("binary", False), ("regression", True)],
)
def test_backward_is_the_slope_of_the_loss(name: str, train: bool) -> None:
    """Each parameter is moved a little up and down, and the loss between the two looked at, all in float64."""
    model, variables, x, y = setting(name)
    loss, grads = model.backward(variables, x, y, train=train)
    with jax.enable_x64(True):
        wide: Any = jax.tree.map(lambda a: jnp.asarray(np.asarray(a), jnp.float64), tuple(variables))
        flat, rebuild = ravel_pytree(wide[0])
        images, targets = jnp.asarray(x, jnp.float64), jnp.asarray(y)

        def value(parameters: jax.Array) -> jax.Array:
            return model.objective(rebuild(parameters), wide[1], images, targets, train, None)[0]

        step = 1e-5
        moves = jnp.eye(flat.size) * step
        around = jnp.concatenate([flat + moves, flat - moves, flat[None]])
        up, down, here = jnp.split(jax.jit(jax.vmap(value))(around), [flat.size, 2 * flat.size])
        slopes = (up - down) / (2 * step)
        assert slopes.dtype == jnp.float64
        assert_agree(loss, here[0], "loss")
        expected = jax.tree.map(np.asarray, rebuild(slopes))
    assert_trees_agree(grads, expected, "gradient")


@pytest.mark.parametrize("train", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("name", NETS)
def test_backward_is_the_gradient_of_apply(name: str, train: bool) -> None:
    model, variables, x, y = setting(name)
    loss_of: Loss = NETS[name][1]
    l2 = model.network.recipe.l2

    def objective(params: Any) -> jax.Array:
        out = model.apply(variables.replace(params=params), x, train=train)
        kernels = [arrays["kernel"] for arrays in params.values() if "kernel" in arrays]
        penalty = sum(jnp.sum(k**2) for k in kernels)
        return loss_of(out[0] if train else out, y) + l2 * penalty

    expected, slopes = jax.jit(jax.value_and_grad(objective))(variables.params)
    loss, grads = model.backward(variables, x, y, train=train)
    assert_agree(loss, expected, "loss")
    assert_agree(model.loss(variables, x, y, train=train), expected, "loss without gradients")
    assert_trees_agree(grads, slopes, "gradient")


@pytest.mark.parametrize("name", NETS)
def test_one_example_at_a_time_is_the_batch(name: str) -> None:
    model, variables, x, _ = setting(name)
    batch = model.forward(variables, x)
    each = jax.jit(jax.vmap(lambda one: model.apply(variables, one[None])[0]))(x)
    assert_agree(each, batch, "outputs under vmap")
    alone = np.concatenate([model.forward(variables, x[i : i + 1]) for i in range(2)])
    assert_agree(alone, batch[:2], "outputs of batches of one")


def test_gradients_of_single_examples_add_up_to_the_gradient_of_the_batch() -> None:
    model, variables, x, y = setting("convolutional")

    def loss(params: Any, one: jax.Array, label: jax.Array) -> jax.Array:
        return cross_entropy(model.apply(variables.replace(params=params), one[None]), label[None])

    each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))(variables.params, x, y)
    together = jax.jit(jax.grad(lambda p: cross_entropy(model.apply(variables.replace(params=p), x), y)))
    mean = jax.tree.map(lambda g: g.mean(0), each)
    assert_trees_agree(mean, together(variables.params), "mean gradient")


def test_apply_inside_the_users_own_jit() -> None:
    model, variables, x, _ = setting("convolutional")
    out = jax.jit(model.apply)(variables, x)
    assert_agree(out, model.forward(variables, x), "outputs")
    assert_agree(model.apply(variables, x), out, "outputs without jit")
    trained, state = jax.jit(model.apply, static_argnames="train")(variables, x, train=True)
    assert trained.shape == out.shape
    assert jax.tree.structure(state) == jax.tree.structure(variables.state)


def test_a_training_loop_of_the_users_own() -> None:
    """Plain gradient descent with `apply` makes the loss of `model.loss` small."""
    model, variables, x, y = setting("strided")

    @jax.jit
    def step(variables: ns.Variables) -> ns.Variables:
        def loss(params: Any) -> tuple[jax.Array, Any]:
            out, state = model.apply(variables.replace(params=params), x, train=True)
            return cross_entropy(out, y), state

        grads, state = jax.grad(loss, has_aux=True)(variables.params)
        return ns.Variables(jax.tree.map(lambda p, g: p - 0.3 * g, variables.params, grads), state)

    before = float(model.loss(variables, x, y, train=True))
    for _ in range(30):
        variables = step(variables)
    assert float(model.loss(variables, x, y, train=True)) < before / 2
