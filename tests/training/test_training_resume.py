"""Resuming: whatever a training is cut off by, and wherever, it goes on to the bits of one that was never stopped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.data.arrays.arrays import from_arrays
from netspec.data.for_network import load_data
from netspec.runs import checkpoints, model_file
from netspec.runs import files as runs
from netspec.runs import safetensors_file as sealed
from netspec.runs.checkpoints import Checkpoints
from netspec.runs.folder import epoch_files
from netspec.runs.manifest import Origin
from netspec.training import Finished, Notice, Started, Stopped
from netspec.training.progress import TrainingProgress
from netspec.workflows import resume as resuming
from netspec.workflows import train as session

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (90, 1, 6, 6), np.uint8)
Y = (X.reshape(90, -1)[:, :3].argmax(axis=1)).astype(np.int32)
pytestmark = pytest.mark.usefixtures("at_once")

DATA = (X[:70], Y[:70], X[70:], Y[70:])
CLOCK = {"seconds", "examples_per_second", "data_wait"}

RECIPES = {
    "adam": ("fc 8 relu; fc 3 softmax", "", "epochs 2"),
    "several steps a call": ("fc 8 relu; fc 3 softmax", "", "epochs 2; steps_per_call 3"),
    "dropout, batch-norm, momentum": (
        "conv 4 3x3 relu; batchnorm; dropout 0.3; fc 3 softmax",
        "",
        "optimizer sgd lr=0.1 momentum=0.9; epochs 2",
    ),
    "augmentation, one cycle": (
        "conv 4 3x3 relu; fc 3 softmax",
        "augment rotate=20 shift=1 noise=0.1",
        "schedule onecycle; epochs 2",
    ),
    "optax's optimizer": ("fc 8 tanh; fc 3 softmax", "", "optimizer lamb; epochs 2"),
    "average": (
        "fc 8 relu; batchnorm; fc 3 softmax",
        "augment resized_crop trivialaugment erase=0.5 mixup=0.4 cutmix=1 until=0.8",
        "ema 0.9; epochs 2",
    ),
    "accumulation": ("fc 8 relu; fc 3 softmax", "", "accumulate 3; schedule cosine warmup=1; epochs 2"),
    "validation, early stopping, looks within the epoch": (
        "fc 8 relu; fc 3 softmax",
        "validation 14",
        "optimizer sgd lr=2.0; early_stop 1; best val_loss; evaluate every=3; epochs 6",
    ),
    "frozen for an epoch, and for good": (
        "conv 4 3x3 as c; batchnorm as n; relu; fc 8 relu as f; fc 3 softmax as head; "
        "freeze c; freeze n f until=1; rate head 0.5",
        "",
        "optimizer adamw weight_decay=0.1 kernels; accumulate 2; ema 0.9; epochs 2",
    ),
    "shuffle in blocks, l2, clipping": (
        "fc 8 relu; fc 3 softmax",
        "shuffle buffer=20",
        "l2 0.01; clip 0.5; epochs 2",
    ),
}


def network(layers: str, data: str, train: str, more: str = "checkpoint off") -> ns.Network:
    text = f'input 1x6x6; {layers}; data "arrays" {{ {data} }}; train {{ batch 16; seed 5; {train}; {more} }}'
    return ns.parse(text, name="toy")


def asks_after(count: int) -> Callable[[], bool]:
    """Return what says at its `count`-th question that the training is to stop."""
    asked = iter(range(count))
    return lambda: next(asked, None) is None


def outcome(folder: Path) -> dict[str, Any]:
    """Return all that a finished run says, apart from the clock."""
    result = runs.read_result(folder)
    assert result is not None
    return {
        "metrics": [{k: v for k, v in line.items() if k not in CLOCK} for line in runs.read_metrics(folder)],
        "result": {k: v for k, v in result.items() if k not in CLOCK},
        **{name: (folder / name).read_bytes() for name in (runs.BEST, runs.LAST)},
    }


def train(net: ns.Network, folder: Path, **how: Any) -> list[ns.Event]:
    return list(session.train(net, DATA, out=folder, log_every=2, **how))


def resumed(folder: Path, **how: Any) -> list[ns.Event]:
    return list(resuming.resume(folder, DATA, **how))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Return what a recipe gives without an interruption; each is trained once."""
    known: dict[str, dict[str, Any]] = {}

    def of(recipe: str) -> dict[str, Any]:
        if recipe not in known:
            folder = tmp_path_factory.mktemp("whole") / "run"
            assert isinstance(train(network(*RECIPES[recipe]), folder)[-1], Finished)
            known[recipe] = outcome(folder)
        return known[recipe]

    return of


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object], Path], Path]:
    """Return what copies a run that several tests begin with to a folder of one of them; each is trained once."""
    known: dict[str, Path] = {}

    def of(name: str, training: Callable[[Path], object], to: Path) -> Path:
        if name not in known:
            known[name] = tmp_path_factory.mktemp("begun") / "run"
            training(known[name])
        return Path(shutil.copytree(known[name], to))

    return of


# --- to the same bits ---------------------------------------------------------------------------------------------


FEW = {"several steps a call", "validation, early stopping, looks within the epoch"}


