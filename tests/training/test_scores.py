"""Metrics against scikit-learn: of every task, over batches of any size, and where they have no value."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from netspec.recipe.metrics import METRICS, Task, metrics_of
from netspec.training import scores as module
from netspec.training.score_values import probabilities
from netspec.training.scores import Scorer

RNG = np.random.default_rng(0)
sk: Any = pytest.importorskip("sklearn.metrics")


def measured(
    task: Task,
    function: str | None,
    z: np.ndarray,
    y: np.ndarray,
    counted: np.ndarray | None = None,
    *,
    cuts: tuple[int, ...] = (3, 4, 17),
    names: tuple[str, ...] = (),
) -> dict[str, float | None]:
    """The metrics, added up over batches that end at `cuts`."""
    fitting = [m.name for m in metrics_of(task, probable=function is not None) if m.k < z.shape[1]]
    scorer = Scorer(names or fitting, task, function, z.shape[1])
    for part in np.split(np.arange(len(z)), [c for c in cuts if c < len(z)]):
        scorer.add(z[part], y[part], None if counted is None else counted[part])
    return scorer.values()


def classes(shape: tuple[int, ...], among: int | None = None) -> np.ndarray:
    return RNG.integers(0, among or shape[1], (shape[0], *shape[2:])).astype(np.int32)


def outputs(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32) * 2


def flat(z: np.ndarray) -> np.ndarray:
    return np.moveaxis(z, 1, -1).reshape(-1, z.shape[1])


def of_classes(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """What scikit-learn says of probabilities (M, K) and class numbers (M,)."""
    k = p.shape[1]
    found, there = p.argmax(1), np.unique(y)
    hot = np.eye(k)[y]
    macro = {"average": "macro", "zero_division": 0}
    positive = {"average": "macro", "zero_division": 0} if k > 2 else {"average": "binary", "zero_division": 0}
    expected = {
        "accuracy": sk.accuracy_score(y, found),
        "balanced_accuracy": sk.recall_score(y, found, labels=there, average="macro"),
        "precision": sk.precision_score(y, found, **macro),
        "recall": sk.recall_score(y, found, **macro),
        "f1": sk.f1_score(y, found, **macro),
        "f1_micro": sk.f1_score(y, found, average="micro"),
        "log_loss": sk.log_loss(y, p / p.sum(1, keepdims=True), labels=range(k)),
        "iou": sk.jaccard_score(y, found, **positive),
        "dice": sk.f1_score(y, found, **positive),
        "auroc": float(np.mean([sk.roc_auc_score(hot[:, i], p[:, i]) for i in there])),
        "average_precision": float(np.mean([sk.average_precision_score(hot[:, i], p[:, i]) for i in there])),
    }
    if k == 2:
        expected["auroc"], expected["average_precision"] = (
            f(y, p[:, 1]) for f in (sk.roc_auc_score, sk.average_precision_score)
        )
    else:
        expected["perplexity"] = float(np.exp(expected["log_loss"]))
        expected |= {f"top{n}": sk.top_k_accuracy_score(y, p, k=n, labels=range(k)) for n in range(2, k)}
    return expected


def agree(found: dict[str, float | None], expected: dict[str, float]) -> None:
    assert set(expected) <= set(found)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("shape", [(40, 5), (40, 4, 6), (20, 3, 4, 5)], ids=["rows", "sequence", "image"])
@pytest.mark.parametrize("missing", [False, True], ids=["all classes", "one is absent"])
def test_classes_are_measured_as_scikit_learn_does(shape: tuple[int, ...], missing: bool) -> None:
    z, y = outputs(shape), classes(shape, shape[1] - missing)
    p = np.exp(flat(z).astype(np.float64))
    agree(measured("classes", "softmax", z, y), of_classes(p / p.sum(1, keepdims=True), y.reshape(-1)))


@pytest.mark.parametrize("shape", [(40, 1), (20, 1, 4, 5)], ids=["rows", "image"])
def test_two_classes_are_measured_as_scikit_learn_does(shape: tuple[int, ...]) -> None:
    z, y = outputs(shape), classes(shape, 2)
    p = 1 / (1 + np.exp(-flat(z).astype(np.float64)))
    agree(measured("two classes", "sigmoid", z, y), of_classes(np.concatenate([1 - p, p], 1), y.reshape(-1)))


def test_outputs_that_are_no_probabilities_are_ranked_all_the_same() -> None:
    z, y = outputs((40, 4)), classes((40, 4))
    expected = of_classes(np.exp(z.astype(np.float64)), y)
    agree(measured("classes", None, z, y), {k: v for k, v in expected.items() if k not in {"log_loss", "perplexity"}})


@pytest.mark.parametrize("shape", [(40, 5), (20, 3, 4, 5)], ids=["rows", "image"])
@pytest.mark.parametrize("empty", [False, True], ids=["all labels", "one is absent"])
def test_several_labels_are_measured_as_scikit_learn_does(shape: tuple[int, ...], empty: bool) -> None:
    z, y = outputs(shape), RNG.integers(0, 2, shape).astype(np.float32)
    if empty:
        y[:, 1] = 0
    p, t = 1 / (1 + np.exp(-flat(z).astype(np.float64))), flat(y).astype(int)
    found, macro = (p > 0.5).astype(int), {"average": "macro", "zero_division": 0}
    there = [i for i in range(shape[1]) if 0 < t[:, i].sum() < len(t)]
    expected = {
        "accuracy": sk.accuracy_score(t, found),
        "f1_micro": sk.f1_score(t, found, average="micro"),
        "auroc": float(np.mean([sk.roc_auc_score(t[:, i], p[:, i]) for i in there])),
        "average_precision": float(np.mean([sk.average_precision_score(t[:, i], p[:, i]) for i in there])),
        "log_loss": float(np.mean([sk.log_loss(t[:, i], p[:, i], labels=[0, 1]) for i in range(shape[1])])),
        "precision": sk.precision_score(t, found, **macro),
        "recall": sk.recall_score(t, found, **macro),
        "f1": sk.f1_score(t, found, **macro),
        "iou": sk.jaccard_score(t, found, **macro),
        "dice": sk.f1_score(t, found, **macro),
    }
    agree(measured("labels", "sigmoid", z, y), expected)


@pytest.mark.parametrize("shape", [(40, 1), (40, 3), (20, 2, 5)], ids=["one", "several", "positions"])
@pytest.mark.parametrize("offset", [0, 1e4])
def test_numbers_are_measured_as_scikit_learn_does(shape: tuple[int, ...], offset: float) -> None:
    y = outputs(shape) + np.float32(offset)
    z = y + outputs(shape) * np.float32(0.3)
    expected = {
        "mae": sk.mean_absolute_error(flat(y), flat(z)),
        "rmse": sk.root_mean_squared_error(flat(y).astype(float), flat(z).astype(float)),
        "r2": sk.r2_score(flat(y).astype(float), flat(z).astype(float)),
    }
    found = measured("numbers", None, z, y)
    agree(found, expected)
    if shape[1:] == (1,):
        assert measured("numbers", None, z, y[:, 0]) == found


@pytest.mark.parametrize("met", [True, False])
def test_targets_that_are_all_the_same_have_the_r2_of_scikit_learn(met: bool) -> None:
    y = np.full((6, 1), 3, np.float32)
    z = y if met else y + outputs((6, 1))
    assert measured("numbers", None, z, y)["r2"] == sk.r2_score(y, z)


def test_confidence_is_compared_with_accuracy_bin_by_bin() -> None:
    z, y = outputs((300, 4)), classes((300, 4))
    p = np.exp(z.astype(np.float64))
    p /= p.sum(1, keepdims=True)
    top, right, by_hand = p.max(1), p.argmax(1) == y, 0.0
    for low in np.arange(15) / 15:
        within = (top > low) & (top <= low + 1 / 15)
        by_hand += abs(right[within].sum() - top[within].sum()) / len(y)
    assert measured("classes", "softmax", z, y)["calibration_error"] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("task", ["classes", "two classes", "labels", "numbers"])
def test_what_does_not_count_changes_nothing(task: Task) -> None:
    shape = (12, 1 if task == "two classes" else 3, 7)
    z = outputs(shape)
    y = {"classes": classes(shape), "two classes": classes(shape, 2), "labels": RNG.integers(0, 2, shape)}.get(
        task, outputs(shape)
    )
    counted = RNG.integers(0, 2, (12, 7)).astype(np.float32)
    function = {"classes": "softmax", "numbers": None}.get(task, "sigmoid")
    kept = counted.reshape(-1) > 0
    rows = flat(y)[kept] if y.ndim == z.ndim else y.reshape(-1)[kept]
    expected = measured(task, function, flat(z)[kept], rows)
    assert measured(task, function, z, y, counted) == pytest.approx(expected, rel=1e-9)
    spoilt = np.where(counted[:, None] > 0, z, np.nan).astype(np.float32)
    assert measured(task, function, spoilt, y, counted) == pytest.approx(expected, rel=1e-9)
    whole = measured(task, function, z, y, np.ones(12))
    assert whole == pytest.approx(measured(task, function, z, y, cuts=()), rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_there_is_a_number_or_none_whatever_the_examples(name: str) -> None:
    metric = METRICS[name]
    for task in metric.tasks:
        k = 1 if task == "two classes" else max(3, metric.k + 1)
        function = {"classes": "softmax", "numbers": None}.get(task, "sigmoid")
        odd = {"none": 0, "one": 1, "one class": 5}
        for what, count in odd.items():
            shape = (count, k)
            y = np.zeros(shape if task in {"labels", "numbers"} else count, np.int32)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                scorer = Scorer([name], task, function, k)
                scorer.add(outputs(shape) * 1000, y)
                (value,) = scorer.values().values()
            assert value is None or np.isfinite(value), (task, what)
            assert (value is None) == bool(scorer.notes)
            assert count or value is None


def test_scores_are_not_kept_beyond_what_memory_is_meant_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SCORES", 100)
    z, y = outputs((40, 3)), classes((40, 3))
    scorer = Scorer(["auroc", "f1"], "classes", "softmax", 3)
    for part in np.split(np.arange(40), 4):
        scorer.add(z[part], y[part])
    found = scorer.values()
    assert found["auroc"] is None
    assert found["f1"] == measured("classes", "softmax", z, y)["f1"]
    assert [note.endswith("and there are more than 100") for note in scorer.notes] == [True]


def test_outputs_become_probabilities_of_classes() -> None:
    z = outputs((5, 1))
    p = probabilities(z, "sigmoid")
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-z[:, 0])), rtol=1e-5)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)
    image = probabilities(outputs((2, 3, 4, 5)) * 100, "softmax")
    np.testing.assert_allclose(image.sum(1), 1, rtol=1e-6)


def test_columns_of_several_units_are_measured_each_in_its_own() -> None:
    z, y = RNG.normal(size=(40, 2)), RNG.normal(size=(40, 2)).astype(np.float32)
    scale, shift = np.array([8.0, 850.0]), np.array([23.0, 3000.0])
    scorer = Scorer(["mae", "rmse", "r2"], "numbers", None, 2, None, lambda x: x * scale + shift, ("mpg", "weight"))
    for part in np.split(np.arange(40), [7, 20]):
        scorer.add(z[part], y[part])
    own = [(y[:, i] * scale[i] + shift[i], z[:, i] * scale[i] + shift[i]) for i in (0, 1)]
    expected = {
        "mae": sk.mean_absolute_error(y, z),
        "rmse": np.mean([sk.root_mean_squared_error(y[:, i], z[:, i]) for i in (0, 1)]),
        "r2": sk.r2_score(y, z),
        **{f"{name}_mae": sk.mean_absolute_error(*own[i]) for i, name in enumerate(("mpg", "weight"))},
        **{f"{name}_rmse": sk.root_mean_squared_error(*own[i]) for i, name in enumerate(("mpg", "weight"))},
        **{f"{name}_r2": sk.r2_score(*own[i]) for i, name in enumerate(("mpg", "weight"))},
    }
    assert scorer.values() == pytest.approx(expected)
