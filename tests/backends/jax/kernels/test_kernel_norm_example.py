"""Normalization within one example: stable in float32, in bfloat16, and where there is nothing to normalize."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels.norm import group_norm, layer_norm, local_response_norm

# Compiled as wholes: one program each, not one for each operation in them.
NORMS = {
    "layer": jax.jit(lambda x: layer_norm(x, epsilon=1e-5)),
    "group": jax.jit(lambda x: group_norm(x, groups=2, epsilon=1e-5)),
    "local": jax.jit(lambda x: local_response_norm(x, size=3, alpha=1.0, beta=0.75, k=1.0)),
}


def by_definition(x, axes):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def test_a_large_mean_costs_no_precision():
    x = (np.random.default_rng(0).normal(size=(2, 5, 5, 8)) + 1000).astype(np.float32)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(NORMS["layer"](x), by_definition(wide, (-1,)), atol=5e-4)
    groups = by_definition(wide.reshape(2, 5, 5, 2, 4), (1, 2, 4)).reshape(x.shape)
    np.testing.assert_allclose(NORMS["group"](x), groups, atol=5e-4)


@pytest.mark.parametrize("name", NORMS)
def test_equal_values_have_finite_gradients(name):
    weights = jnp.cos(jnp.arange(24.0)).reshape(2, 3, 4)
    slope = jax.jit(jax.grad(lambda x: jnp.sum(weights * NORMS[name](x))))
    for value in (0.0, 3.0, -1e4):
        x = np.full((2, 3, 4), value, np.float32)
        assert np.isfinite(NORMS[name](x)).all()
        assert np.isfinite(slope(x)).all()


@pytest.mark.parametrize("name", NORMS)
def test_bfloat16_is_computed_wide(name):
    x = jnp.asarray(np.random.default_rng(1).normal(20, 1, (2, 6, 4)), jnp.bfloat16)
    y = NORMS[name](x)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y.astype(jnp.float32), NORMS[name](x.astype(jnp.float32)), rtol=1e-2, atol=1e-2)


def test_neighbors_are_counted_as_in_the_definition():
    x = np.random.default_rng(2).normal(size=(2, 3, 7)).astype(np.float32)
    for size in (1, 2, 4, 5, 30):
        for c in range(7):
            near = x[..., max(c - size // 2, 0) : c + (size - 1) // 2 + 1]
            expected = x[..., c] / (2 + 0.5 / size * (near**2).sum(-1)) ** 0.6
            got = local_response_norm(jnp.asarray(x), size=size, alpha=0.5, beta=0.6, k=2.0)
            np.testing.assert_allclose(got[..., c], expected, rtol=1e-5)
