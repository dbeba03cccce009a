"""Dropout: the right share survives, its expectation is kept, and the key decides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels.dropout import dropout

KEY = jax.random.key(7)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.5, 0.7, 0.99, 1.0])
def test_the_share_of_zeros_is_the_rate(rate):
    n = 40_000
    y = np.asarray(dropout(jnp.ones((n,)), KEY, rate=rate))
    deviation = (rate * (1 - rate) / n) ** 0.5
    assert abs((y == 0).mean() - rate) <= 4 * deviation
    if rate < 1:
        np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)


def test_a_rate_of_zero_changes_nothing_and_one_erases_everything():
    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(dropout(x, KEY, rate=0.0), x)
    np.testing.assert_array_equal(dropout(x, KEY, rate=1.0), 0)
    assert bool(jnp.isfinite(dropout(x, KEY, rate=1 - 1e-12)).all())


def test_the_gradient_is_the_mask():
    x = jnp.full((50,), 3.0)
    y, pull = jax.vjp(lambda x: dropout(x, KEY, rate=0.3), x)
    np.testing.assert_allclose(pull(jnp.ones(50))[0], y / 3, rtol=1e-6)


def test_the_same_key_drops_the_same_values_under_jit():
    x = jnp.ones((3, 5, 7))
    jitted = jax.jit(lambda x, key: dropout(x, key, rate=0.4))
    np.testing.assert_allclose(jitted(x, KEY), dropout(x, KEY, rate=0.4), rtol=1e-6)
    assert bool((jitted(x, KEY) != jitted(x, jax.random.key(8))).any())


def test_vmap_over_keys_equals_a_loop():
    keys, x = jax.random.split(KEY, 3), jnp.ones((3, 11))
    batched = jax.vmap(lambda x, key: dropout(x, key, rate=0.5))(x, keys)
    looped = [dropout(x[i], keys[i], rate=0.5) for i in range(3)]
    np.testing.assert_array_equal(batched, jnp.stack(looped))


def test_bfloat16_and_empty_arrays():
    assert dropout(jnp.ones((4,), jnp.bfloat16), KEY, rate=0.5).dtype == jnp.bfloat16
    assert dropout(jnp.ones((0, 3)), KEY, rate=0.5).shape == (0, 3)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_that_is_no_probability_is_refused(rate):
    with pytest.raises(ValueError, match="probability"):
        dropout(jnp.ones(3), KEY, rate=rate)
