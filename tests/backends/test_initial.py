"""Initial values: what each initializer documents, from streams that depend on the seed and the path alone."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

import netspec as ns
from netspec.backends.initial import draw, stream
from netspec.recipe.initializers import INITIALIZERS

IN, OUT = 400, 300  # fans of the large fc layer
ROOT3 = sqrt(3)

# initializer: (mean, standard deviation, largest distance from the mean or None) for fan in 400 and fan out 300
UNIFORM = {
    "xavier_uniform": sqrt(3 / 350),
    "xavier_uniform(2.24)": sqrt(2.24 / 350),
    "he_uniform": sqrt(6 / IN),
    "lecun_uniform": sqrt(3 / IN),
    "torch": sqrt(1 / IN),
    "uniform(-0.3..0.3)": 0.3,
}
NORMAL = {
    "xavier_normal": sqrt(1 / 350),
    "xavier_normal(2.0)": sqrt(2 / 350),
    "he_normal": sqrt(2 / IN),
    "lecun_normal": sqrt(1 / IN),
    "normal(0.01)": 0.01,
}


def kernel(initializer: str, layer: str = f"input {IN}; fc {OUT}", name: str = "fc_1", seed: int = 0) -> np.ndarray:
    parameters = ns.parse(f"{layer}; init {initializer}").graph().parameters
    return draw(parameters[f"{name}/kernel"], seed)


def test_every_initializer_is_tested_here() -> None:
    here = {text.partition("(")[0] for text in (*UNIFORM, *NORMAL)} | {"zeros", "ones", "constant", "orthogonal"}
    assert set(INITIALIZERS.names) == here


@pytest.mark.parametrize(("initializer", "limit"), UNIFORM.items())
def test_uniform_ones_fill_their_range(initializer: str, limit: float) -> None:
    values = kernel(initializer)
    assert values.shape == (OUT, IN)
    assert values.dtype == np.float32
    assert np.abs(values).max() <= limit * (1 + 1e-6)
    assert np.abs(values).max() > 0.999 * limit
    assert values.std() == pytest.approx(limit / ROOT3, rel=0.01)
    assert abs(values.mean()) < 5 * limit / ROOT3 / sqrt(values.size)
    counts, _ = np.histogram(values, 10, (-limit, limit))
    assert counts.min() > 0.95 * values.size / 10


@pytest.mark.parametrize(("initializer", "std"), NORMAL.items())
def test_normal_ones_have_their_deviation(initializer: str, std: float) -> None:
    values = kernel(initializer)
    assert values.dtype == np.float32
    assert values.std() == pytest.approx(std, rel=0.01)
    assert abs(values.mean()) < 5 * std / sqrt(values.size)
    # Not truncated, and not uniform: the shares within 1 and 2 deviations are those of a normal distribution.
    assert (np.abs(values) < std).mean() == pytest.approx(0.6827, abs=0.01)
    assert (np.abs(values) < 2 * std).mean() == pytest.approx(0.9545, abs=0.005)
    assert np.abs(values).max() > 3.5 * std


def test_a_normal_one_has_its_mean() -> None:
    values = kernel("normal(0.1, mean=2.0)")
    assert values.mean() == pytest.approx(2, abs=0.002)
    assert values.std() == pytest.approx(0.1, rel=0.01)


def test_a_uniform_one_need_not_be_symmetric() -> None:
    values = kernel("uniform(0.25..1.0)")
    assert 0.25 <= values.min() < 0.251
    assert 0.999 < values.max() <= 1
    assert values.mean() == pytest.approx(0.625, abs=0.005)


@pytest.mark.parametrize(("initializer", "value"), [("zeros", 0), ("ones", 1), ("constant(0.1)", np.float32(0.1))])
def test_constant_ones_are_constant(initializer: str, value: float) -> None:
    values = kernel(initializer)
    assert values.dtype == np.float32
    assert (values == value).all()


@pytest.mark.parametrize("initializer", ["he_normal", "he_uniform", "lecun_normal", "xavier_normal", "torch"])
def test_fans_of_a_convolution_count_kernel_positions(initializer: str) -> None:
    fan_in, fan_out = 16 * 25, 64 * 25
    expected = {
        "he_normal": sqrt(2 / fan_in),
        "he_uniform": sqrt(2 / fan_in),
        "lecun_normal": sqrt(1 / fan_in),
        "xavier_normal": sqrt(2 / (fan_in + fan_out)),
        "torch": sqrt(1 / (3 * fan_in)),
    }[initializer]
    values = kernel(initializer, "input 16x8x8; conv 64 5x5", "conv_1")
    assert values.shape == (64, 16, 5, 5)
    assert values.std() == pytest.approx(expected, rel=0.02)


def test_biases_begin_at_zero_unless_said() -> None:
    parameters = ns.parse("input 400; fc 300").graph().parameters
    assert not draw(parameters["fc_1/bias"], 0).any()
    parameters = ns.parse("input 400; fc 300; init torch bias=torch").graph().parameters
    bias = draw(parameters["fc_1/bias"], 0)
    assert 0.045 < np.abs(bias).max() <= sqrt(1 / IN) * (1 + 1e-6), "PyTorch's bias has the kernel's fan in"


def test_a_layers_own_initializer_wins() -> None:
    parameters = ns.parse("input 4; fc 3 init=ones bias_init=constant(2.0); fc 3; init zeros").graph().parameters
    assert (draw(parameters["fc_1/kernel"], 0) == 1).all()
    assert (draw(parameters["fc_1/bias"], 0) == 2).all()
    assert not draw(parameters["fc_2/kernel"], 0).any()


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("input 40; fc 40", "fc_1"),
        ("input 90; fc 30", "fc_1"),
        ("input 30; fc 90", "fc_1"),
        ("input 3x8x8; conv 8 3x3", "conv_1"),
        ("input 1x8x8; conv 64 3x3", "conv_1"),
        ("input 5; fc 1", "fc_1"),
    ],
)
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_orthogonal_is_orthogonal(layer: str, name: str, gain: float) -> None:
    values = kernel(f"orthogonal({gain})", layer, name)
    matrix = values.reshape(values.shape[0], -1).astype(np.float64)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-6)


def test_orthogonal_prefers_no_direction() -> None:
    # Without the signs fixed, LAPACK gives a first entry of one sign only.
    firsts = [kernel("orthogonal", "input 6; fc 6", seed=seed)[0, 0] for seed in range(60)]
    assert 15 < sum(first > 0 for first in firsts) < 45


# --- streams ------------------------------------------------------------------------------------------------------


def test_the_same_seed_and_path_give_the_same_numbers() -> None:
    assert (kernel("he_normal") == kernel("he_normal")).all()


def test_another_seed_and_another_path_give_others() -> None:
    parameters = ns.parse("input 50; fc 50; fc 50; init he_normal").graph().parameters
    first, second = draw(parameters["fc_1/kernel"], 0), draw(parameters["fc_2/kernel"], 0)
    other = draw(parameters["fc_1/kernel"], 1)
    for a, b in ((first, second), (first, other), (draw(parameters["fc_2/kernel"], 1), second)):
        assert not np.isclose(a, b).all()
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.1


def test_a_layer_added_elsewhere_changes_nothing() -> None:
    small = ns.parse("input 1x8x8; conv 4 3x3; fc 10 as last").graph().parameters
    large = ns.parse("input 1x8x8; conv 4 3x3; batchnorm; pool 1; dropout 0.5; fc 144 relu; fc 10 as last")
    grown = large.graph().parameters
    for path in ("conv_1/kernel", "conv_1/bias", "last/kernel", "last/bias"):
        assert (draw(small[path], 5) == draw(grown[path], 5)).all()


def test_seeds_and_paths_do_not_mix() -> None:
    assert stream(1, "a").random() != stream(0, "a").random()
    assert stream(0, "a").random() != stream(0, "b").random()


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1, 2**32, 2**63])
def test_any_seed_will_do(seed: int) -> None:
    assert np.isfinite(stream(seed, "a").standard_normal(10)).all()


def test_the_numbers_stay_what_they_are() -> None:
    """Runs made by an older netspec begin with the same weights: Philox words keyed by SHA-256 of the path."""
    values = kernel("uniform(0.0..1.0)", "input 2; fc 2", seed=3)
    assert (values == stream(3, "fc_1/kernel").random((2, 2)).astype(np.float32)).all()
