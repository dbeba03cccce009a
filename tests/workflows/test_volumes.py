"""Volumes from an array to answers: learned, resumed, measured and drawn as their middle slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec import report
from netspec.report.pixels import displayable
from netspec.workflows.pictures import Request, draw
from netspec.workflows.run_report import write_report

RNG = np.random.default_rng(0)
X = RNG.integers(0, 255, (40, 4, 6, 5)).astype("u1")
"""40 volumes of 4 slices, without an axis of channels."""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a network that says at each position whether it is bright."""
    folder = tmp_path_factory.mktemp("volumes")
    bright = (X > 127).astype("u1")
    np.savez(folder / "v.npz", x_train=X[:32], y_train=bright[:32], x_test=X[32:], y_test=bright[32:])
    spec = "input 1x4x6x5; conv 4 3 pad=same relu; conv 1 1 sigmoid; train { epochs 8; optimizer adam lr=0.05 }"
    for _ in ns.train(ns.parse(spec), data=folder / "v.npz", out=folder / "run"):
        pass
    return folder / "run"


def test_a_class_is_learned_at_each_position(learned: Path) -> None:
    assert ns.open(learned).probabilities(X[32:]).shape == (8, 2, 4, 6, 5)


@pytest.mark.parametrize("picture", ["examples", "kernels"])
def test_the_middle_slice_is_drawn(
    learned: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, picture: str
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(report, f"draw_{picture}", lambda *given, **_: seen.extend(given) or Path("x.png"))
    draw(picture, Request(learned, tmp_path / "x.png"))
    if picture == "kernels":
        assert seen[0].shape == (4, 1, 3, 3)
        return
    given, true, _ = seen[0]
    assert displayable(given.images).shape == (8, 6, 5, 3)
    np.testing.assert_array_equal(true.images.max(-1) > 0, X[32:, 2] > 127)


def test_a_page_shows_its_examples(learned: Path, tmp_path: Path) -> None:
    assert "examples, each with the true mask over it" in write_report([learned], tmp_path / "page.html").read_text()
