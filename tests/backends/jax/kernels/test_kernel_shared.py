"""A batch that several devices share: `jax.vmap` over its parts, with a name for their axis, stands for the devices."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels import attention, dropout, norm, shared
from netspec.planning import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, Layout

RNG = np.random.default_rng(0)
KEY = jax.random.key(3)
AXIS = "devices"


def apart(x: Any, count: int) -> Any:
    return x.reshape(count, len(x) // count, *x.shape[1:])


def shared_by(count: int, function: Any, *arrays: Any) -> Any:
    """Compute each part of a batch as a device would, and join them."""
    parts = jax.vmap(function, axis_name=AXIS)(*(apart(a, count) for a in arrays))
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), parts)


def normalized(x: jax.Array, scale: jax.Array, layout: Layout, axis_name: str | None) -> jax.Array:
    """Return a batch normalization, channels last, plus what tells mean and variance: gradients flow through both."""
    order = layout.axes(x.ndim)
    y, mean, var = norm.batch_norm_train(
        x.transpose([0, 3, 1, 2]).transpose(order), scale, 0.3 * scale, epsilon=1e-3, layout=layout, axis_name=axis_name
    )
    declared = y.transpose(np.argsort(order)).transpose([0, 2, 3, 1])
    return declared + jnp.sin(mean) + jnp.square(var)


@pytest.mark.parametrize("layout", [CHANNELS_LAST, CHANNELS_FIRST, BATCH_LAST])
@pytest.mark.parametrize("count", [2, 3])
def test_batch_normalization_is_that_of_the_whole_batch(count: int, layout: Layout) -> None:
    x, weights = (jnp.asarray(RNG.normal(1, 2, (6, 4, 5, 3)), jnp.float32) for _ in range(2))
    scale = jnp.asarray([0.5, 1.0, 2.0])

    def both(x: jax.Array, weights: jax.Array, axis_name: str | None) -> Any:
        """Return a sum over the examples and its gradients; each device's depend on the examples of all."""
        loss = jax.value_and_grad(
            lambda x, scale: jnp.sum(weights * normalized(x, scale, layout, axis_name)), argnums=(0, 1)
        )
        total, (for_x, for_scale) = loss(x, scale)
        return total[None], for_x, for_scale[None]

    wanted = jax.jit(lambda x, w: both(x, w, None))(x, weights)
    together = jax.jit(lambda x, w: shared_by(count, lambda x, w: both(x, w, AXIS), x, w))
    total, for_x, for_scale = together(x, weights)
    for ours, theirs in zip((total.sum(keepdims=True), for_x, for_scale.sum(0)[None]), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_dropout_drops_what_one_device_drops(rate: float) -> None:
    x = jnp.ones((6, 5, 3))
    wanted = dropout.dropout(x, KEY, rate=rate)
    found = shared_by(3, lambda part: dropout.dropout(part, KEY, rate=rate, axis_name=AXIS), x)
    np.testing.assert_array_equal(found, wanted)
    assert 0 < (wanted == 0).mean() < 1


def test_what_an_example_draws_does_not_depend_on_those_that_fill_the_batch_up() -> None:
    def draw(shape: tuple[int, ...]) -> jax.Array:
        return jax.random.normal(KEY, shape)

    found = shared_by(4, lambda part: shared.drawn(draw, part.shape, AXIS), jnp.ones((8, 3)))
    np.testing.assert_array_equal(found[:6], draw((6, 3)))


def test_attention_drops_what_one_device_drops() -> None:
    qkv = jnp.asarray(RNG.normal(size=(4, 5, 12)), jnp.float32)
    wanted = attention.attend(qkv, heads=2, rate=0.5, rng_key=KEY)
    found = shared_by(2, lambda part: attention.attend(part, heads=2, rate=0.5, rng_key=KEY, axis_name=AXIS), qkv)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert np.abs(wanted - attention.attend(qkv, heads=2)).max() > 0.01
