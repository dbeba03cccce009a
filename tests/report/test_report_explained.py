"""Pictures that explain: ROC curves, points of a plane, heat maps, shares, the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.report.canvas import captured
from netspec.report.embedding import draw_embeddings, principal_components
from netspec.report.rate import draw_learning_rate
from netspec.report.roc import draw_roc, thresholds_of
from netspec.report.saliency import HeatMap, draw_saliency, draw_shares, heat_colors

Draw = Callable[[Callable[[Path], object]], NDArray[np.uint8]]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_the_curves_are_those_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    sk = pytest.importorskip("sklearn.metrics")
    true, score = np.array([p[0] for p in pairs]), np.array([p[1] / 3 for p in pairs])
    found = thresholds_of(true, score)
    if true.all() or not true.any():
        assert found is None
        return
    assert found is not None
    false_rate, recall, _ = sk.roc_curve(true, score, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive_rate, false_rate)
    np.testing.assert_allclose(found.recall, recall)
    assert found.area == pytest.approx(sk.roc_auc_score(true, score))
    assert found.average_precision == pytest.approx(sk.average_precision_score(true, score))


@pytest.mark.parametrize("classes", [1, 3, 12])
def test_the_curves_of_classes_are_drawn(pixels_of: Draw, rng: np.random.Generator, classes: int) -> None:
    true = rng.integers(0, max(classes, 2), 60)[:, None] == np.arange(classes)
    scores = true + rng.normal(size=true.shape)
    pixels_of(lambda path: draw_roc(true, scores, [f"class {k}" for k in range(classes)], path, title="t"))


def test_where_all_are_of_one_class_there_is_no_curve(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="same class"):
        draw_roc(np.ones((5, 1)), np.ones((5, 1)), ["a"], tmp_path / "x.png", title="t")


def test_the_components_are_those_of_scikit_learn(rng: np.random.Generator) -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    values = rng.normal(size=(30, 5)) * [5, 3, 1, 1, 0.1]
    points, shares = principal_components(values)
    pca = decomposition.PCA(2).fit(values)
    np.testing.assert_allclose(np.abs(points), np.abs(pca.transform(values)), atol=1e-8)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_)
    one, of_one = principal_components(np.arange(6.0)[:, None])
    assert np.ptp(one[:, 0]) == 5
    assert not one[:, 1].any()
    assert of_one.tolist() == [1, 0]
    assert principal_components(np.ones((4, 3)))[1].tolist() == [0, 0]


@pytest.mark.parametrize("names", [[], ["a", "b"], [f"n{i}" for i in range(40)]])
def test_points_are_drawn(pixels_of: Draw, rng: np.random.Generator, names: list[str]) -> None:
    values = rng.integers(0, len(names), 200) if names else rng.random(200)
    pixels_of(lambda path: draw_embeddings(rng.normal(size=(200, 2)), values, names, path, title="t", subtitle="s"))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 40), (1, 1, 60)])
def test_heat_maps_are_drawn(pixels_of: Draw, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    maps = [
        HeatMap("gradient", rng.random(shape[1:]), "what\nit shows"),
        HeatMap("signed", rng.normal(size=shape[1:]), signed=True),
        HeatMap("coarse", rng.random((2, 2)), smooth=True),
        HeatMap("nothing", np.zeros((3, 3))),
    ]
    pixels_of(lambda path: draw_saliency(rng.random(shape), maps, path, title="t", subtitle="s"))


def test_a_signed_map_is_blue_for_and_orange_against() -> None:
    left, right = heat_colors(HeatMap("m", np.array([[2.0, -1.0]]), signed=True))[0]
    assert left[2] > left[0]
    assert right[0] > right[2]
    assert left[3] > right[3] > 0


@pytest.mark.parametrize("count", [1, 5, 70])
def test_shares_are_drawn(pixels_of: Draw, rng: np.random.Generator, count: int) -> None:
    shares = rng.normal(size=count).tolist()
    pixels_of(lambda path: draw_shares([f"column {i} = 3" for i in range(count)], shares, path, title="t", unit="%"))


@pytest.mark.parametrize(
    ("probable", "says"), [(True, "it speaks for the answer"), (False, "it makes the number larger")]
)
def test_shares_say_what_their_sign_means(tmp_path: Path, probable: bool, says: str) -> None:
    # A positive share is what the answer loses.
    with captured() as figures:
        draw_shares(["a = 1", "b = 2"], [3.0, -1.0], tmp_path / "x.png", title="t", unit="%", probable=probable)
    assert figures[-1].axes[0].get_xlabel() == f"lower without it by, % (blue: {says})"


def test_the_rate_is_drawn(pixels_of: Draw, tmp_path: Path) -> None:
    steps = [{"kind": "step", "step": i, "loss": 1.0, "learning_rate": 0.1 * 0.5**i} for i in range(1, 20)]
    epochs = [{"kind": "epoch", "step": 19, "train_loss": 1.0}]
    pixels_of(lambda path: draw_learning_rate([*steps, *epochs], path, title="t"))
    pixels_of(lambda path: draw_learning_rate(steps[:1], path, title="t"))
    with pytest.raises(RunError, match="at least one step"):
        draw_learning_rate(epochs, tmp_path / "x.png")
