"""Ways to convolve and pool volumes, slice by slice, against the platform's own."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from netspec.backends.jax.kernels import conv, deconv, volume
from netspec.backends.jax.kernels.arrange import from_declared, to_declared
from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, LAYOUTS

RNG = np.random.default_rng(0)
GEOMETRIES = [
    {"stride": (1, 1, 1), "padding": ((1, 1), (0, 2), (1, 0)), "dilation": (1, 1, 1)},
    {"stride": (2, 1, 3), "padding": ((0, 1), (1, 1), (0, 0)), "dilation": (1, 1, 1)},
    {"stride": (1, 1, 1), "padding": ((2, 2), (0, 0), (1, 1)), "dilation": (2, 1, 2)},
]


def both(function, *arrays):
    """Return values and gradients of a function of arrays."""

    @jax.jit
    def run(*arrays):
        y, pull = jax.vjp(function, *arrays)
        return y, *pull(jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))

    return run(*arrays)


def assert_close(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert a.shape == e.shape
        np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-4)


def drawn(*shape):
    return jnp.asarray(RNG.normal(size=shape), jnp.float32)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(("strategy", "groups"), [("slices", 1), ("slices", 2), ("im2col", 1), ("im2col", 2)])
def test_slices_convolve_as_the_platform_does(geometry, strategy, groups):
    x, kernel = drawn(2, 5, 6, 5, 4), drawn(6, 4 // groups, 3, 2, 3)
    expected = both(partial(volume.conv3d, **geometry, groups=groups, strategy="direct"), x, kernel)
    assert_close(both(partial(volume.conv3d, **geometry, groups=groups, strategy=strategy), x, kernel), expected)


def test_each_channel_is_convolved_by_taps():
    x, kernel = drawn(2, 4, 5, 4, 3), drawn(3, 1, 2, 3, 1)
    how = {**GEOMETRIES[0], "groups": 3}
    expected = both(partial(volume.conv3d, **how, strategy="direct"), x, kernel)
    assert_close(both(partial(volume.conv3d, **how, strategy="taps"), x, kernel), expected)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_slices_spread_as_the_platform_does(geometry):
    x, kernel = drawn(2, 3, 2, 3, 4), drawn(4, 3, 3, 2, 2)
    expected = both(partial(volume.conv_transpose3d, **geometry, groups=2, strategy="direct"), x, kernel)
    assert_close(both(partial(volume.conv_transpose3d, **geometry, groups=2, strategy="columns"), x, kernel), expected)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_platform_convolves_in_every_layout(layout):
    x, kernel = drawn(2, 3, 4, 5, 3), drawn(4, 3, 2, 3, 1)
    how = {**GEOMETRIES[1], "groups": 1, "strategy": "direct"}
    expected = volume.conv3d(from_declared(x, CHANNELS_LAST), kernel, **how)
    found = volume.conv3d(from_declared(x, layout), kernel, **how, layout=layout)
    np.testing.assert_allclose(to_declared(found, layout), to_declared(expected, CHANNELS_LAST), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strategy", ["slices", "reduce_window", "reshape"])
def test_ties_go_to_the_first_of_a_window(strategy):
    x = jnp.asarray(RNG.integers(0, 2, (2, 4, 6, 5, 3)), jnp.float32)
    how = {"window": (2, 3, 2), "stride": (2, 3, 2), "padding": ((0, 0),) * 3}

    def platform(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 3, 2, 1), (1, 2, 3, 2, 1), "VALID")

    assert_close(both(partial(volume.max_pool3d, **how, strategy=strategy), x), both(platform, x))


@pytest.mark.parametrize(
    ("own", "strategies"), [(volume.conv3d, conv.STRATEGIES), (volume.conv_transpose3d, deconv.STRATEGIES)]
)
def test_what_cannot_be_is_refused(own, strategies):
    x, kernel = drawn(1, 2, 2, 2, 2), drawn(2, 2, 1, 1, 1)
    how = {"stride": (1, 1, 1), "padding": ((0, 0),) * 3, "dilation": (1, 1, 1), "groups": 1}
    with pytest.raises(ValueError, match=f"unknown .*{next(reversed(strategies))}"):
        own(x, kernel, **how, strategy="guess")
    for layout in (CHANNELS_FIRST, BATCH_LAST):
        with pytest.raises(ValueError, match="channels last"):
            own(x, kernel, **how, strategy=next(reversed(strategies)), layout=layout)
