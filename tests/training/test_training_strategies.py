"""A run is resumed and replayed with the strategies it was begun with, whatever would be chosen by then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.planning.rates import FIRST, Rates
from netspec.runs import files as run_files
from netspec.workflows import resume as resuming
from netspec.workflows import train as session
from netspec.workflows.replay import Replay, replay

pytestmark = pytest.mark.usefixtures("at_once")

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 2, 6, 6), np.uint8)
Y = X.reshape(60, -1)[:, :3].argmax(axis=1).astype(np.int32)
DATA = (X[:50], Y[:50], X[50:], Y[50:])

# Of 40 examples 16, 16 and 8, each in a program of its own because of the batch normalization; 10 held out, 10 to test.
TEXT = """input 2x6x6; conv 4 3x3 pad=1 relu; batchnorm; conv 4 3x3 relu; fc 3 softmax
data "arrays" { validation 10 }
train { batch 16; seed 5; epochs 2; evaluate batch=8; checkpoint every=1 }
"""

SLOW, FAST = (replace(FIRST, direct=r, direct_back=r, direct_alone=r) for r in (1e-4, 1e4))
MODES = {"training", "training, last batch", "evaluation", "evaluation, validation"}


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a function that changes what is expected of each strategy, under one version: as a newer netspec does."""

    def use(found: Rates) -> None:
        monkeypatch.setattr("netspec.backends.jax.plans.rates_here", lambda: found)
        monkeypatch.setattr("netspec.runs.manifest.rates_of_version", lambda version: found)

    return use


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / run_files.MANIFEST).read_text())
    return found


def train(folder: Path, *, stop_after: int | None = None) -> dict[str, Any]:
    asked = iter(range(10**6 if stop_after is None else stop_after))
    list(session.train(ns.parse(TEXT), DATA, out=folder, stop=lambda: next(asked, None) is None))
    return manifest(folder)["choices"]  # type: ignore[no-any-return]


def arrays(folder: Path) -> bytes:
    return (folder / run_files.LAST).read_bytes()


def test_resumed_and_replayed_it_is_computed_as_it_was_begun(tmp_path: Path, rates: Any) -> None:
    rates(SLOW)
    whole = train(tmp_path / "whole")
    begun = train(tmp_path / "run", stop_after=2)
    assert set(begun) == MODES
    assert begun == whole

    rates(FAST)
    other = train(tmp_path / "other")
    # Otherwise nothing would be shown by what follows.
    assert all(other[mode]["operations"] != begun[mode]["operations"] for mode in MODES)
    assert arrays(tmp_path / "other") != arrays(tmp_path / "whole")

    events = list(resuming.resume(tmp_path / "run", DATA))
    assert isinstance(events[-1], ns.Finished)
    assert not [e for e in events if isinstance(e, ns.Notice) and "same bits" in e.text]
    assert manifest(tmp_path / "run")["choices"] == begun
    assert arrays(tmp_path / "run") == arrays(tmp_path / "whole")
    assert (tmp_path / "run" / run_files.BEST).read_bytes() == (tmp_path / "whole" / run_files.BEST).read_bytes()

    *_, found = replay(tmp_path / "run", DATA, out=tmp_path / "again")
    assert isinstance(found, Replay)
    assert (found.identical, found.elsewhere) == (True, ())
    assert manifest(tmp_path / "again")["choices"] == begun


def test_a_strategy_that_is_set_when_it_is_resumed_is_taken(tmp_path: Path, rates: Any) -> None:
    rates(SLOW)
    train(tmp_path / "run", stop_after=2)
    list(resuming.resume(tmp_path / "run", DATA, sets={"compile.conv": "direct"}))
    found = manifest(tmp_path / "run")["choices"]["training"]["operations"]
    assert [line for line in found if " Conv: " in line and "direct" not in line] == []


def test_a_run_that_recorded_fewer_plans_is_planned_with_the_first_rates(tmp_path: Path) -> None:
    """As runs were before they recorded the version of the rates."""
    train(tmp_path / "run", stop_after=2)
    kept = manifest(tmp_path / "run")
    assert kept.pop("rates") == ns.compile(ns.parse(TEXT)).rates.version
    kept["choices"] = {mode: kept["choices"][mode] for mode in ("training", "evaluation")}
    (tmp_path / "run" / run_files.MANIFEST).write_text(json.dumps(kept))
    events = list(resuming.resume(tmp_path / "run", DATA))
    assert isinstance(events[-1], ns.Finished)
    assert not [e for e in events if isinstance(e, ns.Notice) and "same bits" in e.text]
    assert manifest(tmp_path / "run")["rates"] == "1"
    assert set(manifest(tmp_path / "run")["choices"]) == MODES


@pytest.mark.parametrize(("key", "value"), [("rates", 2), ("choices", []), ("choices", {"training": {"batch": 16}})])
def test_a_record_that_is_damaged_is_refused(key: str, value: object, tmp_path: Path) -> None:
    (tmp_path / run_files.MANIFEST).write_text(json.dumps({"format": 1, key: value}))
    with pytest.raises(ns.RunError, match=f"`{key}` is not what netspec wrote there"):
        run_files.read_manifest(tmp_path)
