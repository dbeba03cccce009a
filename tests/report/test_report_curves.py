"""Curves, and the series under them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import RunError
from netspec.report import curves
from netspec.report.curves import _accuracy_range, draw_curves
from netspec.report.history import Series, read_history

Record = dict[str, Any]


def step(number: int, loss: float, accuracy: float | None, epoch: int = 1) -> Record:
    return {
        "kind": "step",
        "epoch": epoch,
        "step": number,
        "loss": loss,
        "accuracy": accuracy,
        "learning_rate": 1e-3,
    }


def evaluation(number: int, loss: float, accuracy: float | None, split: str = "test") -> Record:
    return {
        "kind": "evaluation",
        "epoch": 1,
        "step": number,
        "split": split,
        "loss": loss,
        "accuracy": accuracy,
    }


def epoch(number: int, **values: float | None) -> Record:
    return {"kind": "epoch", "epoch": number, "step": 100 * number, "seconds": 1.0, **values}


def run(epochs: int = 3, top: float = 0.99) -> list[Record]:
    steps = [step(n, 2.3 / n, 1 - 0.9 / n, 1 + (n - 1) // 100) for n in range(10, 100 * epochs + 1, 10)]
    ends = [
        epoch(n, train_loss=0.1 / n, train_accuracy=0.97, test_loss=0.2 / n, test_accuracy=top - 0.01 / n)
        for n in range(1, epochs + 1)
    ]
    return steps + ends


def test_records_are_sorted_into_series() -> None:
    history = read_history([*run(), evaluation(50, 0.5, 0.9), evaluation(50, 0.6, 0.8, "validation")])
    np.testing.assert_array_equal(history.loss.test.steps, [50, 100, 200, 300])
    np.testing.assert_allclose(history.loss.test.values, [0.5, 0.2, 0.1, 0.2 / 3])
    np.testing.assert_array_equal(history.accuracy.validation.values, [0.8])
    assert history.epoch_ends == (100, 200, 300)
    assert len(history.loss.steps) == 30
    assert history.broke_at is None


def test_the_last_of_repeated_steps_counts_and_order_does_not() -> None:
    series = read_history([step(20, 2.0, None), step(10, 3.0, None), step(10, 4.0, None)]).loss.steps
    np.testing.assert_array_equal(series.steps, [10, 20])
    np.testing.assert_array_equal(series.values, [4.0, 2.0])


def test_without_steps_the_epochs_train_values_are_the_line() -> None:
    history = read_history([r for r in run() if r["kind"] == "epoch"])
    np.testing.assert_allclose(history.loss.train.values, [0.1, 0.05, 0.1 / 3])
    assert len(history.loss.steps) == 0


def test_what_is_not_finite_is_left_out_and_told() -> None:
    history = read_history([step(10, 1.0, 0.5), step(20, float("nan"), 0.1), step(30, float("inf"), None)])
    np.testing.assert_array_equal(history.loss.steps.steps, [10])
    assert history.broke_at == 20


@pytest.mark.parametrize("best", [100, 200])
def test_the_star_is_where_the_training_says(best: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of two epochs with the same accuracy the one with the lower loss may be either; and a look within is none."""
    accuracies = {"test_accuracy": 0.9, "validation_accuracy": 0.8}
    ends = [epoch(n, **accuracies) | {"best": 100 * n <= best} for n in (1, 2)]
    stars = []
    drawn = curves._draw_accuracy

    def seen(axes: Any, history: Any) -> None:
        drawn(axes, history)
        stars.extend(line.get_xdata()[0] for line in axes.lines if line.get_marker() == "*")
        texts.extend(line.get_label() for line in axes.lines if ": " in line.get_label())

    texts: list[str] = []
    monkeypatch.setattr(curves, "_draw_accuracy", seen)
    draw_curves([*ends, evaluation(150, 0.1, 0.95)], tmp_path / "x.png", title="t")
    assert stars == [best, best]
    assert texts == [
        f"{name} at step {best}, final {p}"
        for name, p in (("validation: best 80.00 %", "80.00 %"), ("test: best 90.00 %", "90.00 %"))
    ]


