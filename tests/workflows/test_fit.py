"""`ns.fit`: a training to its end as one value."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

import netspec as ns

SPEC = "input 4; fc 3 softmax\ntrain { epochs 2; batch 8 }"
RNG = np.random.default_rng(0)
X, Y = RNG.random((24, 4), np.float32), np.arange(24) % 3


def test_it_is_the_training_of_the_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted = ns.fit(SPEC, (X, Y, X, Y), out=tmp_path / "run", seed=3)
    shown = capsys.readouterr().out
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("epoch")] == ["1/2", "2/2"]
    *_, finished = ns.train(SPEC, (X, Y, X, Y), seed=3)
    assert isinstance(finished, ns.Finished)
    same = jax.tree.map(np.array_equal, tuple(fitted.variables), tuple(finished.variables))
    assert all(jax.tree.leaves(same))
    assert (fitted.test_loss, fitted.test_accuracy) == (finished.result.test_loss, finished.result.test_accuracy)
    assert [epoch.epoch for epoch in fitted.history] == [1, 2]
    assert fitted.history[-1].test_loss == fitted.test_loss
    assert ns.open(fitted.folder or "").labels == ("0", "1", "2")
    assert f"test accuracy {100 * (fitted.test_accuracy or 0):.2f} %" in repr(fitted)


def test_nothing_is_printed_without_progress(capsys: pytest.CaptureFixture[str]) -> None:
    fitted = ns.fit(SPEC, (X, Y, X, Y), epochs=1, progress=False)
    assert fitted.folder is None
    assert capsys.readouterr() == ("", "")


def test_it_begins_where_another_ended() -> None:
    first = ns.fit(SPEC, (X, Y, X, Y), progress=False)
    second = ns.fit(SPEC, (X, Y, X, Y), epochs=1, lr=1e-9, variables=first.variables, progress=False)
    assert second.test_loss == pytest.approx(first.test_loss, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"progress": "yes"}, "progress must be True or False"),
        ({"epochs": 0}, "epochs"),
        ({"data": "nothing"}, "no dataset called"),
    ],
)
def test_mistakes_are_one_error(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ns.NetspecError, match=says):
        ns.fit(SPEC, **arguments)  # type: ignore[arg-type]
