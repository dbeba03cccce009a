"""Run folders: how they are made, what is in one, how it is read back, and what happens when it cannot be written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec import report
from netspec.runs import files as runs
from netspec.runs.folder import fresh_folder, named_folder
from netspec.runs.manifest import Origin
from netspec.training.events import Result
from netspec.workflows import train as session

TEXT = """\
# a comment that is kept
input 1x8x8
fc 10 softmax
data digits { validation 237 }
train { optimizer sgd lr=0.5; epochs 2; batch 500; seed 3 }
"""
NAMES = {
    "spec.net",
    "network.json",
    "lock.json",
    "metrics.jsonl",
    "result.json",
    "best.safetensors",
    "last.safetensors",
    "curves.png",
    "report.html",
    "checkpoints",
    ".lock",
}


pytestmark = pytest.mark.usefixtures("real_curves")


@pytest.fixture(scope="module")
def trained(real_curves: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ns.Event]]:
    folder = tmp_path_factory.mktemp("runs") / "one"
    net = ns.parse(TEXT, name="tiny")
    events = list(session.train(net, out=folder, origin=Origin(TEXT), settings={"lr": "0.25"}, log_every=1))
    return folder, events


@pytest.fixture
def folder(trained: tuple[Path, list[ns.Event]]) -> Path:
    return trained[0]


@pytest.fixture
def events(trained: tuple[Path, list[ns.Event]]) -> list[ns.Event]:
    return trained[1]


def read_json(path: Path) -> Any:
    def never(word: str) -> None:
        raise AssertionError(f"{path.name} has {word}, which is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=never)


# --- making folders -----------------------------------------------------------------------------------------------


def test_folders_are_numbered_from_one(tmp_path: Path) -> None:
    parent = tmp_path / "runs" / "lenet"
    assert [fresh_folder(parent).name for _ in range(3)] == ["001", "002", "003"]


def test_the_number_follows_the_largest_there(tmp_path: Path) -> None:
    for name in ("002", "007", "best", "9x", "-3", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("x")
    assert fresh_folder(tmp_path).name == "008"


def test_numbers_go_on_beyond_three_digits(tmp_path: Path) -> None:
    (tmp_path / "999").mkdir()
    assert [fresh_folder(tmp_path).name for _ in range(2)] == ["1000", "1001"]


def test_a_file_with_the_next_number_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "001").write_text("x")
    assert fresh_folder(tmp_path).name == "002"


def test_racing_trainings_get_a_folder_each(tmp_path: Path) -> None:
    found: list[Path] = []
    start = threading.Barrier(12)

    def make() -> None:
        start.wait()
        found.extend(fresh_folder(tmp_path / "race") for _ in range(5))

    threads = [threading.Thread(target=make) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(found) == 60
    assert all(path.is_dir() for path in found)


def test_a_race_lost_takes_the_next_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def slow(self: Path, *args: Any, **kwargs: Any) -> None:
        if self.name in {"001", "002"}:
            mkdir(self, exist_ok=True)  # another process was faster
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", slow)
    assert fresh_folder(tmp_path).name == "003"


def test_a_named_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert named_folder(tmp_path / "a" / "b").is_dir()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert named_folder(tmp_path) == tmp_path


@pytest.mark.parametrize("name", ["x.txt", ".hidden"])
def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ns.RunError, match="holds something already"):
        named_folder(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for make in (named_folder, fresh_folder):
        for path in (tmp_path / "file", tmp_path / "file" / "inner"):
            with pytest.raises(ns.RunError, match="file"):
                make(path)


# --- what is in one -----------------------------------------------------------------------------------------------


def test_the_files_are_the_documented_ones_and_no_others(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == NAMES


def test_the_spec_is_as_given(folder: Path) -> None:
    assert (folder / "spec.net").read_bytes() == TEXT.encode()


def test_without_a_text_the_spec_is_the_resolved_one(tmp_path: Path) -> None:
    net = ns.parse("input 1x8x8; fc 10 softmax; data digits; train { epochs 1; batch 1500 }", name="tiny")
    *_, finished = ns.train(net, out=tmp_path / "run")
    assert finished.folder == tmp_path / "run"
    assert ns.load(tmp_path / "run" / "spec.net").recipe == net.recipe
    assert ns.load(tmp_path / "run" / "spec.net").nodes == net.nodes


def test_the_network_is_the_one_that_was_trained(folder: Path) -> None:
    network = ns.Network.model_validate_json((folder / "network.json").read_text())
    assert network == ns.parse(TEXT, name="tiny", set={"train.optimizer.lr": "0.25"})


def test_the_lock_file(folder: Path) -> None:
    lock = read_json(folder / "lock.json")
    assert set(lock) == {
        "format",
        "run",
        "begun",
        "models",
        "ended",
        "spec_sha256",
        "network_sha256",
        "dataset",
        "labels",
        "data_sha256",
        "split",
        "seed",
        "overrides",
        "lets",
        "sets",
        "data_path",
        "log_every",
        "autotune",
        "asked_device",
        "steps_per_call",
        "device",
        "devices",
        "rates",
        "choices",
        "platform",
        "processor",
        "cores",
        "python",
        "packages",
        "flags",
        "resumed",
    }
    assert lock["spec_sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert lock["dataset"] == "digits"
    assert lock["data_sha256"] == session.load_data(ns.parse(TEXT)).sha256
    assert lock["seed"] == 3
    assert lock["overrides"] == {"lr": "0.25"}
    assert lock["steps_per_call"] >= 1
    assert {"jax", "numpy", "optax", "safetensors"} <= set(lock["packages"])


def test_metrics_are_the_events(folder: Path, events: list[ns.Event]) -> None:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["step", "step", "step", "epoch"] * 2
    measured = [e for e in events if isinstance(e, ns.Step | ns.Epoch)]
    for line, event in zip(lines, measured, strict=True):
        kind = line.pop("kind")
        assert kind == type(event).__name__.lower()
        # Nothing is asked for, and there is one output.
        names = {f.name for f in fields(event)} - {"metrics", "outputs"}
        assert line == {name: getattr(event, name) for name in names}
    assert runs.read_metrics(folder) == [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_result_has_exactly_the_documented_names(folder: Path, events: list[ns.Event]) -> None:
    result = read_json(folder / "result.json")
    assert {"test_accuracy", "test_loss", "epochs", "seconds", "parameters", "best_epoch"} <= set(result)
    assert set(result) == {f.name for f in fields(Result)} - {"metrics", "outputs"}
    assert result == runs.read_result(folder)
    epochs = [e for e in events if isinstance(e, ns.Epoch)]
    assert result["test_accuracy"] == epochs[-1].test_accuracy
    assert result["test_loss"] == epochs[-1].test_loss
    assert result["epochs"] == 2
    assert result["parameters"] == 650
    assert result["best_epoch"] == next(e.epoch for e in reversed(epochs) if e.best)
    assert result["seconds"] > 0


def test_both_models_open_and_say_their_epoch(folder: Path, events: list[ns.Event]) -> None:
    finished = events[-1]
    assert isinstance(finished, ns.Finished)
    last = ns.open(folder / "last.safetensors")
    assert last.training["epoch"] == 2
    kernel = np.asarray(finished.variables.params["fc_1"]["kernel"])
    assert np.asarray(last.variables.params["fc_1"]["kernel"]).tobytes() == kernel.tobytes()
    best = ns.open(folder)
    assert best.file.name == "best.safetensors"
    assert best.training["epoch"] == finished.result.best_epoch


def test_the_curves_are_a_picture(folder: Path) -> None:
    with Image.open(folder / "curves.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
        image.load()


def test_saved_events_name_the_files(folder: Path, events: list[ns.Event]) -> None:
    saved = [e.path for e in events if isinstance(e, ns.Saved)]
    assert folder / "last.safetensors" in saved
    assert folder / "best.safetensors" in saved
    epochs = [e for e in events if isinstance(e, ns.Epoch)]
    assert len(saved) == len(epochs) + sum(e.best for e in epochs)


def test_the_same_training_makes_the_same_model_files(tmp_path: Path) -> None:
    net = ns.parse("input 1x8x8; fc 10 softmax; data digits; train { epochs 1; batch 1500 }", name="tiny")
    digests = set()
    for i in range(3):
        list(ns.train(net, out=tmp_path / str(i)))
        digests.add(hashlib.sha256((tmp_path / str(i) / "last.safetensors").read_bytes()).hexdigest())
    assert len(digests) == 1


# --- reading it back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_last_line_cut_short_is_left_out(tmp_path: Path, folder: Path, cut: int) -> None:
    data = (folder / "metrics.jsonl").read_bytes()
    (tmp_path / "metrics.jsonl").write_bytes(data[:-cut])
    whole = runs.read_metrics(folder)
    assert runs.read_metrics(tmp_path) == (whole if cut == 1 else whole[:-1])


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xff\xfe\x00", b'{"kind": "st\xc3', b"3\n[1]\nnull\n", b"\x00" * 50]
)
def test_metrics_of_anything_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(content)
    assert runs.read_metrics(tmp_path) == []


def test_no_metrics_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ns.RunError, match=r"metrics\.jsonl"):
        runs.read_metrics(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "[" * 200_000,
        '{"step": 1}',
        '{"kind": "step"}',
        '{"kind": [1], "step": 1}',
        *(
            f'{{"kind": "step", "step": {step}}}'
            for step in ("null", '"x"', "NaN", "1e999", "1.5", "true", "-1", "9" * 400)
        ),
        *(f'{{"kind": "step", "step": 1, "loss": {x}}}' for x in ('"x"', "[1]", "NaN", "-1e999", "1e308", "9" * 400)),
    ],
    ids=lambda line: line[:50],
)
def test_lines_that_are_no_measurements_are_left_out(tmp_path: Path, folder: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f"{line}\n{(folder / 'metrics.jsonl').read_text()}")
    assert runs.read_metrics(tmp_path) == runs.read_metrics(folder)


@pytest.mark.parametrize("line", ["", '{"kind": "epoch", "step": 1000000000000000, "test_loss": -1e100}'])
def test_curves_of_any_measurements_are_drawn(tmp_path: Path, folder: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f"{(folder / 'metrics.jsonl').read_text()}{line}\n")
    report.draw_curves(runs.read_metrics(tmp_path), tmp_path / "curves.png", title="any")
    assert (tmp_path / "curves.png").is_file()


@pytest.mark.parametrize("content", ["", "{", "[1]", "7", "[" * 200_000], ids=lambda content: content[:9])
def test_a_result_that_is_none(tmp_path: Path, content: str) -> None:
    assert runs.read_result(tmp_path) is None
    (tmp_path / "result.json").write_text(content)
    assert runs.read_result(tmp_path) is None


@pytest.mark.skipif(os.name != "posix", reason="pipes are those of POSIX")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    for name in (runs.METRICS, runs.RESULT):
        os.mkfifo(tmp_path / name)
    assert runs.read_result(tmp_path) is None
    with pytest.raises(ns.RunError, match="is not a file"):
        runs.read_metrics(tmp_path)


def test_a_run_without_a_best_model_opens_its_last(tmp_path: Path, folder: Path) -> None:
    shutil.copy(folder / "last.safetensors", tmp_path)
    assert ns.open(tmp_path).file == tmp_path / "last.safetensors"


@pytest.mark.parametrize("name", ["nothing", "x" * 300, "x" * 5000, "a\0b"])
def test_no_run_of_that_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ns.RunError):
        ns.open(tmp_path / name)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ns.RunError, match="no model"):
        ns.open(tmp_path)


# --- when it cannot be written ------------------------------------------------------------------------------------


def training(tmp_path: Path) -> tuple[Path, Iterator[ns.Event]]:
    folder = tmp_path / "run"
    net = ns.parse("input 1x8x8; fc 10 softmax; data digits; train { epochs 2; batch 500 }", name="tiny")
    return folder, ns.train(net, out=folder)


def test_a_run_over_another_is_refused_and_nothing_lost(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "best.safetensors").write_bytes(b"precious")
    net = ns.parse("input 1x8x8; fc 10 softmax; data digits; train { epochs 1; batch 1500 }")
    with pytest.raises(ns.RunError, match="holds something already"):
        list(ns.train(net, out=folder))
    assert (folder / "best.safetensors").read_bytes() == b"precious"
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "blocked", ["spec.net", "network.json", "lock.json", "last.safetensors", "best.safetensors", "result.json"]
)
def test_a_file_that_cannot_be_written_is_a_run_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocked: str
) -> None:
    folder, events = training(tmp_path)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if Path(target).name == blocked:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ns.RunError, match=blocked) as caught:
        list(events)
    assert "No space left" in caught.value.message
    assert blocked not in {p.name for p in folder.iterdir()}
    assert not [p for p in folder.iterdir() if p.name.startswith(".") and p.name != ".lock"], "temporary files are gone"
    if blocked == "result.json":
        assert ns.open(folder / "last.safetensors").training["epoch"] == 2


def test_metrics_that_cannot_be_written_are_a_run_error(tmp_path: Path) -> None:
    folder, events = training(tmp_path)
    assert isinstance(next(events), ns.Started)
    (folder / "metrics.jsonl").unlink()
    (folder / "metrics.jsonl").mkdir()
    with pytest.raises(ns.RunError, match=r"metrics\.jsonl"):
        list(events)


def test_a_folder_that_vanishes_is_a_run_error(tmp_path: Path) -> None:
    folder, events = training(tmp_path)
    for event in events:
        if isinstance(event, ns.Epoch):
            break
    shutil.rmtree(folder)
    with pytest.raises(ns.RunError, match="run"):
        list(events)


def test_curves_that_cannot_be_drawn_do_not_lose_the_run(tmp_path: Path) -> None:
    folder, events = training(tmp_path)
    next(events)
    (folder / "curves.png").mkdir()
    *_, said, finished = events
    assert isinstance(said, ns.Notice)
    assert "no curves are drawn: cannot write" in said.text
    assert isinstance(finished, ns.Finished)
    result = runs.read_result(folder)
    assert result is not None
    assert result["epochs"] == 2
    assert ns.open(folder).predict(np.zeros((1, 1, 8, 8), np.float32))


def test_a_stopped_training_leaves_a_run_that_opens(tmp_path: Path) -> None:
    folder, events = training(tmp_path)
    for event in events:
        if isinstance(event, ns.Epoch):
            break
    events.close()  # type: ignore[attr-defined]
    assert runs.read_result(folder) is None
    assert [r["kind"] for r in runs.read_metrics(folder)][-1] == "epoch"
    assert ns.open(folder).training["epoch"] == 1


def test_a_recipe_that_does_not_fit_the_data_leaves_no_folder(tmp_path: Path) -> None:
    net = ns.parse('input 1x8x8; fc 10 softmax; data "mine.npz" { validation 1437 }')
    with pytest.raises(ns.DataError, match="validation"):
        list(ns.train(net, "digits", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()
