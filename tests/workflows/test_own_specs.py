"""The small specs for data of one's own: each learns what is in the made-up examples beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import netspec as ns
from netspec.system.resources import specs_folder

OWN = specs_folder() / "own"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "metric", "least"),
    [
        ("pictures", "accuracy", 0.9),
        ("masks", "accuracy", 0.9),
        ("table", "accuracy", 0.85),
        ("text", "accuracy", 0.8),
        ("reviews", "accuracy", 0.9),
        ("sound", "accuracy", 0.9),
        ("words", "entity_f1", 0.9),
    ],
)
def test_it_learns(name: str, metric: str, least: float, tmp_path: Path) -> None:
    shutil.copytree(OWN, tmp_path / "own")
    result = ns.fit(ns.load(tmp_path / "own" / f"{name}.net"))
    found = {"test_accuracy": result.test_accuracy, **result.metrics}
    assert (found[f"test_{metric}"] or 0) >= least


@pytest.mark.slow
def test_numbers_are_learned_in_their_unit(tmp_path: Path) -> None:
    shutil.copytree(OWN, tmp_path / "own")
    result = ns.fit(ns.load(tmp_path / "own" / "numbers.net"), out=tmp_path / "run")
    # Prices are some 700 with a deviation of 300; 15 of it is noise.
    assert result.metrics["test_mae"] < 50


@pytest.mark.slow
def test_a_forecast_is_better_than_the_last_value(tmp_path: Path) -> None:
    shutil.copytree(OWN, tmp_path / "own")
    list(ns.train(tmp_path / "own" / "series.net", out=tmp_path / "run"))
    found = ns.open(tmp_path / "run").evaluate()
    # A degree of it is noise; the last value is off by 1.74.
    assert found.metrics["rmse"] < 1.3 < found.naive["rmse"]


def test_each_spec_is_right_as_it_lies_there() -> None:
    for path in sorted(OWN.glob("*.net")):
        assert ns.load(path).graph().parameter_count
