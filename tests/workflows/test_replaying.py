"""Replays: the same bits come out of the same record, and what differs is named where they do not."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.cli.verbs.replay import _plain, _print
from netspec.runs import files as runs
from netspec.runs import model_file
from netspec.runs.environment import differences, here
from netspec.terminal.progress import Progress
from netspec.workflows import replay as replaying
from netspec.workflows import train as session
from netspec.workflows.replay import Difference, Replay

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (90, 1, 6, 6), np.uint8)
Y = (X.reshape(90, -1)[:, :3].argmax(axis=1)).astype(np.int32)
DATA = (X[:70], Y[:70], X[70:], Y[70:])
TEXT = 'input 1x6x6; conv 3 3x3 relu; batchnorm; dropout 0.2; fc 3 softmax; data "mine"; train { batch 16; epochs 2 }'


def asks_after(count: int) -> Callable[[], bool]:
    asked = iter(range(count))
    return lambda: next(asked, None) is None


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "run"
    list(session.train(ns.parse(TEXT, name="toy"), DATA, out=folder, log_every=2))
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def spoil(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    lines = runs.read_metrics(folder)
    change(lines)
    (folder / runs.METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))


def relabel(folder: Path, **entries: Any) -> None:
    lock = json.loads((folder / runs.MANIFEST).read_text())
    (folder / runs.MANIFEST).write_text(json.dumps(lock | entries))


@pytest.mark.parametrize("steps", ["x", None, 1e999, True, -1])
def test_a_result_with_odd_steps_is_refused(folder: Path, steps: Any) -> None:
    (folder / runs.RESULT).write_text(json.dumps({"steps": steps}))
    with pytest.raises(ns.RunError, match="`steps` is not what netspec wrote"):
        ns.replay(folder, DATA)


def test_what_a_run_says_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;evil\x07"
    difference = Difference(1, "kind", evil, evil)
    found = Replay(False, True, difference, 1, 0.5, 1, (evil,), (0.5, 0.5), None)
    _print(Path("run"), found)
    Progress(quiet=True).show(ns.Notice(f"one{evil}\ntwo"))
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07"} & set(said)
    assert said.count("evil") == 4
    assert said.endswith("\ntwo\n")


def test_the_same_record_gives_the_same_bits(trained: Path) -> None:
    found = ns.replay(trained, DATA)
    assert found.identical
    assert found.kept
    assert found.weights == 0
    assert found.difference is None
    assert found.elsewhere == ()
    assert found.accuracy[0] == found.accuracy[1]
    assert found.lines == len(runs.read_metrics(trained))


def test_a_replay_can_be_kept(trained: Path, tmp_path: Path) -> None:
    found = ns.replay(trained, DATA, out=tmp_path / "again")
    assert found.folder == tmp_path / "again"
    for name in (runs.BEST, runs.LAST):
        assert (tmp_path / "again" / name).read_bytes() == (trained / name).read_bytes()


def test_a_weight_that_differs_in_its_last_bit_is_seen(folder: Path) -> None:
    whole = model_file.read(folder / runs.LAST)
    arrays = {name: array.copy() for name, array in whole.arrays.items()}
    flat = arrays["fc_1/bias"]
    flat[0] = np.nextafter(flat[0], np.float32(9))
    model_file.write(
        folder / runs.LAST, model_file.ModelFile(whole.network, whole.graph, arrays, whole.labels, whole.training)
    )
    found = ns.replay(folder, DATA)
    assert not found.identical
    assert not found.kept
    assert 0 < found.weights < 1e-6


def test_a_measurement_that_differs_is_named(folder: Path) -> None:
    spoil(folder, lambda lines: lines[1].update(loss=0.125))
    found = ns.replay(folder, DATA)
    assert not found.kept
    assert found.difference is not None
    assert (found.difference.line, found.difference.name, found.difference.before) == (2, "loss", 0.125)


def test_a_line_too_many_or_too_few_is_seen(folder: Path) -> None:
    spoil(folder, lambda lines: lines.append(lines[-1]))
    assert ns.replay(folder, DATA).difference is not None
    spoil(folder, lambda lines: [lines.pop() for _ in range(2)] and None)
    assert ns.replay(folder, DATA).difference is not None


def test_elsewhere_closeness_is_enough_and_what_differs_is_named(folder: Path) -> None:
    relabel(folder, cores=99)
    spoil(folder, lambda lines: lines[1].update(loss=lines[1]["loss"] * 1.001))
    found = ns.replay(folder, DATA)
    assert not found.identical
    assert found.within
    assert found.kept
    assert "cores 99" in found.elsewhere[0]


def test_elsewhere_too_has_its_limits(folder: Path) -> None:
    relabel(folder, cores=99)
    spoil(folder, lambda lines: lines[1].update(loss=lines[1]["loss"] * 1.1))
    found = ns.replay(folder, DATA)
    assert not found.within
    assert not found.kept


def test_an_unfinished_run_is_compared_as_far_as_it_got(tmp_path: Path) -> None:
    net = ns.parse(TEXT, name="toy")
    list(session.train(net, DATA, out=tmp_path / "run", log_every=2, stop=asks_after(9)))
    if not runs.read_metrics(tmp_path / "run"):
        pytest.skip("the compiler was so slow that the training stopped before its first measurement")
    assert runs.read_result(tmp_path / "run") is None
    found = ns.replay(tmp_path / "run", DATA)
    assert found.difference is None
    assert found.weights == 0


def test_an_unfinished_run_in_its_second_epoch_is_compared_with_its_models(tmp_path: Path) -> None:
    net = ns.parse(TEXT, name="toy")
    reached: list[int] = []
    events = session.train(net, DATA, out=tmp_path / "run", log_every=2, stop=lambda: bool(reached) and reached[-1] > 6)
    reached.extend(event.step for event in events if isinstance(event, ns.Step))
    folder = tmp_path / "run"
    assert runs.read_result(folder) is None or reached[-1] == 10
    found = ns.replay(folder, DATA)
    assert (found.difference, found.weights, found.models) == (None, 0, 2)


def test_a_run_cut_by_the_clock_is_replayed_to_the_same_step(tmp_path: Path) -> None:
    net = ns.parse(TEXT.replace("epochs 2", "epochs 5000; time_limit seconds=0.5"), name="toy")
    list(session.train(net, DATA, out=tmp_path / "run"))
    result = runs.read_result(tmp_path / "run")
    assert result is not None
    assert result["stopped"] == "time_limit"
    assert ns.replay(tmp_path / "run", DATA).identical


def test_a_run_that_was_changed_on_the_way_has_no_replay(folder: Path) -> None:
    list(ns.resume(folder, DATA, epochs=3))
    with pytest.raises(ns.RunError, match=r"resumed with changes: train\.epochs: 2 → 3"):
        ns.replay(folder, DATA)


def test_a_run_that_was_resumed_is_replayed(tmp_path: Path) -> None:
    net = ns.parse(TEXT, name="toy")
    list(session.train(net, DATA, out=tmp_path / "run", stop=asks_after(5)))
    list(ns.resume(tmp_path / "run", DATA))
    assert ns.replay(tmp_path / "run", DATA).identical


def test_a_run_that_measured_nothing(folder: Path) -> None:
    (folder / runs.METRICS).write_text("")
    with pytest.raises(ns.RunError, match="measured nothing yet"):
        ns.replay(folder, DATA)


def test_other_data_is_refused(trained: Path) -> None:
    with pytest.raises(ns.DataError, match=r"is not what .* learned from"):
        ns.replay(trained, (X[:70] ^ 1, *DATA[1:]))


# --- environments -------------------------------------------------------------------------------------------------


def test_the_same_place_does_not_differ_from_itself() -> None:
    assert list(differences(here(), here())) == []


def test_what_differs_is_said_in_words() -> None:
    now = here()
    before = json.loads(json.dumps(now))
    before["cores"] = 64
    before["packages"]["jax"] = "0.4.1"
    before["packages"]["lark"] = "0.0.1"
    before["flags"]["XLA_FLAGS"] = "--fast"
    del before["packages"]["numpy"]
    found = list(differences(before, now))
    assert found[0] == f"cores 64, now {now['cores']}"
    assert f"jax 0.4.1, now {now['packages']['jax']}" in found
    assert f"numpy not there, now {now['packages']['numpy']}" in found
    assert "XLA_FLAGS --fast, now not there" in found
    assert not any("lark" in text for text in found)


def test_the_tolerances_are_those_of_the_documentation() -> None:
    assert (replaying.LOSS_TOLERANCE, replaying.ACCURACY_TOLERANCE) == (0.02, 0.01)


def test_models_of_another_moment_than_the_measurements_are_not_compared(trained: Path, folder: Path) -> None:
    """As after a power cut: a model file is on the disk, the measurements of its epoch are not."""
    (folder / runs.RESULT).unlink()
    spoil(folder, lambda lines: lines.__delitem__(slice(3, None)))
    found = ns.replay(folder, DATA)
    assert found.difference is None
    assert (found.weights, found.identical) == (0, True)


def test_batches_left_out_after_the_last_measurement_are_not_compared(folder: Path) -> None:
    (folder / runs.RESULT).unlink()
    late = {"kind": "rewound", "epoch": 9, "step": 900, "to": 1, "reason": "whatever"}
    spoil(folder, lambda lines: lines.append(late))
    assert ns.replay(folder, DATA).difference is None


def test_what_is_missing_is_null_in_json() -> None:
    found = Replay(False, False, None, 1, math.inf, 1, (), (None, 0.5), None)
    assert json.loads(json.dumps(_plain(found), allow_nan=False))["weights"] is None
