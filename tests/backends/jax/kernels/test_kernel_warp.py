"""Moving pixels, against SciPy in float64."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from netspec.backends.jax.kernels.warp import Affine, affine_coordinates, field_points, interpolated, smooth_field

SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))
MODES = {"zero": "grid-constant", "edge": "nearest"}


def images(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def change(count: int, **parts: float) -> Affine:
    neutral = {"angle": 0.0, "slant": 0.0, "zoom": 1.0, "mirror": 1.0, "down": 0.0, "right": 0.0}
    return Affine(**{k: jnp.full(count, v, jnp.float32) for k, v in {**neutral, **parts}.items()})


def warped(x: np.ndarray, how: Affine, fill: str = "zero", method: str = "bilinear") -> np.ndarray:
    rows, columns = affine_coordinates(how, (x.shape[2], x.shape[3]))
    return np.asarray(interpolated(jnp.asarray(x), rows, columns, method=method, fill=fill))  # type: ignore[arg-type]


@pytest.mark.parametrize("fill", ["zero", pytest.param("edge", marks=pytest.mark.slow)])
@settings(max_examples=6, deadline=None)
@given(size=SIZES, seed=st.integers(0, 99))
def test_reading_between_pixels_is_that_of_scipy(fill: str, size: tuple[int, int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, (n, _, h, w) = images(size, seed), size
    rows, columns = (rng.uniform(-3, side + 2, (n, h, w)).astype(np.float32) for side in (h, w))
    ours = interpolated(jnp.asarray(x), jnp.asarray(rows), jnp.asarray(columns), method="bilinear", fill=fill)  # type: ignore[arg-type]
    for i, c in np.ndindex(*size[:2]):
        at = [rows[i].astype(np.float64), columns[i].astype(np.float64)]
        wanted = ndimage.map_coordinates(x[i, c].astype(np.float64), at, order=1, mode=MODES[fill])
        np.testing.assert_allclose(ours[i, c], wanted, rtol=1e-4, atol=2e-3)


def keys(distance: np.ndarray) -> np.ndarray:
    """The cubic convolution kernel as its author wrote it down, with a = -1/2."""
    d = np.abs(distance)
    return np.where(d < 1, 1.5 * d**3 - 2.5 * d**2 + 1, np.where(d < 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0))


@pytest.mark.parametrize("fill", ["zero", pytest.param("edge", marks=pytest.mark.slow)])
@settings(max_examples=6, deadline=None)
@given(size=SIZES, seed=st.integers(0, 99))
def test_bicubic_reading_is_the_convolution_of_keys(fill: str, size: tuple[int, int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, (n, c, h, w) = images(size, seed), size
    rows, columns = (rng.uniform(-5, side + 4, (n, h, w)).astype(np.float32) for side in (h, w))
    ours = interpolated(jnp.asarray(x), jnp.asarray(rows), jnp.asarray(columns), method="bicubic", fill=fill)  # type: ignore[arg-type]
    far = 8
    sides = ((0, 0), (0, 0), (far, far), (far, far))
    wide = np.pad(x.astype(np.float64), sides, mode="edge" if fill == "edge" else "constant")
    down = keys(rows[..., None].astype(np.float64) - (np.arange(h + 2 * far) - far))
    right = keys(columns[..., None].astype(np.float64) - (np.arange(w + 2 * far) - far))
    wanted = np.einsum("nhwi,ncij,nhwj->nchw", down, wide, right)
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-2)
    assert ours.shape == (n, c, h, w)


def test_bicubic_reading_is_exact_for_parabolas_and_bilinear_reading_is_not() -> None:
    row, column = np.mgrid[:9, :11].astype(np.float32)

    def surface(r: np.ndarray, c: np.ndarray) -> np.ndarray:
        return 3 + r - 2 * c + 0.5 * r * r - r * c + 0.25 * c * c

    rng = np.random.default_rng(2)
    rows, columns = rng.uniform(1, 7, (1, 5, 5)), rng.uniform(1, 9, (1, 5, 5))
    x = jnp.asarray(surface(row, column)[None, None], jnp.float32)
    at = (jnp.asarray(rows, jnp.float32), jnp.asarray(columns, jnp.float32))
    wanted = surface(rows, columns)[:, None]
    np.testing.assert_allclose(interpolated(x, *at, method="bicubic", fill="zero"), wanted, atol=2e-4)
    assert np.abs(interpolated(x, *at, method="bilinear", fill="zero") - wanted).max() > 0.05


@settings(max_examples=25, deadline=None)
@given(
    angle=st.floats(-3.1, 3.1),
    slant=st.floats(-1.2, 1.2),
    zoom=st.floats(0.5, 1.8),
    mirror=st.sampled_from([-1.0, 1.0]),
    down=st.floats(-3, 3),
    right=st.floats(-3, 3),
)
def test_the_parts_of_a_change_are_the_matrices_of_scipy(
    angle: float, slant: float, zoom: float, mirror: float, down: float, right: float
) -> None:
    x = ndimage.gaussian_filter(np.random.default_rng(1).uniform(0, 255, (9, 12)), 1.0).astype(np.float32)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forward = np.diag([zoom, zoom * mirror]) @ np.array([[1, 0], [np.tan(slant), 1]]) @ turn
    inverse, middle = np.linalg.inv(forward), (np.array(x.shape) - 1) / 2
    offset = middle - inverse @ (middle + np.array([down, right]))
    wanted = ndimage.affine_transform(x.astype(np.float64), inverse, offset, order=1, mode="grid-constant")
    how = change(1, angle=angle, slant=slant, zoom=zoom, mirror=mirror, down=down, right=right)
    np.testing.assert_allclose(warped(x[None, None], how)[0, 0], wanted, atol=0.05)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_a_whole_number_of_pixels_moves_without_blurring(method: str) -> None:
    x = images((2, 3, 6, 7))
    down = warped(x, change(2, down=2, right=-1), method=method)
    np.testing.assert_array_equal(down[:, :, 2:, :-1], x[:, :, :-2, 1:])
    assert not down[:, :, :2].any()
    np.testing.assert_array_equal(warped(x, change(2, mirror=-1), method=method), x[..., ::-1])
    np.testing.assert_array_equal(warped(x, change(2), method=method), x)
    # The edge goes on where it is said to.
    np.testing.assert_array_equal(
        warped(x, change(2, down=2), "edge", method)[:, :, :2], np.repeat(x[:, :, :1], 2, axis=2)
    )


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_what_is_far_outside_reads_as_nothing(method: str) -> None:
    assert not warped(images((1, 1, 5, 5)), change(1, down=1e6, right=-1e6), method=method).any()


@pytest.mark.parametrize("sigma", [0.5, 2.0, 4.0, 40.0])
def test_a_field_has_deviation_1_everywhere_and_is_as_smooth_as_sigma_says(sigma: float) -> None:
    size = (12, 20)
    points = field_points(size, sigma)
    noise = np.random.default_rng(0).normal(size=(4000, *points)).astype(np.float32)
    field = np.asarray(smooth_field(jnp.asarray(noise), size, sigma))
    assert field.shape == (4000, *size)
    np.testing.assert_allclose(field.std(axis=0), 1, atol=0.07)
    np.testing.assert_allclose(field.mean(axis=0), 0, atol=0.08)
    # White noise under a Gaussian of deviation s has the autocorrelation exp(-d²/4s²).
    near = (field[:, 6, 8] * field[:, 6, 10]).mean()
    assert near == pytest.approx(np.exp(-((2 / sigma) ** 2) / 4), abs=0.08)
