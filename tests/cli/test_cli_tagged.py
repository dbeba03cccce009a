"""Words with labels on the command line, from a file to the labels of other sentences."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import cli

import netspec as ns
from netspec.data.for_network import load_data
from netspec.diagnostics.diagnostic import DataError

NAMES, TOWNS = ("Ada", "Kurt", "Emmy", "Alan"), ("Rome", "Oslo", "Kyiv", "Bern")
LAYERS = "embedding 8; fc classes softmax pointwise\ntrain { epochs 30; batch 8; optimizer adam lr=0.05 }\n"


def sentences() -> list[list[tuple[str, str]]]:
    return [
        [(name, "B-PER"), ("lives", "O"), ("in", "O"), (town, "B-LOC"), *([("now", "O")] if i % 3 else [])]
        for i, (name, town) in enumerate((n, t) for n in NAMES for t in TOWNS for _ in range(2))
    ]


def as_lines(found: list[list[tuple[str, str]]]) -> str:
    return "\n\n".join("\n".join(f"{word}\t{label}" for word, label in own) for own in found) + "\n"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sentences as lines and as JSON lines, and a run."""
    path: Path = tmp_path_factory.mktemp("tagged")
    (path / "ner.conll").write_text(as_lines(sentences()))
    (path / "plain.txt").write_text(as_lines(sentences()))
    rows = [{"tokens": [w for w, _ in own], "labels": [label for _, label in own]} for own in sentences()]
    (path / "ner.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (path / "ner.net").write_text(f'data "ner.conll" {{ validation 20%; test 25% }}\n{LAYERS}')
    list(ns.train(ns.load(path / "ner.net"), out=path / "run"))
    return path


@pytest.fixture
def inside(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("name", ["ner.conll", "ner.jsonl", "plain.txt"])
def test_from_a_file_to_a_spec(inside: Path, name: str, tmp_path: Path) -> None:
    done = cli(inside, "new", "--data", name, "-o", f"{name}.net")
    assert done.returncode == 0, done.stderr
    text = (inside / f"{name}.net").read_text()
    assert ("tagged" in text) == (not name.endswith(".conll"))
    assert "best val_entity_f1" in text
    net = ns.load(inside / f"{name}.net")
    assert (net.inputs[0].shape, net.inputs[0].mask) == ((5,), 0)
    made = load_data(net, base=inside)
    assert made.labels == ("B-LOC", "B-PER", "O")
    whole = [part for part in (made.train, made.validation, made.test) if part]
    assert sum(map(len, whole)) == 32
    shown = cli(inside, "data", "show", name)
    assert "32 sentences, 149 words (11 different), the longest of 5" in shown.stdout
    assert cli(inside, "check", f"{name}.net").returncode == 0


def test_an_evaluation_counts_no_padding(here: Path) -> None:
    run = ns.open(here / "run")
    found = run.evaluate()
    dataset = run.dataset()
    count = int((dataset.test.images > 0).sum())
    assert 0 < count < dataset.test.images.size
    assert found.confusion.sum() == count
    assert found.accuracy == pytest.approx(np.trace(found.confusion) / count)
    assert found.metrics["f1"] == pytest.approx(found.macro_f1)
    assert found.accuracy == 1
    # Two of each sentence's words are entities.
    (place, person), whole = found.entities.each(), found.entities.all()
    assert (place.kind, person.kind, whole.there) == ("LOC", "PER", 2 * found.examples)
    assert found.metrics["entity_f1"] == found.metrics["entity_recall"] == whole.precision == 1
    assert run.result["test_entity_f1"] == 1


def test_entities_are_shown_and_written(inside: Path) -> None:
    # The model takes Kurt for a person, who is none here.
    other = as_lines([[("Ada", "B-PER"), ("likes", "O"), ("Kurt", "O"), ("in", "O"), ("Oslo", "B-LOC")]])
    (inside / "other.conll").write_text(other)
    shown = cli(inside, "eval", "run", "--data", "other.conll").stdout
    assert "entity_f1 80.00 %   entity_precision 66.67 %   entity_recall 100.00 %" in shown
    rows = [line.split() for line in shown.partition("entity  ")[2].splitlines()[2:]]
    assert [row[:3] for row in rows] == [["LOC", "1", "1"], ["PER", "1", "1"], ["all", "2", "2"]]
    said = json.loads(cli(inside, "eval", "run", "--data", "other.conll", "--json").stdout)
    assert (said["all_entity_precision"], said["all_entity_recall"]) == (2 / 3, 1)
    shares = {"recall": 1.0, "precision": 0.5, "f1": 2 / 3}
    assert said["entities"][1] == {"label": "PER", "examples": 1, "predicted": 2, "right": 1, **shares}
    cli(inside, "report", "run", "-o", "page.html")
    page = (inside / "page.html").read_text()
    assert "<th>entity</th>" in page
    assert "<td>all</td>" in page


def test_the_best_epoch_by_entities(inside: Path) -> None:
    setting = "epochs 2; metrics entity_recall; best val_entity_f1; early_stop 2 on=val_entity_f1"
    (inside / "best.net").write_text(
        f'data "ner.conll" {{ validation 20%; test 25% }}\n{LAYERS.replace("epochs 30", setting)}'
    )
    *_, end = ns.train(ns.load(inside / "best.net"))
    assert isinstance(end, ns.Finished)
    assert set(end.result.metrics) >= {"test_entity_recall", "test_entity_f1"}
    assert "test_f1" not in end.result.metrics


def test_labels_that_mark_no_entities_have_no_such_metric(inside: Path) -> None:
    (inside / "speech.conll").write_text(as_lines(sentences()).replace("B-PER", "NAME").replace("B-LOC", "TOWN"))
    text = f'data "speech.conll" {{ test 25% }}\n{LAYERS.replace("epochs 30", "epochs 1")}'
    (inside / "speech.net").write_text(text)
    assert "entity_f1" not in cli(inside, "new", "--data", "speech.conll", "-o", "-").stdout
    list(ns.train(ns.load(inside / "speech.net"), out=inside / "speech"))
    found = ns.open(inside / "speech").evaluate()
    assert (found.entities, list(found.metrics)) == (None, ["f1"])
    assert "entity" not in cli(inside, "eval", "speech").stdout
    (inside / "asked.net").write_text(text.replace("epochs 1", "epochs 1; metrics entity_f1"))
    says = "`metrics entity_f1`: entity_f1 is measured of words whose labels mark entities, such as B-PER and I-PER"
    assert f"error[E0311]: {says}" in cli(inside, "check", "asked.net").stdout
    (inside / "asked.net").write_text(text.replace("epochs 1", "metrics entity_f1").replace("speech", "ner"))
    assert cli(inside, "check", "asked.net").returncode == 0
    done = cli(inside, "train", "asked.net", "--data", "speech.conll")
    assert (done.returncode, says in done.stderr) == (1, True)


def test_padding_changes_nothing(here: Path) -> None:
    """A network that looks at each word by itself learns the same from sentences that are filled up further."""
    losses = []
    for length in (5, 9):
        text = f'data "ner.conll" {{ text words length={length}; test 25% }}\n{LAYERS.replace("epochs 30", "epochs 3")}'
        (here / "padded.net").write_text(text)
        *_, end = ns.train(ns.load(here / "padded.net"))
        assert isinstance(end, ns.Finished)
        losses.append((end.result.test_loss, end.result.test_accuracy))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_words_with_their_labels(inside: Path) -> None:
    done = cli(inside, "predict", "run", "--text", "Ada lives in Oslo", "--text", "Emmy sleeps")
    assert done.stdout.splitlines()[0] == "text 1[0]: Ada/B-PER lives/O in/O Oslo/B-LOC"
    assert "text 2: 1 of 2 words is unknown to the model" in done.stderr
    found = [json.loads(line) for line in cli(inside, "predict", "run", "ner.jsonl", "--json").stdout.splitlines()]
    assert [tuple(one["tokens"]) for one in found] == [tuple(word for word, _ in own) for own in sentences()]
    assert [tuple(one["predicted"]) for one in found] == [tuple(label for _, label in own) for own in sentences()]
    assert all(0 < p <= 1 for one in found for p in one["probability"])


def test_what_it_is_not_for_is_said_with_what_works(inside: Path) -> None:
    done = cli(inside, "generate", "run", "--prompt", "Ada")
    assert "is no language model: it gives each word a label" in done.stderr
    done = cli(inside, "plot", "run", "saliency", "ner.conll")
    assert "fix: `netspec eval run` says how good they are" in done.stderr
    assert cli(inside, "eval", "run").returncode == 0


def test_answers_in_files(inside: Path) -> None:
    (inside / "other.txt").write_text("Kurt lives in Bern.\n\nAda lives in Rome for a very long time\n")
    done = cli(inside, "predict", "run", "other.txt", "-o", "out.csv")
    assert "out.csv: 2 sentences" in done.stdout
    assert "other.txt: 4 words behind the first 5 of a sentence get no label" in done.stderr
    rows = list(csv.DictReader(io.StringIO((inside / "out.csv").read_text())))
    assert [(r["sentence"], r["word"], r["predicted"]) for r in rows[:4]] == [
        ("0", "Kurt", "B-PER"),
        ("0", "lives", "O"),
        ("0", "in", "O"),
        ("0", "Bern", "B-LOC"),
    ]
    assert rows[-1]["predicted"] == ""
    assert len(rows) == 14
    cli(inside, "predict", "run", "ner.conll", "-o", "out.json")
    kept = json.loads((inside / "out.json").read_text())
    assert (len(kept), kept[0]["tokens"][0], kept[0]["predicted"][0]) == (32, "Ada", "B-PER")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gone.conll",), "gone.conll does not exist"),
        (("--text", "  "), "has no words"),
        (("ner.conll", "--threshold", "0.5"), "--threshold is for others"),
        (("ner.conll", "-o", "x.npy"), "are no array"),
        (("ragged.conll",), "line 2 of ragged.conll has 3 columns"),
    ],
)
def test_what_cannot_be_labelled(inside: Path, arguments: Any, says: str) -> None:
    (inside / "ragged.conll").write_text("a O\nb O O\n")
    done = cli(inside, "predict", "run", *arguments)
    assert done.returncode != 0
    assert says in done.stderr


