"""Recurrences against the formulas, one step and one example at a time, in NumPy."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels import recurrent
from netspec.backends.jax.kernels.recurrent import CELLS

# One program a call, not one for each operation in it.
recurrence = jax.jit(recurrent.recurrence, static_argnames=("cell", "reverse"))

GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def by_hand(x: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray, c: np.ndarray, cell: str) -> np.ndarray:
    """Return the states (L, H) of one example (L, D)."""
    h = memory = np.zeros(u.shape[1])
    states = []
    for step in x:
        a, s = w @ step + b, u @ h + c
        if cell == "lstm":
            i, f, g, o = np.split(a + s, 4)
            memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(memory)
        elif cell == "gru":
            r, z = (sigmoid(p + q) for p, q in zip(np.split(a, 3)[:2], np.split(s, 3)[:2], strict=True))
            h = (1 - z) * np.tanh(np.split(a, 3)[2] + r * np.split(s, 3)[2]) + z * h
        else:
            h = np.tanh(a + s) if cell == "tanh" else np.maximum(a + s, 0)
        states.append(h)
    return np.array(states)


def arrays(cell: str, scale: float = 0.5) -> tuple[np.ndarray, ...]:
    rng, rows = np.random.default_rng(0), GATES[cell] * 4
    shapes = ((2, 6, 3), (rows, 3), (rows, 4), (rows,), (rows,))
    return tuple(rng.normal(0, scale, shape).astype(np.float32) for shape in shapes)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_a_recurrence_is_its_formula(cell: str, reverse: bool, biases: bool) -> None:
    x, w, u, b, c = arrays(cell)
    found = recurrence(x, w, u, [b, c] if biases else [], cell=cell, reverse=reverse)
    b, c = (b, c) if biases else (0 * b, 0 * c)
    way = slice(None, None, -1 if reverse else 1)
    expected = [by_hand(example[way].astype(float), w, u, b, c, cell)[way] for example in x]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_knows_only_what_came_before(cell: str) -> None:
    x, w, u, b, c = arrays(cell)
    slope = jax.jit(jax.jacobian(lambda x: recurrence(x, w, u, [b, c], cell=cell)[:, 2]))(x)
    assert not np.asarray(slope)[..., 3:, :].any()
    assert np.asarray(slope)[..., :3, :].any()


@pytest.mark.parametrize("cell", ["lstm", "gru", "tanh"])
def test_saturated_gates_have_finite_gradients(cell: str) -> None:
    x, w, u, b, c = (1000 * a for a in arrays(cell))
    total = jax.value_and_grad(lambda *a: recurrence(*a[:3], a[3:], cell=cell).sum(), argnums=(0, 1, 2, 3, 4))
    value, slopes = jax.jit(total)(x, w, u, b, c)
    assert np.isfinite(value)
    assert all(np.isfinite(s).all() for s in slopes)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_the_type_stays(dtype: type) -> None:
    x, w, u, b, c = (jnp.asarray(a, dtype) for a in arrays("lstm"))
    for biases in ([b, c], []):
        assert jax.eval_shape(partial(recurrence, cell="lstm"), x, w, u, biases).dtype == dtype
