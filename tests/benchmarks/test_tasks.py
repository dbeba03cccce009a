"""The tasks learned on real data: what is measured, what is recorded, and the page that follows from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sk = pytest.importorskip("sklearn.metrics")
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import tasks
from comparison.results import Machine
from learned import TASKS, fine_tuning, pairs, segmentation, starters, vae
from learned.frame import RECORDS, ROOT, Effort, Row, measured, module, stamp
from learned.page import cell, page, table

import netspec as ns
from netspec.data import Split

RECORDED = ROOT / "benchmarks" / "results" / "tasks.json"
MACHINE = Machine(processor="Z80", cores=1, device="cpu", system="CP/M", python="3.11")
QUICK = {"tables", "pairs"}


def row(name: str, **changed: Any) -> Row:
    facts: dict[str, Any] = {
        "figures": {"netspec": {"accuracy": (0.5,)}},
        "stamp": stamp(name),
        "seconds": 1.0,
        "load": 2.5,
        "seed": 0,
        "date": "2025-01-02T03:04:05+00:00",
        "commit": "abc",
        "machine": MACHINE,
        "versions": {"netspec": "1"},
    }
    return Row(**{**facts, **changed})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sections, whose membranes are the dark pixels, and a short text."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "membrane" / kind).mkdir(parents=True)
    for n in range(2):
        mask = np.kron(random.integers(0, 2, (64, 64), dtype=np.uint8) * 255, np.ones((8, 8), np.uint8))
        Image.fromarray(mask).save(tmp_path / "membrane" / "masks" / f"{n}.png")
        Image.fromarray(mask // 2 + 60).save(tmp_path / "membrane" / "images" / f"{n}.png")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "shakespeare.txt").write_text("To be, or not to be: that is the question.\n" * 100)
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    return tmp_path


# --- what is learned ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in TASKS])
def test_every_task_is_learned_in_the_short_form(name: str, data: Path, tmp_path: Path) -> None:
    if name == "segmentation":
        pytest.importorskip("torch")
    found = measured(name, short=True, seed=1, pictures=tmp_path / "pictures")
    assert found.figures
    assert all(np.isfinite(values).all() for columns in found.figures.values() for values in columns.values())
    assert found.stamp == stamp(name)
    if name == "vae":
        with Image.open(tmp_path / "pictures" / vae.PICTURE) as picture:
            assert picture.size == (12 * 56, 4 * 56)
    if name == "segmentation":
        ours, theirs = found.figures["netspec"], found.figures["PyTorch"]
        assert ours["accuracy"] == pytest.approx(theirs["accuracy"], abs=0.02), "one step from the same values"


@pytest.mark.parametrize("name", TASKS)
def test_every_spec_is_right(name: str, data: Path) -> None:
    for task in starters.TASKS if name == "starters" else ():
        if not task.file:
            path = data / "text" / f"{task.name.partition(':')[0]}.csv"
            starters.written(starters.rows_of(task, None), path)
    for spec in module(name).SPECS.values():
        (data / "text" / "s.net").write_text(spec, encoding="utf-8")
        ns.load(data / "text" / "s.net")


def test_overlap_is_as_scikit_learn_has_it() -> None:
    random = np.random.default_rng(0)
    found, right = random.random((2, 1, 8, 8)) > 0.4, (random.random((2, 1, 8, 8)) > 0.7).astype(np.float32)
    both = right.ravel(), found.ravel()
    assert segmentation.overlap(found, right) == pytest.approx((sk.f1_score(*both), sk.jaccard_score(*both)))


def test_tiles_lie_where_they_were_cut(data: Path) -> None:
    x, y = segmentation.tiles(data / "membrane", 2)
    assert (x.shape, y.shape, x.dtype) == ((8, 1, 128, 128), (8, 1, 128, 128), np.uint8)
    np.testing.assert_array_equal(y == 1, x < 120)
    with Image.open(data / "membrane" / "images" / "1.png") as picture:
        whole = np.asarray(picture)[::2, ::2]
    np.testing.assert_array_equal(np.block([[x[4, 0], x[5, 0]], [x[6, 0], x[7, 0]]]), whole)


def test_the_twin_has_the_layers_of_the_spec() -> None:
    pytest.importorskip("torch")
    from learned.segmentation_twin import UNet, start_from  # noqa: PLC0415

    twin, model = UNet(), ns.compile(segmentation.SPECS["unet"])
    start_from(twin, model.init(3).params)
    assert sum(p.numel() for p in twin.parameters()) == model.graph.parameter_count
    kernel = model.init(3).params["up_2/deconv_1"]["kernel"]
    np.testing.assert_array_equal(twin.up_2.weight.detach().numpy(), kernel)


def test_every_other_pair_is_of_one_digit() -> None:
    labels = np.arange(40) % 10
    part = Split(labels.astype(np.uint8)[:, None, None, None], labels)
    left, right, same = pairs.drawn(part, 60, np.random.default_rng(0))
    np.testing.assert_array_equal((left == right).ravel(), same == 1)
    assert same.mean() == 0.5


def test_digits_of_a_task_are_names() -> None:
    labels = np.arange(20) % 10
    x, names = fine_tuning.of_digits(Split(np.arange(20).reshape(20, 1, 1, 1), labels), range(5, 10))
    assert x.ravel().tolist() == [5, 6, 7, 8, 9, 15, 16, 17, 18, 19]
    assert names.tolist() == ["5", "6", "7", "8", "9"] * 2


def test_data_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words = ["--only", "characters", "--json", str(tmp_path / "a.json"), "--page", str(tmp_path / "a.md")]
    for folder in (None, tmp_path / "none"):
        monkeypatch.delenv("NETSPEC_DATA", raising=False)
        if folder:
            monkeypatch.setenv("NETSPEC_DATA", str(folder))
        assert tasks.main(words) == 1
        assert "NETSPEC_DATA must name a folder with mnist/, membrane/ and text/" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


# --- what is recorded ---------------------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is measured: nothing is learned."""
    made: list[tuple[str, int]] = []

    def measure(name: str, *, short: bool, seed: int, pictures: Path) -> Row:
        made.append((name, seed))
        return row(name, seed=seed)

    monkeypatch.setattr(tasks, "measured", measure)
    return made