@pytest.mark.parametrize("recipe", [r if r in FEW else pytest.param(r, marks=pytest.mark.slow) for r in RECIPES])
def test_stopped_again_and_again_it_ends_as_if_never_stopped(
    recipe: str, whole: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    last = train(network(*RECIPES[recipe]), folder, stop=asks_after(2))[-1]
    stops = 0
    while isinstance(last, Stopped):
        stops += 1
        assert last.checkpoint is not None
        assert last.checkpoint.is_file()
        last = resumed(folder, stop=asks_after(2))[-1]
    assert stops > 1
    assert isinstance(last, Finished)
    assert outcome(folder) == whole(recipe)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("checkpoint every=1", marks=pytest.mark.slow),
        pytest.param("checkpoint every=3", marks=pytest.mark.slow),
        "checkpoint epochs=1",
        pytest.param("checkpoint off", marks=pytest.mark.slow),
    ],
)
def test_what_is_on_the_disk_at_any_moment_is_enough(
    more: str, whole: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    """A copy of the folder at each event is what a process that is killed there leaves behind."""
    recipe = "dropout, batch-norm, momentum"
    folder = tmp_path / "run"
    copies = []
    for number, _ in enumerate(session.train(network(*RECIPES[recipe], more), DATA, out=folder, log_every=2)):
        if number % 5 == 0 and not (folder / runs.RESULT).exists():
            copies.append(copied(folder, tmp_path / f"{number}"))
    assert len(copies) > 2
    for copy in copies:
        resumed(copy)
        found = outcome(copy)
        assert found["metrics"] == whole(recipe)["metrics"]
        assert found["result"] == whole(recipe)["result"]
        for name in (runs.BEST, runs.LAST):
            assert weights(copy / name) == arrays_in(whole(recipe)[name], tmp_path)


def copied(folder: Path, to: Path) -> Path:
    """Copy a folder; again where a checkpoint, which is written beside the training, was replaced meanwhile."""
    for _ in range(100):
        try:
            return Path(shutil.copytree(folder, to))
        except (FileNotFoundError, shutil.Error):
            shutil.rmtree(to)
    raise AssertionError(f"{folder} never stands still")


def weights(path: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model_file.read(path).arrays.items()}


def arrays_in(data: bytes, folder: Path) -> dict[str, bytes]:
    """Return the weights of a model file given as bytes: two recipes differ in their text, not in what they learn."""
    (folder / "m.safetensors").write_bytes(data)
    return weights(folder / "m.safetensors")


@pytest.fixture
def cut_off(begun: Any, tmp_path: Path) -> Path:
    return begun("adam", lambda run: train(network(*RECIPES["adam"]), run, stop=asks_after(5)), tmp_path / "run")


def test_a_folder_that_was_copied_elsewhere_goes_on(
    whole: Callable[[str], dict[str, Any]], cut_off: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(cut_off, tmp_path / "elsewhere" / "other name"))
    resumed(moved)
    assert outcome(moved) == whole("adam")


@pytest.mark.parametrize("harm", ["flip", *(pytest.param(h, marks=pytest.mark.slow) for h in ("cut", "empty")), "gone"])
def test_a_damaged_checkpoint_is_passed_over(
    harm: str, whole: Callable[[str], dict[str, Any]], begun: Any, tmp_path: Path
) -> None:
    recipe = "dropout, batch-norm, momentum"
    net = network(*RECIPES[recipe], "checkpoint every=2")
    folder = begun("checkpoints", lambda run: train(net, run, stop=asks_after(8)), tmp_path / "run")
    older, newest = sorted((folder / "checkpoints").iterdir())
    data = bytearray(newest.read_bytes())
    data[-5] ^= 4
    {
        "flip": lambda: newest.write_bytes(data),
        "cut": lambda: newest.write_bytes(data[:-100]),
        "empty": lambda: newest.write_bytes(b""),
        "gone": newest.unlink,
    }[harm]()
    events = resumed(folder)
    notes = [e.text for e in events if isinstance(e, Notice)]
    assert harm == "gone" or any("is damaged" in note for note in notes)
    started = next(e for e in events if isinstance(e, Started))
    assert started.step == int(older.stem.removeprefix("step-"))
    assert weights(folder / runs.LAST) == arrays_in(whole(recipe)[runs.LAST], tmp_path)
    assert outcome(folder)["metrics"] == whole(recipe)["metrics"]


def test_without_any_checkpoint_it_begins_again(
    whole: Callable[[str], dict[str, Any]], cut_off: Path, tmp_path: Path
) -> None:
    folder = cut_off
    shutil.rmtree(folder / "checkpoints")
    events = resumed(folder)
    assert next(e for e in events if isinstance(e, Started)).step == 0
    assert outcome(folder) == whole("adam")


def test_a_line_cut_short_in_the_measurements_is_no_obstacle(
    whole: Callable[[str], dict[str, Any]], cut_off: Path
) -> None:
    folder = cut_off
    with (folder / runs.METRICS).open("a") as stream:
        stream.write('{"kind": "step", "epo')
    resumed(folder)
    assert outcome(folder) == whole("adam")


def test_training_on_is_as_training_that_long(tmp_path: Path) -> None:
    layers, data, _ = RECIPES["adam"]
    train(network(layers, data, "epochs 4"), tmp_path / "long")
    train(network(layers, data, "epochs 2", "checkpoint on"), tmp_path / "short")
    resumed(tmp_path / "short", settings={"epochs": "4"})
    assert weights(tmp_path / "short" / runs.LAST) == weights(tmp_path / "long" / runs.LAST)
    long, short = (outcome(tmp_path / name)["metrics"] for name in ("long", "short"))
    assert long == short
    assert runs.read_manifest(tmp_path / "short")["resumed"][0]["changes"] == ["train.epochs: 2 → 4"]


# --- the two newest are kept ---------------------------------------------------------------------------------------


def test_the_two_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    train(network(*RECIPES["adam"], "checkpoint every=1"), tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["step-000000009.safetensors", "step-000000010.safetensors"]


# --- models of earlier epochs -------------------------------------------------------------------------------------


def models(folder: Path) -> list[int]:
    """Return the epochs whose models are kept as files of their own; each says its epoch, and predicts."""
    for epoch, path in epoch_files(folder).items():
        assert ns.open(path).training["epoch"] == epoch
    return list(epoch_files(folder))


KEEPING = "fc 3 softmax", "", "epochs 4"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("checkpoint keep=2", [3, 4]),
        pytest.param("checkpoint keep=1", [4], marks=pytest.mark.slow),
        ("checkpoint keep=9", [1, 2, 3, 4]),
        ("checkpoint off keep=all", [1, 2, 3, 4]),
        ("checkpoint off", []),
    ],
)
def test_models_of_earlier_epochs_are_kept(said: str, kept: list[int], tmp_path: Path) -> None:
    train(network(*KEEPING, said), tmp_path / "run")
    assert models(tmp_path / "run") == kept
    if kept:
        own, last = (tmp_path / "run" / name for name in ("epoch_004.safetensors", runs.LAST))
        assert own.read_bytes() == last.read_bytes()
        found = ns.replay(tmp_path / "run", DATA)
        assert (found.identical, found.models) == (True, 2 + len(kept))