def test_sentences_of_other_labels(inside: Path) -> None:
    (inside / "odd.conll").write_text("Ada B-GOD\n\nKurt B-PER\n")
    done = cli(inside, "eval", "run", "--data", "odd.conll")
    assert "line 1 of odd.conll has the label 'B-GOD', which the model has not learned" in done.stderr
    (inside / "few.conll").write_text("Ada B-PER\nsleeps O\n\nKurt B-PER\n")
    done = cli(inside, "eval", "run", "--data", "few.conll")
    assert "few.conll: 2 examples" in done.stdout


def test_in_python(here: Path) -> None:
    run = ns.open(here / "run")
    (first, second) = run.tag(["Ada lives", ["Oslo", "now"]])
    assert (first.words, first.labels) == (("Ada", "lives"), ("B-PER", "O"))
    assert (second.words, second.labels) == (("Oslo", "now"), ("B-LOC", "O"))
    assert run.tag("Ada")[0].labels == ("B-PER",)
    for wrong in ([[]], [[""]], [""], [[1]]):
        with pytest.raises(DataError):
            run.tag(wrong)
    with pytest.raises(DataError, match=r"run\.tag"):
        run.predict(["Ada lives"])


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("embedding 4; globalpool; fc classes softmax", "each word has a label, but the network ends in 3"),
        ("embedding 4; fc 7 softmax pointwise", "ends in 7x5, but ner.conll has 3 labels"),
        ("input 6; fc 3 softmax", "token numbers"),
    ],
)
def test_networks_that_give_no_label_for_each_word(inside: Path, layers: str, says: str) -> None:
    (inside / "wrong.net").write_text(f'data "ner.conll"\n{layers}\n')
    assert says in cli(inside, "check", "wrong.net").stdout


