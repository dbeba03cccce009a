"""Enlarging and rearranging: by small examples worked out by hand, and inverses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.kernels import resize


def test_interpolation_by_hand():
    x = jnp.asarray([0.0, 4.0, 8.0]).reshape(1, 3, 1)
    # The middles of the new pixels are a quarter of a pixel from those of the old ones.
    assert resize.upsample_linear(x, (2,)).ravel().tolist() == [0, 1, 3, 5, 7, 8]
    np.testing.assert_allclose(resize.upsample_linear(x, (3,)).ravel(), [0, 0, 4 / 3, 8 / 3, 4, 16 / 3, 20 / 3, 8, 8])


@pytest.mark.parametrize("factor", [(1, 1), (2, 1), (3, 4), (5, 2)])
def test_interpolation_is_that_of_jax(factor):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 4, 5)), jnp.float32)
    shape = (2, 3 * factor[0], 4 * factor[1], 5)
    np.testing.assert_allclose(resize.upsample_linear(x, factor), jax.image.resize(x, shape, "linear"), atol=1e-6)
    np.testing.assert_array_equal(resize.upsample_nearest(x, factor), jax.image.resize(x, shape, "nearest"))


def test_one_pixel_stays_what_it_is():
    x = jnp.full((1, 1, 1, 2), 7.0)
    np.testing.assert_array_equal(resize.upsample_linear(x, (3, 2)), np.full((1, 3, 2, 2), 7.0))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_squares_and_channels_are_each_others_inverse(factor):
    x = jnp.arange(2 * 3 * 2 * 2 * factor**2, dtype=jnp.float32).reshape(2, 3, 2, 2 * factor**2)
    large = resize.depth_to_space(x, factor)
    assert large.shape == (2, 3 * factor, 2 * factor, 2)
    np.testing.assert_array_equal(resize.space_to_depth(large, factor), x)


def test_channels_become_squares_in_row_major_order():
    x = jnp.arange(8.0).reshape(1, 1, 1, 8)
    large = resize.depth_to_space(x, 2)[0]
    assert large[:, :, 0].tolist() == [[0, 1], [2, 3]]
    assert large[:, :, 1].tolist() == [[4, 5], [6, 7]]


def test_borders_by_hand():
    x = jnp.asarray([1.0, 2.0, 3.0]).reshape(1, 3, 1)

    def padded(mode):
        return resize.pad(x, (0, 2, 0), (0, 1, 0), mode=mode).ravel().tolist()

    assert padded("zero") == [0, 0, 1, 2, 3, 0]
    assert padded("reflect") == [3, 2, 1, 2, 3, 2]
    assert padded("edge") == [1, 1, 1, 2, 3, 3]