def test_models_of_earlier_epochs_are_as_if_never_interrupted(tmp_path: Path) -> None:
    net, whole, run = network(*KEEPING, "checkpoint epochs=3 keep=2"), tmp_path / "whole", tmp_path / "run"
    train(net, whole)
    # Killed in epoch 3, when no checkpoint was written yet: its models are of epochs that are gone through again.
    for event in session.train(net, DATA, out=run, log_every=2):
        if isinstance(event, ns.Epoch) and event.epoch == 3:
            break
    (run / ".epoch_002.safetensors.a1b2c3d4.safetensors").write_bytes(b"half")
    assert isinstance(resumed(run)[-1], Finished)
    assert models(run) == [3, 4]
    assert not list(run.glob(".epoch*"))
    for name in ("epoch_003.safetensors", "epoch_004.safetensors"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()


def test_a_changed_course_keeps_no_models_of_the_one_before(tmp_path: Path) -> None:
    net, run = network(*KEEPING, "checkpoint epochs=2 keep=all"), tmp_path / "run"
    for event in session.train(net, DATA, out=run, log_every=2):
        if isinstance(event, ns.Epoch) and event.epoch == 3:
            break
    assert models(run) == [1, 2, 3]
    events = resuming.resume(run, DATA, sets={"train.optimizer.lr": "0.5"}, stop=lambda: True)
    assert isinstance(list(events)[-1], Stopped)
    assert models(run) == [1, 2]
    assert isinstance(resumed(run)[-1], Finished)
    assert models(run) == [1, 2, 3, 4]


def test_what_is_kept_may_change(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(network(*KEEPING, "checkpoint keep=all"), run)
    (run / "epoch_7.safetensors").write_bytes(b"the user's")
    resumed(run, settings={"epochs": "5"}, sets={"train.checkpoint.keep": "2"})
    assert models(run) == [4, 5]
    assert (run / "epoch_7.safetensors").exists()


def test_no_checkpoint_is_written_where_none_is_wanted(tmp_path: Path) -> None:
    train(network(*RECIPES["adam"], "checkpoint off"), tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_without_a_run_folder_a_stop_is_a_stop() -> None:
    events = list(ns.train(network(*RECIPES["adam"]), DATA, stop=asks_after(4)))
    assert isinstance(events[-1], Stopped)
    assert events[-1].checkpoint is None
    assert not any(isinstance(e, Finished) for e in events)


# --- what speaks against going on ---------------------------------------------------------------------------------


@pytest.fixture
def stopped(begun: Any, tmp_path: Path) -> Path:
    text = 'input 1x6x6\nfc 8 relu\nfc 3 softmax\ndata "arrays"\ntrain { batch 16; epochs 3; checkpoint every=2 }\n'
    net = ns.parse(text, name="toy")
    return begun("stopped", lambda run: train(net, run, stop=asks_after(7), origin=Origin(text)), tmp_path / "run")


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / runs.SPEC).read_text()
    assert old in text
    (folder / runs.SPEC).write_text(text.replace(old, new))


def test_a_changed_spec_is_refused_with_the_difference_shown(stopped: Path) -> None:
    before = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    edit(stopped, "epochs 3", "epochs 5; l2 0.1")
    with pytest.raises(ns.RunError, match=r"train.epochs: 3 → 5; train.l2: 0.0 → 0.1") as caught:
        resumed(stopped)
    assert "--accept-changes" in caught.value.fix
    after = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file()}
    assert {p for p in before if before[p] != after[p]} == {stopped / runs.SPEC}


def test_a_changed_spec_that_is_meant_is_taken(stopped: Path) -> None:
    edit(stopped, "epochs 3", "epochs 5")
    events = resumed(stopped, accept_changes=True)
    assert isinstance(events[-1], Finished)
    assert events[-1].result.epochs == 5
    assert "epochs 5" in (stopped / runs.SPEC).read_text()
    assert ns.open(stopped).network.recipe.epochs == 5


def test_a_comment_is_no_change(stopped: Path) -> None:
    edit(stopped, "fc 8 relu", "fc 8 relu   # the hidden layer")
    assert isinstance(resumed(stopped)[-1], Finished)


def test_another_network_does_not_take_these_weights(stopped: Path) -> None:
    edit(stopped, "fc 8", "fc 9")
    with pytest.raises(ns.RunError, match="fc_1: fc 8 relu → fc 9 relu"):
        resumed(stopped)
    with pytest.raises(ns.ModelFileError, match=r"cannot go on with this network: fc_1.*\(8,\).*\(9,\)"):
        resumed(stopped, accept_changes=True)


def test_another_optimizer_does_not_take_these_averages(stopped: Path) -> None:
    with pytest.raises(ns.ModelFileError, match="optimizer"):
        resumed(stopped, sets={"train.optimizer": "sgd lr=0.1"})
    assert isinstance(resumed(stopped)[-1], Finished)


def test_a_broken_spec_is_a_spec_error(stopped: Path) -> None:
    edit(stopped, "fc 8 relu", "fc 8 rleu")
    with pytest.raises(ns.SpecError, match="relu"):
        resumed(stopped, accept_changes=True)


def test_other_data_is_refused(stopped: Path) -> None:
    other = (X[:70] ^ 1, *DATA[1:])
    with pytest.raises(ns.DataError, match=r"is not what .* learned from"):
        list(resuming.resume(stopped, other))
    assert isinstance(list(resuming.resume(stopped, other, accept_changes=True))[-1], Finished)


def test_data_that_was_in_memory_must_be_given_again(stopped: Path) -> None:
    with pytest.raises(ns.DataError, match="arrays in memory"):
        list(resuming.resume(stopped))


def test_data_that_was_moved_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x_train=DATA[0], y_train=DATA[1], x_test=DATA[2], y_test=DATA[3])
    net = ns.parse('input 1x6x6; fc 3 softmax; data "d.npz"; train { batch 16; epochs 2 }', name="t")
    folder = tmp_path / "run"
    list(session.train(net, tmp_path / "d.npz", out=folder, stop=asks_after(4)))
    (tmp_path / "d.npz").rename(tmp_path / "moved.npz")
    with pytest.raises(ns.DataError, match=r"no longer at .*d\.npz") as caught:
        list(ns.resume(folder))
    assert "--data" in caught.value.fix
    assert isinstance(list(ns.resume(folder, tmp_path / "moved.npz", stop=asks_after(4)))[-1], Stopped)
    assert isinstance(list(ns.resume(folder))[-1], Finished)