def test_the_end_that_is_proposed_labels_each_word(inside: Path) -> None:
    (inside / "wrong.net").write_text('data "ner.conll"\nembedding 4; fc 7 softmax pointwise\n')
    with pytest.raises(DataError, match=r"the network has 7 outputs, but .* has 3 classes") as raised:
        list(ns.train(ns.load(inside / "wrong.net")))
    assert "`fc 3 softmax pointwise`" in (raised.value.fix or "")


def test_a_run_of_json_lines_opens_and_goes_on(inside: Path) -> None:
    text = f'data "ner.jsonl" {{ text words tagged; test 25% }}\n{LAYERS.replace("epochs 30", "epochs 1")}'
    (inside / "lists.net").write_text(text)
    list(ns.train(ns.load(inside / "lists.net"), out=inside / "lists"))
    again = ns.open(inside / "lists")
    assert again.evaluate().examples == len(again.dataset().test)
    assert again.evaluate("ner.conll").examples == again.evaluate().examples
    done = cli(inside, "train", "ner.net", "--data", "plain.txt", "--epochs", "1")
    assert done.returncode == 0
    assert cli(inside, "generate", "lists").returncode != 0
    assert cli(inside, "data", "show", "lists.net", "--split", "-o", "parts.csv").returncode == 0
    assert len((inside / "parts.csv").read_text().splitlines()) == 33
