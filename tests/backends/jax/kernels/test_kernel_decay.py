"""Factors close to 1 and vectors very long or short, beside float64."""

from __future__ import annotations

from math import expm1, log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels.decay import ema, lacking, moved, powered, root
from netspec.backends.jax.kernels.magnitude import magnitude

KEEPS = [0.0, 0.5, 0.9, 0.999, 0.9995, 0.9999999, 0.99999999, 0.9999999999]


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("steps", [1, 3, 1000, 10**6])
def test_what_an_average_lacks(keep: float, steps: int) -> None:
    expected = -expm1(steps * log(keep)) if keep else 1.0
    assert float(lacking(keep, jnp.float32(steps))) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("keep", KEEPS)
def test_an_average_moves(keep: float) -> None:
    average = jnp.zeros(())
    for value in (1.0, 2.0, 3.0):
        average = moved(average, jnp.float32(value), keep)
    expected = (1 - keep) * (keep**2 + 2 * keep + 3)
    assert float(average) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("keep", [0.9, 0.999])
def test_ordinary_averages_move_by_the_plain_formula_to_the_bit(keep: float) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)
    assert (moved(jnp.asarray(a), jnp.asarray(b), keep) == keep * jnp.asarray(a) + (1 - keep) * jnp.asarray(b)).all()


@pytest.mark.parametrize("decay", [0.9, 0.999, 0.9999, 0.9999999])
@pytest.mark.parametrize("updates", [0, 100, 10**8])
def test_the_average_of_weights_forgets(decay: float, updates: int) -> None:
    found = ema(jnp.zeros(()), jnp.ones(()), decay, jnp.float32(updates))
    assert float(found) == pytest.approx(max(1 - decay, 9 / (10 + updates)), rel=1e-4)


@pytest.mark.parametrize("factor", [0.1, 0.9, 0.9999999, 1.0, 1.0000001, 2.0])
@pytest.mark.parametrize("exponent", [0.0, 1.5, 60.0, 1e6])
def test_powers(factor: float, exponent: float) -> None:
    expected = np.float64(factor) ** exponent if factor < 1.5 or exponent < 100 else np.inf
    assert float(powered(factor, jnp.float32(exponent))) == pytest.approx(expected, rel=1e-4, abs=1e-37)


def test_a_root_of_lost_squares_makes_nothing_huge() -> None:
    tiny = jnp.float32(1e-25)
    assert float(tiny / root(jnp.square(tiny))) <= 1
    assert float(root(jnp.float32(4.0))) == 2


@pytest.mark.parametrize("size", [0.0, 1e-37, 1e-25, 1.0, 7e20, 1e38])
def test_lengths_beyond_the_squares_of_float32(size: float) -> None:
    parts = [np.array([size, -size], np.float32), np.full((2, 2), size / 2, np.float32)]
    found = jax.jit(lambda parts: magnitude(parts).whole)(parts)
    expected = np.sqrt(sum(np.square(p.astype(np.float64)).sum() for p in parts))
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_the_length_of_what_is_no_number_is_none(wrong: float) -> None:
    assert not np.isfinite(magnitude([jnp.asarray([1.0, wrong])]).whole)


def test_ordinary_lengths_are_those_of_the_plain_formula_to_the_bit() -> None:
    parts = [jnp.asarray(a, jnp.float32) for a in np.random.default_rng(1).normal(size=(3, 50))]
    assert magnitude(parts).whole == jnp.sqrt(sum(jnp.sum(jnp.square(p)) for p in parts))
