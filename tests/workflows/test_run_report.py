"""`netspec report`: what is on the page is what the run, its model and its data say."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec import pages
from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.workflows import reasons, report_mistakes, run_report
from netspec.workflows.run_report import run_facts, write_report
from netspec.workflows.trained import open_run


def trained(folder: Path, spec: str, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    for _ in ns.train(ns.parse(spec), data=folder / "data.npz", out=folder / "run"):
        pass
    return folder / "run"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    names = np.array(["left", "right"])
    arrays: dict[str, Any] = {}
    for part, count in (("train", 16), ("test", 9)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (count, 1, 4, 4), np.uint8)
        arrays[f"y_{part}"] = names[rng.integers(0, 2, count)]
    spec = "input 1x4x4\nfc 2 softmax\ntrain { epochs 2; batch 8 }\n"
    return trained(tmp_path_factory.mktemp("classes"), spec, **arrays)


def test_classes(classes: Path) -> None:
    facts = run_facts(classes)
    found = open_run(classes).evaluate()
    (answers,) = facts.answers
    assert answers.confusion == found.confusion.tolist()
    assert [c.label for c in answers.classes] == ["left", "right"]
    assert sum(count for _, _, count in answers.reliability) == 9
    wrong = found.predicted != found.true
    assert len(answers.mistakes) == wrong.sum()
    surest = [mistake.probability for mistake in answers.mistakes]
    assert surest == sorted(found.probability[wrong].tolist(), reverse=True)
    for mistake in answers.mistakes:
        assert mistake.true != mistake.predicted
        for content in (mistake.picture, mistake.why):
            with Image.open(io.BytesIO(content)) as picture:
                assert picture.size == (96, 96)
    assert answers.why.startswith(f"beside the first {len(answers.mistakes)}: what spoke for the answer")
    assert ("parameters", "34") in facts.headline
    assert [line.shape for line in facts.spec if line.shape] == ["1x4x4", "2"]
    assert facts.series["epochs"] == [2, 4]


def test_of_a_large_network_the_page_of_a_training_does_not_say_why(
    classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run_report._Shown(open_run(classes).dataset(), 1e6)
    assert run_facts(classes, shown=shown).answers[0].mistakes[0].why
    for name, most in (("_OPERATIONS", 1), ("_SHARE", 1e-6)):
        with monkeypatch.context() as patch:
            patch.setattr(reasons, name, most)
            (answers,) = run_facts(classes, shown=shown).answers
            assert answers.mistakes
            assert not any(mistake.why for mistake in answers.mistakes)
            assert f"`netspec report {classes}` shows it" in answers.why
            assert run_facts(classes).answers[0].mistakes[0].why


def test_a_reason_that_cannot_be_had_is_said(classes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any) -> Any:
        raise DataError("no memory")

    monkeypatch.setattr(report_mistakes, "reasons_of", fails)
    (answers,) = run_facts(classes).answers
    assert answers.mistakes
    assert answers.why == "why it is wrong is not shown: no memory"


def test_the_wrong_class_is_less_probable_by_the_share_of_a_column(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 16), ("test", 12)):
        arrays[f"x_{part}"] = rng.normal(size=(count, 3)).astype(np.float32)
        arrays[f"y_{part}"] = rng.integers(0, 3, count)
    folder = trained(tmp_path, "input 3\nfc 3 softmax\ntrain { epochs 1; batch 8 }\n", **arrays)
    (answers,) = run_facts(folder).answers
    run, x = open_run(folder), arrays["x_test"]
    probable = run.probabilities(x)
    wrong = np.flatnonzero(probable.argmax(axis=1) != arrays["y_test"])
    surest = wrong[probable[wrong].max(axis=1).argmax()]
    predicted = probable[surest].argmax()
    expected = {}
    for column in range(3):
        without = x[surest].copy()
        without[column] = 0
        share = 100 * (probable[surest, predicted] - run.probabilities(without[None])[0, predicted])
        expected[f"{column} = {x[surest, column]:.4g}"] = pytest.approx(share, abs=1e-3)
    assert dict(answers.mistakes[0].parts) == expected
    shares = [abs(share) for _, share in answers.mistakes[0].parts]
    assert shares == sorted(shares, reverse=True)
    assert "with 0 in place of each number" in answers.why


def test_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 16), ("test", 6)):
        arrays[f"x_{part}"] = rng.normal(size=(count, 3)).astype(np.float32)
        arrays[f"y_{part}"] = rng.normal(size=count).astype(np.float32) * 100
    run = trained(tmp_path, "input 3\nfc 1\ntrain { epochs 1; batch 8; loss mse }\n", **arrays)
    (answers,) = run_facts(run).answers
    (scatter,) = answers.scatter
    assert [true for true, _ in scatter.points] == pytest.approx(arrays["y_test"], rel=1e-3)
    given = open_run(run).outputs(arrays["x_test"])[:, 0]
    assert scatter.mae == pytest.approx(np.abs(given - arrays["y_test"]).mean(), rel=1e-5)
    assert not answers.classes


def test_masks(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 8), ("test", 3)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (count, 3, 6, 6), np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, 2, (count, 6, 6))
    run = trained(tmp_path, "input 3x6x6\nconv 2 1x1 softmax\ntrain { epochs 1; batch 4 }\n", **arrays)
    (answers,) = run_facts(run).answers
    assert len(answers.pictures) == 3
    assert not answers.mistakes
    with Image.open(io.BytesIO(answers.pictures[0][1])) as picture:
        assert picture.size == (3 * 96, 96)


def test_a_page_of_large_pictures_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        arrays[f"x_{part}"] = rng.integers(0, 256, (40, 3, 200, 200), np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, 9, 40)
    run = trained(tmp_path, "input 3x200x200\nglobalpool; fc 9 softmax\ntrain { epochs 1; batch 20 }\n", **arrays)
    out = write_report([run], tmp_path / "report.html")
    assert len(run_facts(run).answers[0].mistakes) == 24
    assert out.stat().st_size < 2_000_000


def test_data_that_is_gone_is_said_and_the_rest_is_shown(classes: Path, tmp_path: Path) -> None:
    data = classes.parent / "data.npz"
    content = data.read_bytes()
    data.unlink()
    try:
        facts = run_facts(classes)
    finally:
        data.write_bytes(content)
    assert not facts.answers
    assert "data.npz" in facts.notes[0]
    assert facts.series["charts"]["loss"]


def test_a_page_is_written_whole_and_small(classes: Path, tmp_path: Path) -> None:
    out = write_report([classes, classes], tmp_path / "report.html")
    assert 10_000 < out.stat().st_size < 2_000_000
    assert "Compared" in out.read_text(encoding="utf-8")
    with pytest.raises(RunError, match="is a folder"):
        write_report([classes], tmp_path)
    with pytest.raises(RunError, match="no run folder"):
        run_facts(tmp_path)
    with pytest.raises(RunError, match="cannot write"):
        write_report([classes], tmp_path / "nowhere" / "x.html")


# --- at the end of a training -------------------------------------------------------------------------------------

PLAIN = "input 1x8x8\nfc 10 softmax\ndata digits\ntrain { epochs 1; batch 500 }\n"


def ended(events: Any) -> list[str]:
    """Return what a training says, which ends well."""
    found = list(events)
    assert isinstance(found[-1], ns.Finished)
    return [event.text for event in found if isinstance(event, ns.Notice)]


@pytest.mark.usefixtures("real_reports")
def test_a_training_writes_the_page_that_the_command_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    assert not [text for text in ended(ns.train(ns.parse(PLAIN), out=run)) if "report" in text]
    own = (run / "report.html").read_text(encoding="utf-8")
    assert own == write_report([run], tmp_path / "again.html").read_text(encoding="utf-8")
    assert "On the 360 examples of the test set of digits" in own
    # A session that goes on has no report before its end, and none where that is not wanted.
    monkeypatch.setenv("NETSPEC_REPORT", "off")
    ended(ns.resume(run, epochs=2))
    assert not (run / "report.html").exists()


@pytest.mark.usefixtures("real_reports")
@pytest.mark.parametrize(
    ("flops", "shown"), [(200, "On 200 of 360 examples of the test set"), (99, "is not shown yet")]
)
def test_it_looks_at_no_more_than_takes_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flops: int, shown: str
) -> None:
    network = ns.parse(PLAIN)
    monkeypatch.setattr(run_report, "_MOST_FLOPS", flops * network.graph().flops + 1)
    ended(ns.train(network, out=tmp_path / "run"))
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert shown in text
    assert f"`netspec report {tmp_path / 'run'}` looks at all examples" in text


@pytest.mark.usefixtures("real_reports")
def test_a_report_that_fails_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(runs: Any) -> str:
        raise ValueError("no\nway")

    monkeypatch.setattr(pages, "page", fails)
    said = ended(ns.train(ns.parse(PLAIN), out=tmp_path / "run"))
    assert f"no report is written: ValueError: no; `netspec report {tmp_path / 'run'}` tries again" in said
