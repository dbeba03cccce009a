"""Both strategies of the transposed convolution against the gradient of a convolution, which it is by definition."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels import conv, deconv

CASES = [
    {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1},
    {"stride": (2, 3), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 1},
    {"stride": (3, 2), "padding": ((0, 1), (1, 1)), "dilation": (2, 1), "groups": 2},
]


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("strategy", deconv.STRATEGIES)
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_transpose_of_a_convolution(case, strategy):
    x, kernel = normal(0, (2, 4, 5, 6)), normal(1, (6, 4 // case["groups"], 3, 2))
    out = jax.jit(partial(deconv.conv_transpose2d, **case, strategy=strategy))(x, kernel)
    # The kernel of shape (I, O / groups, kh, kw) is that of a convolution from O to I channels.
    forward = partial(conv.conv2d, kernel=kernel, **case, strategy="direct")
    (transposed,) = jax.jit(jax.linear_transpose(forward, jax.ShapeDtypeStruct(out.shape, out.dtype)))(x)
    np.testing.assert_allclose(out, transposed, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_strategies_have_the_same_gradients(case):
    x, kernel = normal(2, (2, 3, 4, 4)), normal(3, (4, 6 // case["groups"], 2, 3))

    def total(x, kernel, strategy):
        y = deconv.conv_transpose2d(x, kernel, **case, strategy=strategy)
        return (y * jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape)).sum()

    slope = jax.grad(total, (0, 1))
    both = jax.jit(lambda x, kernel: (slope(x, kernel, "columns"), slope(x, kernel, "direct")))
    for a, b in zip(*both(x, kernel), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_negative_padding_goes_on_with_zeros():
    case = {"stride": (2, 2), "padding": ((0, -1), (0, -1)), "dilation": (1, 1), "groups": 1}
    for strategy in deconv.STRATEGIES:
        y = deconv.conv_transpose2d(jnp.ones((1, 2, 2, 1)), jnp.ones((1, 1, 1, 1)), **case, strategy=strategy)
        np.testing.assert_array_equal(y[0, :, :, 0], [[1, 0, 1, 0], [0] * 4, [1, 0, 1, 0], [0] * 4])


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="unknown strategy 'fast'; known: direct, columns"):
        deconv.conv_transpose2d(jnp.ones((1, 2, 2, 1)), jnp.ones((1, 1, 1, 1)), **CASES[0], strategy="fast")
