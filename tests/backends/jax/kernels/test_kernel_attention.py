"""Attention against its formula in NumPy, one head and one position at a time; dropout on its weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels import attention
from netspec.backends.jax.kernels.attention import sinusoids

# One program a call, not one for each operation in it.
attend = jax.jit(attention.attend, static_argnames=("heads", "causal", "rate"))

N, L, D = 2, 5, 6


def values(scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(0).normal(size=(N, L, 3 * D))).astype(np.float32)


def by_hand(qkv: np.ndarray, heads: int, causal: bool) -> np.ndarray:
    out, size = np.zeros((N, L, D)), D // heads
    for n in range(N):
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            q, k, v = (part[:, own].astype(float) for part in np.split(qkv[n], 3, axis=1))
            for i in range(L):
                seen = i + 1 if causal else L
                weights = np.exp(k[:seen] @ q[i] / np.sqrt(size))
                out[n, i, own] = weights @ v[:seen] / weights.sum()
    return out


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 3])
def test_attention_is_its_formula(heads: int, causal: bool) -> None:
    found = attend(values(), heads=heads, causal=causal)
    np.testing.assert_allclose(found, by_hand(values(), heads, causal), rtol=1e-5, atol=1e-6)


def test_a_causal_position_knows_only_what_came_before() -> None:
    slope = np.asarray(jax.jit(jax.jacobian(lambda x: attend(x, heads=2, causal=True)[:, 2]))(values()))
    assert not slope[..., 3:, :].any()
    assert slope[..., :3, :].any()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [0.0, 1e4, 1e18])
def test_extreme_scores_have_finite_gradients(scale: float, causal: bool) -> None:
    value, slope = jax.jit(jax.value_and_grad(lambda x: attend(x, heads=2, causal=causal).sum()))(values(scale))
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_the_softmax_of_half_precision_is_taken_in_single() -> None:
    # A hundred equal weights: bfloat16 sums of them would stop growing long before.
    x = jnp.ones((1, 1000, 3), jnp.bfloat16)
    found = attend(x, heads=1)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(found, np.float32), 1, rtol=0.02)


def test_dropped_weights_are_scaled_up_and_kept_ones_sum_as_before() -> None:
    # Equal queries and keys, and a value of its own for each position: the outputs are the weights themselves.
    length, rate = 64, 0.25
    qkv = np.zeros((3, length, 3 * length), np.float32)
    qkv[:, :, 2 * length :] = np.eye(length)
    weights = np.asarray(attend(qkv, heads=1, rate=rate, rng_key=jax.random.key(0)))
    kept = weights != 0
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / kept.size)
    np.testing.assert_allclose(weights[kept], 1 / length / (1 - rate), rtol=1e-5)
    np.testing.assert_array_equal(weights, attend(qkv, heads=1, rate=rate, rng_key=jax.random.key(0)))


def test_sinusoids_turn_at_the_wavelengths_of_the_paper() -> None:
    table = sinusoids(50, 8)
    np.testing.assert_allclose(table[0], [0, 1] * 4)
    np.testing.assert_allclose(table[:, 0], np.sin(np.arange(50)))
    np.testing.assert_allclose(table[:, 7], np.cos(np.arange(50) / 1000))
    # A sine and its cosine lie on the unit circle; a shift is a rotation, the same at every position.
    np.testing.assert_allclose(table[:, ::2] ** 2 + table[:, 1::2] ** 2, 1)
    dots = [table[p] @ table[p + 7] for p in range(40)]
    np.testing.assert_allclose(dots, dots[0])