def run(folder: Path, *words: str) -> int:
    return tasks.main([*words, "--json", str(folder / "rows.json"), "--page", str(folder / "page.md")])


def test_what_is_recorded_is_not_measured_again(tmp_path: Path, made: list[tuple[str, int]], capsys: Any) -> None:
    assert run(tmp_path, "--only", "vae") == 0
    assert run(tmp_path, "--only", "vae", "pairs") == 0
    assert made == [("vae", 0), ("pairs", 0)]
    assert "vae: recorded already" in capsys.readouterr().out
    assert run(tmp_path, "--only", "vae", "--seed", "3") == 0
    assert run(tmp_path, "--only", "vae", "--seed", "3", "--again") == 0
    assert made[2:] == [("vae", 3), ("vae", 3)]
    assert {name: r.seed for name, r in RECORDS.read(tmp_path / "rows.json").items()} == {"pairs": 0, "vae": 3}


def test_another_spec_is_measured_again(
    tmp_path: Path, made: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "--only", "vae")
    monkeypatch.setitem(vae.SPECS, "decoder", "input 20; fc 784 sigmoid as image")
    run(tmp_path, "--page-only")
    assert "Not measured yet: `python benchmarks/tasks.py --only vae`" in (tmp_path / "page.md").read_text("utf-8")
    run(tmp_path, "--only", "vae")
    assert made == [("vae", 0), ("vae", 0)]


def test_the_short_form_records_nothing(tmp_path: Path, made: list[tuple[str, int]]) -> None:
    assert run(tmp_path, "--short") == 0
    assert [name for name, _ in made] == list(TASKS)
    assert list(tmp_path.iterdir()) == []


# --- the page -----------------------------------------------------------------------------------------------------


def test_figures_are_a_table() -> None:
    figures = {"a": {"accuracy": (0.98765,), "parameters": (12345.0,)}, "b": {"nats": (100.2, 100.4)}}
    assert table(figures).splitlines() == [
        "| | accuracy | parameters | nats |",
        "| --- | ---: | ---: | ---: |",
        "| a | 0.988 | 12,345 |  |",
        "| b |  |  | 100.3 ± 0.1 |",
    ]
    assert cell((0.5, 0.7, 0.6)) == "0.600 ± 0.100"


def test_the_page_has_every_spec_and_sample(tmp_path: Path) -> None:
    text = page({"characters": row("characters", samples={"LSTM writes": "ROMEO:\nAy me!"})})
    assert "LSTM writes:\n\n```text\nROMEO:\nAy me!\n```" in text
    for name in TASKS:
        assert all(f"```net\n{spec}\n```" in text for spec in module(name).SPECS.values())
        assert f"## {module(name).TITLE}" in text
    assert "on 2025-01-02 at commit `abc` with the seed 0, in 1 s, on Z80, 1 core at a load of 2.5" in text


def test_the_page_is_that_of_the_recorded_rows() -> None:
    recorded = RECORDS.read(RECORDED)
    assert (ROOT / "docs" / "tasks.md").read_text("utf-8") == page(recorded)
    assert {name: r.stamp for name, r in recorded.items()} == {name: stamp(name) for name in recorded}


def test_an_effort_names_what_is_missing(tmp_path: Path) -> None:
    effort = Effort(True, 0, tmp_path, tmp_path, None)
    with pytest.raises(ValueError, match="NETSPEC_DATA"):
        effort.file("membrane")
    assert effort.digits().train.images.shape[1:] == (1, 28, 28)