def test_smoothing_keeps_constants_and_calms_noise(rng: np.random.Generator) -> None:
    steps = np.arange(500.0)
    np.testing.assert_allclose(Series(steps, np.full(500, 3.0)).smoothed().values, 3.0)
    noise = Series(steps, rng.normal(size=500))
    assert noise.smoothed().values.std() < 0.4 * noise.values.std()
    assert len(Series(steps[:1], steps[:1]).smoothed()) == 1


def test_98_and_99_percent_are_far_apart() -> None:
    accuracy = read_history(run()).accuracy
    low, high = _accuracy_range(accuracy)
    assert 1 / (high - low) > 0.2
    assert high <= 101
    assert low < 98
    assert high > 99


def test_an_early_low_evaluation_does_not_flatten_the_rest() -> None:
    low, _ = _accuracy_range(
        read_history([epoch(n, test_accuracy=a) for n, a in enumerate([0.3, 0.98, 0.99, 0.99], 1)]).accuracy
    )
    assert low > 95


def test_the_picture_depends_on_the_records(pixels_of) -> None:
    first = pixels_of(lambda path: draw_curves(run(), path, title="t"))
    assert (pixels_of(lambda path: draw_curves(iter(run()), path, title="t")) == first).all()
    assert (pixels_of(lambda path: draw_curves(run(top=0.98), path, title="t")) != first).any()
    louder = [{**r, "loss": 2 * r["loss"]} if r["kind"] == "step" and r["step"] == 150 else r for r in run()]
    assert (pixels_of(lambda path: draw_curves(louder, path, title="t")) != first).any()


@pytest.mark.parametrize(
    "records",
    [
        run(epochs=1),
        run(epochs=60),
        [r for r in run() if r["kind"] == "epoch"],
        [r for r in run() if r["kind"] == "step"],
        [step(1, 2.3, 0.1)],
        [epoch(1, test_loss=0.1, test_accuracy=1.0)],
        [epoch(1, test_accuracy=0.0)],
        [step(n, -float(n), 0.0) for n in range(1, 20)],
        [step(n, 10.0**-n, 1.0) for n in range(1, 12)],
        [step(1, 0.0, 1.0), step(2, 0.0, 1.0)],
        [step(1, 1.0, 0.5), step(2, float("nan"), 0.1)],
        [evaluation(n, 1 / n, 0.5, "validation") for n in range(1, 90)],
    ],
)
def test_every_kind_of_run_can_be_drawn(pixels_of, records: list[Record]) -> None:
    pixels_of(lambda path: draw_curves(records, path, title="a run called $x_1"))


def test_one_step_is_seen(pixels_of) -> None:
    pixels = pixels_of(lambda path: draw_curves([step(1, 2.3, None)], path, title="t"))
    left = pixels[:, : pixels.shape[1] - 30]
    blue = (left == [0, 0x72, 0xB2]).all(axis=2)
    assert blue[200:].sum() > 20


def test_a_regression_has_no_accuracy_panel(pixels_of) -> None:
    both = pixels_of(lambda path: draw_curves(run(), path, title="t"))
    records = [step(n, 1 / n, None) for n in range(1, 50)] + [epoch(1, test_loss=0.2, test_accuracy=None)]
    one = pixels_of(lambda path: draw_curves(records, path, title="t"))
    assert one.shape[1] < 0.6 * both.shape[1]


@pytest.mark.parametrize("records", [[], [{"kind": "started"}], [step(1, float("nan"), None)], [epoch(1)]])
def test_nothing_to_draw_is_a_run_error(tmp_path: Path, records: list[Record]) -> None:
    with pytest.raises(RunError, match="no finite loss or accuracy"):
        draw_curves(records, tmp_path / "x.png", title="t")
    assert list(tmp_path.iterdir()) == []
