"""`netspec plot` of each kind of target: what is drawn is what is true and what the model gives."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec import report
from netspec.cli.answers_file import answers_file
from netspec.diagnostics.diagnostic import NetspecError
from netspec.workflows.example_files import Examples
from netspec.workflows.pictures import Request, draw
from netspec.workflows.trained import open_run

SPEC = """
input 1x6x6 as photo
conv 3 1x1 softmax as mask
from photo; fc 4 relu as trunk; fc 2 softmax as kind
from trunk; fc 1 as age
from trunk; fc 3 sigmoid as tags
output mask
output kind
output age loss=mse
output tags
train { epochs 1; batch 8 }
"""


def arrays(rng: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    made = {}
    for split, count in (("train", 16), ("test", 6)):
        made[f"photo_{split}"] = rng.random((count, 1, 6, 6), np.float32)
        made[f"mask_{split}"] = rng.integers(0, 3, (count, 6, 6))
        made[f"kind_{split}"] = rng.integers(0, 2, count)
        made[f"age_{split}"] = rng.random(count, np.float32) * 80
        made[f"tags_{split}"] = (rng.random((count, 3)) > 0.5).astype(np.float32)
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("answers")
    data = arrays(np.random.default_rng(0))
    np.savez(folder / "data.npz", **data)  # type: ignore[arg-type]
    run = folder / "run"
    for _ in ns.train(ns.parse(SPEC), data=folder / "data.npz", out=run):
        pass
    return run, folder, data


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    pictures = ("confusion", "embeddings", "examples", "labels", "mistakes", "roc", "scatter")
    for name in (f"draw_{picture}" for picture in pictures):

        def keep(*given: Any, name: str = name, **options: Any) -> Path:
            seen.update(picture=name, given=given, **options)
            return Path("x.png")

        monkeypatch.setattr(report, name, keep)
    return seen


def ask(trained: tuple[Path, Path, dict[str, Any]], picture: str, output: str | None) -> None:
    draw(picture, Request(trained[0], trained[1] / "x.png", output=output))


def test_the_network_is_drawn_in_each_format(trained: Any) -> None:
    for name, begins in (("net.png", b"\x89PNG"), ("net.svg", b"<svg "), ("net.pdf", b"%PDF")):
        written = draw("network", Request(trained[0], trained[1] / name))
        assert written.read_bytes().startswith(begins)
    assert "conv 3 1 softmax" in (trained[1] / "net.svg").read_text()


def test_numbers(trained: Any, drawn: dict[str, Any]) -> None:
    ask(trained, "scatter", "age")
    true, found, names, _ = drawn["given"]
    np.testing.assert_array_equal(true[:, 0], trained[2]["age_test"])
    given = open_run(trained[0]).outputs({"photo": trained[2]["photo_test"]})
    np.testing.assert_allclose(found, given["age"], rtol=1e-6)
    assert names == ["age"]
    ask(trained, "examples", "age")
    assert drawn["given"][1][0] == f"{true[0, 0]:.3g} → {found[0, 0]:.3g}"


def test_several_labels(trained: Any, drawn: dict[str, Any]) -> None:
    ask(trained, "confusion", "tags")
    assert drawn["picture"] == "draw_labels"
    np.testing.assert_array_equal(drawn["given"][0], trained[2]["tags_test"] == 1)
    ask(trained, "examples", "tags")
    labels = [str(i) for i in range(3) if trained[2]["tags_test"][0, i]]
    assert drawn["given"][1][0].startswith((", ".join(labels) or "none") + " →")


def test_labels_are_called_as_the_data_calls_them(trained: Any, drawn: dict[str, Any]) -> None:
    names = ("red", "green", "blue")
    run = open_run(trained[0])
    run.output_labels = {"tags": names}
    for picture in ("confusion", "roc"):
        draw(picture, Request(trained[0], trained[1] / "x.png", output="tags", opened=run))
        assert tuple(drawn["given"][2]) == names
    draw("examples", Request(trained[0], trained[1] / "x.png", output="tags", opened=run))
    assert drawn["given"][1][0].split(" ")[0].rstrip(",") in {*names, "none"}


@pytest.mark.parametrize(
    ("output", "names", "measure"),
    [("kind", ("0", "1"), ""), ("age", (), "age"), ("mask", ["examples"], ""), ("tags", ["examples"], "")],
)
def test_points_have_the_colors_of_what_is_said_of_an_example(
    trained: Any, drawn: dict[str, Any], output: str, names: Any, measure: str
) -> None:
    ask(trained, "embeddings", output)
    _, values, named, _ = drawn["given"]
    assert (named, drawn["measure"]) == (names, measure)
    expected = trained[2][f"{output}_test"] if output in {"kind", "age"} else np.zeros(6)
    np.testing.assert_allclose(values, expected)


def test_a_class_for_each_example(trained: Any, drawn: dict[str, Any]) -> None:
    ask(trained, "confusion", "kind")
    matrix, names, _ = drawn["given"]
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(trained[2]["kind_test"], minlength=2))
    assert len(names) == 2
    assert "kind" in drawn["title"]
    ask(trained, "mistakes", "kind")
    np.testing.assert_array_equal(drawn["given"][0], trained[2]["photo_test"])
    ask(trained, "examples", "kind")
    assert [caption[0] for caption in drawn["given"][1]] == [str(k) for k in trained[2]["kind_test"]]


def test_a_class_at_each_position(trained: Any, drawn: dict[str, Any]) -> None:
    ask(trained, "confusion", "mask")
    assert drawn["given"][0].sum() == 6 * 36
    ask(trained, "examples", "mask")
    columns, captions, _ = drawn["given"]
    assert [column.name for column in columns] == ["photo", "true", "predicted"]
    np.testing.assert_array_equal(columns[1].images, report.mask_colors(trained[2]["mask_test"]))
    assert not any(captions)


@pytest.mark.parametrize(
    ("picture", "output", "says"),
    [
        ("confusion", None, r"gives several outputs, mask, kind, age and tags\n  fix: .*--output mask"),
        ("confusion", "kin", r"no output 'kin'\n  fix: did you mean kind"),
        ("confusion", "age", r"numbers, not classes\n  fix: `netspec plot .*run scatter --output age`"),
        ("scatter", "kind", r"no numbers\n  fix: `netspec plot .*run confusion --output kind`"),
        ("roc", "mask", r"a class at each position\n  fix: `netspec plot .*run confusion --output mask`"),
        ("mistakes", "mask", r"at each position.*\n  fix: `netspec plot .*run examples --output mask`"),
        ("mistakes", "tags", r"several labels at once\n  fix: `netspec plot .*run confusion --output tags`"),
    ],
)
def test_what_cannot_be_drawn_is_answered_with_what_can(
    trained: Any, picture: str, output: str | None, says: str
) -> None:
    with pytest.raises(NetspecError, match=says):
        ask(trained, picture, output)


def test_a_table_has_what_each_output_predicts(trained: Any, tmp_path: Path) -> None:
    run = open_run(trained[0])
    given = {"photo": trained[2]["photo_test"]}
    found = run.predict(given)
    with answers_file(tmp_path / "all.csv", run) as write:
        write(list("abcdef"), Examples(given))
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [*rows[0]] == [
        "file",
        "predicted_mask",
        "predicted_kind",
        "probability_kind",
        "predicted_age",
        "predicted_tags",
    ]
    for i, row in enumerate(rows):
        assert row["predicted_mask"] == next(iter(found["mask"][i].positions))
        assert row["predicted_kind"] == found["kind"][i].label
        assert float(row["predicted_age"]) == pytest.approx(found["age"][i].outputs[0])
        assert row["predicted_tags"] == " ".join(found["tags"][i].labels)
    # As in the terminal, not all of the outputs can have one.
    with (
        pytest.raises(NetspecError, match="a threshold is for"),
        answers_file(tmp_path / "t.csv", run, 0.9) as write,
    ):
        write(list("abcdef"), Examples(given))


def test_outputs_that_learned_one_class_of_several_predict_it(trained: Any) -> None:
    run = open_run(trained[0])
    run.output_labels = {"tags": ("red", "green", "blue")}
    given = {"photo": trained[2]["photo_test"]}
    likeliest = run.probabilities(given)["tags"].argmax(axis=1)
    assert [p.label for p in run.predict(given)["tags"]] == [("red", "green", "blue")[i] for i in likeliest]