def test_a_complete_run_is_complete(finished: Path) -> None:
    with pytest.raises(ns.RunError, match="is complete: it ended after epoch 2") as caught:
        resumed(finished)
    assert "--epochs 4" in caught.value.fix


def test_a_complete_run_without_a_checkpoint_cannot_go_on(tmp_path: Path) -> None:
    train(network(*RECIPES["adam"]), tmp_path / "run")
    with pytest.raises(ns.RunError, match="kept no checkpoint"):
        resumed(tmp_path / "run", settings={"epochs": "9"})


@pytest.mark.parametrize(
    "lost",
    [
        [runs.CURVES],
        [runs.LAST],
        [runs.BEST],
        [runs.RESULT],
        [runs.LAST, runs.BEST, runs.RESULT, runs.CURVES],
    ],
    ids=" ".join,
)
def test_what_is_missing_at_the_end_is_made_again(lost: list[str], finished: Path) -> None:
    before = outcome(finished)
    assert before["result"]["best_epoch"] == 2  # the last: its model is in the checkpoint
    for name in lost:
        (finished / name).unlink()
    events = resumed(finished)
    assert (finished / runs.CURVES).is_file()
    assert outcome(finished) == before
    if runs.RESULT in lost:
        assert isinstance(events[-1], Finished)
    if lost == [runs.CURVES]:
        assert [type(e) for e in events] == [Notice]
        assert "is complete, but for its curves.png: they are drawn now" in events[0].text
    with pytest.raises(ns.RunError, match="is complete"):
        resumed(finished)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that have ended, of two seeds."""
    folder = tmp_path_factory.mktemp("ended")
    for seed in (5, 6):
        net = network("fc 8 relu; fc 3 softmax", "", "epochs 2", "checkpoint every=3")
        list(session.train(net, DATA, out=folder / str(seed), settings={"seed": str(seed)}, log_every=2))
    return folder


@pytest.fixture
def finished(ended: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ended / "5", tmp_path / "run"))


# --- files of another run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [runs.BEST, runs.LAST, runs.METRICS, "checkpoints/step-000000010.safetensors"])
def test_a_file_of_another_run_is_refused_by_name(name: str, finished: Path, ended: Path) -> None:
    (finished / runs.RESULT).unlink()
    shutil.copy(ended / "6" / name, finished / name)
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    with pytest.raises(ns.RunError, match=f"{Path(name).name} is (not|of another)"):
        resumed(finished)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", [runs.BEST, runs.RESULT, runs.METRICS])
def test_it_is_not_reported_as_its_own(name: str, finished: Path, ended: Path) -> None:
    shutil.copy(ended / "6" / name, finished / name)

    def looked_at() -> Any:
        run = ns.open(finished)
        return run.result, run.metrics

    with pytest.raises(ns.RunError, match=f"{name} is not"):
        looked_at()
    if name != runs.BEST:
        with pytest.raises(ns.RunError, match=f"{name} is not"):
            resumed(finished, settings={"epochs": "3"})


def test_what_a_run_wrote_before_it_was_killed_is_its_own(finished: Path) -> None:
    """Killed between lock.json and the model that it announces, a run has the model before."""
    lock = runs.read_manifest(finished)
    lock["models"] = {name: ["0" * 64, *seals] for name, seals in lock["models"].items()}
    (finished / runs.MANIFEST).write_text(json.dumps(lock))
    (finished / runs.RESULT).unlink()
    assert isinstance(resumed(finished, settings={"epochs": "3"})[-1], Finished)
    assert ns.open(finished).training["epoch"] == 3
    assert all(len(seals) <= 2 for seals in runs.read_manifest(finished)["models"].values())


def test_a_run_of_before_goes_on_with_a_note(finished: Path) -> None:
    lock = {k: v for k, v in runs.read_manifest(finished).items() if k not in {"run", "begun", "models", "ended"}}
    (finished / runs.MANIFEST).write_text(json.dumps(lock))
    shutil.rmtree(finished / "checkpoints")
    (finished / runs.RESULT).unlink()
    notes = [e.text for e in resumed(finished) if isinstance(e, Notice)]
    assert any("was begun before runs said which files are theirs" in note for note in notes)
    assert "run" not in runs.read_manifest(finished)
    ns.open(finished)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no run folder"),
        ("", "not what netspec wrote"),
        ("[1]", "not what netspec wrote"),
        ('{"format": 99}', "format 99"),
        ('{"format": "x"}', "format x"),
    ],
)
def test_a_lock_file_that_is_none(stopped: Path, content: str | None, message: str) -> None:
    lock = stopped / runs.MANIFEST
    lock.unlink()
    if content is not None:
        lock.write_text(content)
    with pytest.raises(ns.RunError, match=message):
        resumed(stopped)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ns.RunError, match="is not there"):
        resumed(tmp_path / "nowhere")


def test_an_edited_network_json_is_refused(stopped: Path) -> None:
    file = stopped / runs.NETWORK
    file.write_text(file.read_text().replace('"batch": 16', '"batch": 8'))
    with pytest.raises(ns.RunError, match="not the one the run was begun with"):
        resumed(stopped)


@pytest.mark.parametrize("key", ["log_every", "resumed"])
def test_lock_entries_that_are_missing(stopped: Path, key: str) -> None:
    lock = json.loads((stopped / runs.MANIFEST).read_text())
    del lock[key]
    (stopped / runs.MANIFEST).write_text(json.dumps(lock))
    with pytest.raises(ns.RunError, match="older netspec"):
        resumed(stopped)


def test_other_versions_are_said(stopped: Path) -> None:
    lock = json.loads((stopped / runs.MANIFEST).read_text())
    lock["packages"]["jax"] = "0.1.0"
    (stopped / runs.MANIFEST).write_text(json.dumps(lock))
    notes = [e.text for e in resumed(stopped) if isinstance(e, Notice)]
    assert any("not to the same bits" in note and "jax 0.1.0" in note for note in notes)


def test_a_checkpoint_of_a_newer_format_is_not_guessed_at(stopped: Path) -> None:
    for path in (stopped / "checkpoints").iterdir():
        kind = sealed.FileKind("netspec-checkpoint", 2, "", "", "")
        sealed.write(path, kind, {"a": np.zeros(1)}, {})
    with pytest.raises(ns.ModelFileError, match="reads up to 1"):
        resumed(stopped)
    assert len(list((stopped / "checkpoints").iterdir())) == 2


def test_where_no_checkpoint_is_whole_nothing_is_begun_again(stopped: Path) -> None:
    for path in (stopped / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    before = (stopped / runs.METRICS).read_bytes()
    with pytest.raises(ns.RunError, match="no checkpoint is whole"):
        resumed(stopped)
    assert (stopped / runs.METRICS).read_bytes() == before


def test_calls_of_another_size_go_on_at_the_same_step(stopped: Path) -> None:
    events = resumed(stopped, sets={"train.steps_per_call": "4"})
    assert isinstance(events[-1], Finished)
    assert events[-1].result.steps == 15


def test_changes_that_were_cut_off_do_not_lock_the_run(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("netspec.runs.manifest.strategies", killed)
        with pytest.raises(KeyboardInterrupt):
            resumed(stopped, settings={"epochs": "4"})
    assert isinstance(resumed(stopped, settings={"epochs": "4"})[-1], Finished)


def test_early_stopping_is_not_forgotten_where_the_result_was_not_written(tmp_path: Path) -> None:
    layers, data, recipe = RECIPES["validation, early stopping, looks within the epoch"]
    train(network(layers, data, recipe, "checkpoint on"), tmp_path / "run")
    before = outcome(tmp_path / "run")
    assert before["result"]["stopped"] == "early_stop"
    (tmp_path / "run" / runs.RESULT).unlink()
    resumed(tmp_path / "run")
    assert outcome(tmp_path / "run") == before


def test_interrupted_when_its_time_is_over_it_still_has_its_last_look(tmp_path: Path) -> None:
    layers, data, _ = RECIPES["adam"]
    train(network(layers, data, "epochs 9; time_limit seconds=0.001"), tmp_path / "run", stop=asks_after(1))
    assert runs.read_result(tmp_path / "run") is None
    last = resumed(tmp_path / "run")[-1]
    assert isinstance(last, Finished)
    assert last.result.stopped == "time_limit"


def test_measurements_that_were_lost_do_not_become_zeros(stopped: Path) -> None:
    (stopped / runs.METRICS).unlink()
    resumed(stopped)
    assert b"\0" not in (stopped / runs.METRICS).read_bytes()


def test_what_a_kill_left_half_written_is_swept_up(stopped: Path) -> None:
    for left in (
        ".last.safetensors.a1_b2c3d.safetensors",
        ".spec.net.a1b2c3d4.net",
        ".curves.png.a1b2c3d4.png",
        "checkpoints/.step-000000001.safetensors.a1b2c3d4.safetensors",
    ):
        (stopped / left).write_bytes(b"half")
    own = {".my.notes.txt", ".a.b.c", ".last.safetensors.mine.safetensors", "checkpoints/.step-x.safetensors.a1b2c3d4"}
    for name in own:
        (stopped / name).write_bytes(b"the user's")
    resumed(stopped)
    assert {str(p.relative_to(stopped)) for p in stopped.rglob(".*")} == {".lock", *own}


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")], ids=["folder", "dangling link"])
def test_what_is_no_file_among_the_checkpoints_is_passed_over(stopped: Path, make: Callable[[Path], None]) -> None:
    make(stopped / "checkpoints" / "step-000000099.safetensors")
    events = resumed(stopped)
    assert any(isinstance(e, Notice) and "is not a file" in e.text for e in events)
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("name", [runs.RESULT, runs.BEST, runs.SPEC])
def test_a_folder_in_place_of_a_file_is_said_before_anything_is_changed(stopped: Path, name: str) -> None:
    (stopped / name).unlink(missing_ok=True)
    (stopped / name).mkdir()
    before = {path: path.read_bytes() for path in stopped.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(ns.RunError, match=r"is a folder|cannot be read"):
        resumed(stopped, settings={"epochs": "4"})
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("lost", [runs.MANIFEST, runs.METRICS])
def test_a_run_that_is_removed_meanwhile_is_not_made_again(tmp_path: Path, lost: str) -> None:
    folder = tmp_path / "run"
    events = session.train(network(*RECIPES["adam"], "checkpoint every=2"), DATA, out=folder, log_every=2)
    while not (folder / runs.MANIFEST).exists():
        next(events)
    (folder / lost).unlink()
    with pytest.raises(ns.RunError, match=f"{lost} cannot be written: No such file"):
        list(events)
    assert not (folder / lost).exists()
    assert not (folder / runs.LAST).exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("devices", 5),
        ("resumed", None),
        ("resumed", [1]),
        ("packages", [1]),
        ("flags", 3),
        ("format", 0),
        ("log_every", "x"),
        ("log_every", -3),
        ("lets", "a"),
        ("overrides", {"epochs": {}}),
        ("packages", {"jax": 1}),
        ("network_sha256", []),
        ("next_network_sha256", [1]),
        ("spec_sha256", {}),
        ("processor", [1]),
        ("devices", [1]),
        ("resumed", [{"changes": [1]}]),
        ("resumed", [{"changes": [], "elsewhere": 3}]),
    ],
)
def test_a_lock_file_with_odd_entries(stopped: Path, key: str, value: Any) -> None:
    lock = json.loads((stopped / runs.MANIFEST).read_text())
    (stopped / runs.MANIFEST).write_text(json.dumps(lock | {key: value}))
    with pytest.raises(ns.RunError, match=f"`{key}` is not what netspec wrote"):
        resumed(stopped)


def epoch(**values: Any) -> dict[str, Any]:
    measured = ("train", "validation", "test")
    numbers = {f"{split}_{name}": 0.5 for split in measured for name in ("loss", "accuracy")}
    return {"epoch": 1, "step": 5, "seconds": 0.5, "data_wait": 0.0, "best": True, **numbers, **values}


@pytest.mark.parametrize(
    "odd",
    [
        {"seconds": "x"},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": -1.0},
        {"seconds": 10**400},
        {"watched": "x"},
        {"stopped": None},
        {"epoch": 0},
        {"epoch": 10**12},
        {"taken": 10**6},
        {"reported": 99},
        {"left_out": [-5]},
        {"left_out": ["7"]},
        {"left_out": [10**30]},
        {"best": epoch(test_accuracy="x")},
        {"last": epoch(test_loss=None)},
        {"last": [1]},
        {"step": 10**30},
        {"step": -4},
        {"mark": -1},
    ],
    ids=lambda odd: str(odd)[:40],
)
def test_a_checkpoint_that_says_odd_things_is_damaged(tmp_path: Path, odd: dict[str, Any]) -> None:
    kept = Checkpoints(tmp_path)
    progress = {**TrainingProgress(2, 1, 1, 0.5).to_json(), "last": epoch()}
    for step, said in ((6, {}), (7, odd)):
        values = {**progress, "taken": step - 5, "step": str(step), "mark": "9", **said}
        metadata = {name: str(values.pop(name)) for name in ("step", "mark")}
        kept.folder.mkdir(exist_ok=True)
        file = kept.folder / f"step-{step:09d}.safetensors"
        metadata["progress"] = json.dumps(values)
        sealed.write(file, checkpoints._KIND, {"history": np.zeros((5, 3), np.float32)}, metadata)
    found, wrong = kept.newest()
    assert found is not None
    assert found.step == 6
    assert len(wrong) == 1
    assert "what it says of the training cannot be read" in wrong[0]


def test_an_epoch_may_have_ended_with_an_infinite_loss() -> None:
    said = {**TrainingProgress().to_json(), "epoch": 2, "last": epoch(test_loss=float("inf"), validation_loss=None)}
    assert TrainingProgress.from_json(json.loads(json.dumps(said))).to_json() == {**said, "left_out": ()}


# --- run folders of somebody else's -------------------------------------------------------------------------------

POSIX = pytest.mark.skipif(os.name != "posix", reason="links and pipes are those of POSIX")


@POSIX
@pytest.mark.parametrize("name", [".lock", runs.METRICS, "checkpoints"])
def test_nothing_is_written_through_a_link(stopped: Path, tmp_path: Path, name: str) -> None:
    (stopped / name).rename(tmp_path / "victim")
    (stopped / name).symlink_to(tmp_path / "victim")
    before = {path: path.read_bytes() for path in [tmp_path / "victim", *tmp_path.glob("victim/*")] if path.is_file()}
    with pytest.raises(ns.RunError, match="is a link"):
        resumed(stopped)
    assert before
    assert {path: path.read_bytes() for path in before} == before


@POSIX
@pytest.mark.parametrize("name", [runs.MANIFEST, runs.NETWORK, runs.SPEC, runs.METRICS, ".lock"])
def test_a_pipe_is_not_waited_for(stopped: Path, name: str) -> None:
    (stopped / name).unlink()
    os.mkfifo(stopped / name)
    with pytest.raises(ns.RunError, match="is not a file"):
        resumed(stopped)


# --- one training at a time ---------------------------------------------------------------------------------------


def test_two_trainings_do_not_share_a_folder(stopped: Path) -> None:
    first: Iterator[ns.Event] = resuming.resume(stopped, DATA)
    next(first)
    with pytest.raises(ns.RunError, match="is being trained in by process"):
        resumed(stopped)
    assert isinstance(list(first)[-1], Finished)


def test_a_training_that_is_given_up_lets_the_folder_go(stopped: Path) -> None:
    first = resuming.resume(stopped, DATA)
    next(first)
    first.close()  # type: ignore[attr-defined]
    assert isinstance(resumed(stopped)[-1], Finished)


# --- what is said last holds, and what it was about is found again ------------------------------------------------


def npz(path: Path, shift: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x_train=DATA[0] ^ shift, y_train=DATA[1], x_test=DATA[2], y_test=DATA[3])
    return path


def lock_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / runs.MANIFEST).read_text())
    return found


def test_the_data_is_where_it_was_whatever_the_folder_one_resumes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = npz(tmp_path / "x" / "f.npz")
    npz(tmp_path / "y" / "f.npz", shift=1)
    net = ns.parse('input 1x6x6; fc 3 softmax; data "f.npz"; train { batch 16; epochs 1 }', name="t")
    folder = tmp_path / "run"
    list(session.train(net, out=folder, base=file.parent))
    monkeypatch.chdir(tmp_path / "y")
    for epochs in ("2", "3"):
        assert isinstance(list(resuming.resume(folder, settings={"epochs": epochs}))[-1], Finished)
        assert lock_of(folder)["data_path"] == str(file)
    assert ns.open(folder).evaluate().examples == 20
    file.unlink()
    with pytest.raises(ns.DataError, match="no longer at"):
        ns.open(folder).evaluate()
    npz(file, shift=1)
    with pytest.raises(ns.DataError, match=r"is not what .* learned from"):
        ns.open(folder).evaluate()
    assert ns.open(folder).evaluate(file).examples == 20


def test_the_fallback_that_was_used_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")
    file = npz(tmp_path / "f.npz")
    text = 'input 1x6x6; fc 10 softmax; data mnist else "f.npz"; train { batch 16; epochs 1 }'
    net = ns.parse(text, name="t")
    dataset = replace(load_data(ns.parse(text.replace("mnist else ", ""), name="t"), file), name=str(file))
    list(session.train(net, out=tmp_path / "run", base=tmp_path, loaded=lambda: dataset))
    assert lock_of(tmp_path / "run")["data_path"] == str(file)
    assert isinstance(list(resuming.resume(tmp_path / "run", settings={"epochs": "2"}))[-1], Finished)


def test_a_path_that_ends_in_the_name_of_a_built_in_dataset_stays_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = replace(load_data(ns.parse("input 1x6x6; fc 3 softmax", name="t"), DATA), name="sub/digits")
    net = ns.parse("input 1x6x6; fc 3 softmax; train { batch 16; epochs 1 }", name="t")
    list(session.train(net, dataset, out=tmp_path / "run"))
    run = ns.open(tmp_path / "run")
    assert run.network.data is not None
    assert run.network.data.name == "./digits"


def test_other_data_that_is_meant_is_the_data_from_then_on(tmp_path: Path) -> None:
    first, second = npz(tmp_path / "a.npz"), npz(tmp_path / "b.npz", shift=1)
    net = ns.parse("input 1x6x6; fc 3 softmax; train { batch 16; epochs 1 }", name="t")
    folder = tmp_path / "run"
    list(session.train(net, first, out=folder))
    list(resuming.resume(folder, second, settings={"epochs": "2"}, accept_changes=True))
    assert isinstance(list(resuming.resume(folder, settings={"epochs": "3"}))[-1], Finished)
    assert lock_of(folder)["data_path"] == str(second)


def test_what_was_said_last_of_a_setting_holds(stopped: Path) -> None:
    list(resuming.resume(stopped, DATA, sets={"train.optimizer.lr": "0.001"}))
    list(resuming.resume(stopped, DATA, settings={"epochs": "4", "lr": "0.002"}))
    lock = lock_of(stopped)
    assert "train.optimizer.lr" not in lock["sets"]
    text = (stopped / runs.SPEC).read_text().replace('data "arrays"', 'data "arrays" { shuffle off }')
    (stopped / runs.SPEC).write_text(text)
    events = list(resuming.resume(stopped, DATA, settings={"epochs": "5"}, accept_changes=True))
    said = [event.text for event in events if isinstance(event, Notice)]
    assert any("shuffle" in text for text in said)
    assert not any("lr" in text for text in said)
    assert '"lr":0.002' in (stopped / runs.NETWORK).read_text().replace(" ", "").replace("\n", "")


def test_a_whole_setting_said_last_takes_its_parts_with_it(stopped: Path) -> None:
    list(resuming.resume(stopped, DATA, settings={"lr": "0.002"}, sets={"train.optimizer.beta1": "0.8"}))
    list(resuming.resume(stopped, DATA, settings={"epochs": "4"}, sets={"train.optimizer": "adam lr=0.5"}))
    lock = lock_of(stopped)
    assert (lock["sets"], lock["overrides"]) == ({"train.optimizer": "adam lr=0.5"}, {"data": "arrays", "epochs": "4"})
    text = (stopped / runs.SPEC).read_text()
    (stopped / runs.SPEC).write_text(f"# only a comment\n{text}")
    assert isinstance(list(resuming.resume(stopped, DATA, settings={"epochs": "5"}))[-1], Finished)


@pytest.mark.parametrize(("path", "value"), [("train.batch", "15"), ("data.validation", "1")])
def test_what_a_step_learns_from_stays(stopped: Path, path: str, value: str) -> None:
    """Also where the number of steps would be the same."""
    with pytest.raises(ns.RunError, match=r"was begun with (batch 16|validation 0), which it keeps"):
        resumed(stopped, sets={path: value})


def test_another_accumulation_goes_by_its_own_schedule(tmp_path: Path) -> None:
    layers, data, _ = RECIPES["adam"]
    train(network(layers, data, "epochs 2; accumulate 2; schedule linear", "checkpoint on"), tmp_path / "run")
    events = resumed(tmp_path / "run", settings={"epochs": "4"}, sets={"train.accumulate": "4"})
    losses = [e.test_loss for e in events if isinstance(e, ns.Epoch)]
    assert len(set(losses)) == len(losses) == 2


def test_arrays_given_again_keep_the_names_of_their_classes(tmp_path: Path) -> None:
    net, named = network(*RECIPES["adam"], "checkpoint on"), replace(from_arrays(*DATA), labels=("cat", "dog", "emu"))
    list(session.train(net, named, out=tmp_path / "run", stop=asks_after(1)))
    list(resuming.resume(tmp_path / "run", DATA))
    assert ns.open(tmp_path / "run").labels == ("cat", "dog", "emu")


def test_a_best_model_that_is_lost_is_said(finished: Path) -> None:
    (finished / runs.BEST).write_bytes(b"damaged")
    said = [e.text for e in resumed(finished, settings={"epochs": "3"}) if isinstance(e, Notice)]
    assert any("is damaged: the model of epoch" in text and "the best so far, is lost" in text for text in said)


def test_a_run_never_goes_back(finished: Path) -> None:
    with pytest.raises(ns.RunError, match="in epoch 2 already") as caught:
        resumed(finished, settings={"epochs": "1"})
    assert "--epochs 2" in caught.value.fix


def test_the_best_model_is_one_of_this_run(tmp_path: Path) -> None:
    """What a training left behind after its last checkpoint is nothing that a changed one has come to."""
    folder = tmp_path / "run"
    train(network(*RECIPES["adam"], "checkpoint epochs=1"), folder)
    best = model_file.read(folder / runs.BEST)
    # As if the training had been killed after a better epoch, of which there is no checkpoint.
    model_file.write(folder / runs.BEST, replace(best, training={**best.training, "step": 99, "test_accuracy": 1.0}))
    result = resumed(folder, settings={"epochs": "3", "lr": "1e-20"})[-1]
    assert isinstance(result, Finished)
    kept = model_file.read(folder / runs.BEST).training
    assert kept["step"] != 99
    assert kept["test_accuracy"] == result.result.best_test_accuracy
