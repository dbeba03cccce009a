"""Texts on the command line, from a look at them to the class of another one."""

from __future__ import annotations

import csv
import io
import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import cli, lines

import netspec as ns
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.texts import bpe
from netspec.sources.texts.vocabulary import Vocabulary
from netspec.workflows.compiling import compile_network
from netspec.workflows.trained import open_run

GOOD, BAD, BOTH = (
    ["good", "great", "fine"],
    ["bad", "poor", "weak"],
    ["the", "film", "was", "a", "very", "long", "new", "one"],
)
TRAIN = "train { optimizer adam lr=0.05; epochs 25; batch 16 }\n"


def reviews(count: int = 40) -> list[tuple[str, str]]:
    """Return texts with what they are: one word of each says it."""
    draw = random.Random(5)
    made = []
    for i in range(count):
        kind, own = ("pos", GOOD) if i % 2 else ("neg", BAD)
        words = [draw.choice(BOTH) for _ in range(draw.randint(2, 8))] + [draw.choice(own)]
        draw.shuffle(words)
        made.append((" ".join(words), kind))
    return made


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts in folders, in a table and as JSON Lines, and two runs: of the folders, and of the table."""
    path: Path = tmp_path_factory.mktemp("texts")
    for at, (text, kind) in enumerate(reviews()):
        (path / "reviews" / kind).mkdir(parents=True, exist_ok=True)
        (path / "reviews" / kind / f"{at:02}.txt").write_text(text, encoding="utf-8")
    with (path / "reviews.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([("review", "stars", "kind"), *((t, i % 5, k) for i, (t, k) in enumerate(reviews()))])
    rows = [json.dumps({"text": text, "label": kind}) for text, kind in reviews()]
    (path / "reviews.jsonl").write_text("\n".join(rows), encoding="utf-8")
    layers = "embedding 8; globalpool; fc classes softmax\n"
    specs = {
        "folder": f'data "reviews" {{ text words length=10 }}\n{layers}',
        "table": f'data "reviews.csv" {{ target kind; text words length=10; drop stars }}\n{layers}',
    }
    for name, text in specs.items():
        (path / f"{name}.net").write_text(text + TRAIN, encoding="utf-8")
        done = cli(path, "train", f"{name}.net", "-o", name, "--quiet")
        assert done.returncode == 0, done.stderr
    return path


def test_a_text_is_classified(here: Path) -> None:
    for run in ("folder", "table"):
        done = cli(here, "predict", run, "--text", "a great film", "--text", "a bad film", "--json")
        assert done.returncode == 0, done.stderr
        first, second = lines(done.stdout)
        assert (first["text"], first["label"], second["label"]) == ("a great film", "pos", "neg")
    plain = cli(here, "predict", "folder", "--text", "a great film").stdout
    assert plain.startswith('"a great film": pos (')
    assert "then neg" in plain


def test_files_folders_and_standard_input_are_classified(here: Path) -> None:
    (here / "one.txt").write_bytes("﻿a fine\r\nfilm".encode())
    assert cli(here, "predict", "folder", "one.txt").stdout.startswith("one.txt: pos (")
    assert cli(here, "predict", "table", "one.txt").stdout.startswith("one.txt: pos (")
    assert cli(here, "predict", "folder", "-", stdin=b"the film was weak").stdout.startswith("<stdin>: neg (")
    rows = b"review,note\nthe film was weak,x\n"
    assert cli(here, "predict", "table", "-", stdin=rows).stdout.startswith("<stdin>: neg (")
    done = cli(here, "predict", "folder", "reviews", "-o", "out.csv")
    assert (done.returncode, done.stdout) == (0, "out.csv: 40 examples\n")
    answers = list(csv.DictReader(io.StringIO((here / "out.csv").read_text(encoding="utf-8"))))
    assert list(answers[0]) == ["file", "predicted", "probability"]
    right = sum(answer["file"].split("/")[1] == answer["predicted"] for answer in answers)
    assert right >= 36
    cli(here, "predict", "folder", "--text", "weak, weak", "-o", "out.csv")
    assert (here / "out.csv").read_text(encoding="utf-8").startswith('text,predicted,probability\n"weak, weak",neg,')
    cli(here, "predict", "table", "reviews.csv", "-o", "out.csv")
    head = (here / "out.csv").read_text(encoding="utf-8").split("\n", 1)[0]
    assert head == "review,stars,kind,predicted,probability"
    run = open_run(here / "folder")
    assert [p.label for p in run.predict(["great", "poor"])] == ["pos", "neg"]


def test_what_is_no_text_is_refused(here: Path) -> None:
    (here / "bad").mkdir()
    (here / "bad" / "a.txt").write_bytes(b"\xff\xfea\0b")
    (here / "bad" / "b.txt").write_bytes(b"")
    (here / "bad" / "c.txt").write_bytes(b"great")
    done = cli(here, "predict", "folder", "bad")
    assert done.returncode == 1
    assert "bad/a.txt is no UTF-16" in done.stderr
    assert "bad/b.txt is empty" in done.stderr
    assert done.stdout.startswith("bad/c.txt: pos")
    for words in (["--text", " "], ["none.txt"], []):
        done = cli(here, "predict", "folder", *words)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert "--data" not in done.stderr  # is for no example
    (here / "digits.net").write_text("data digits; flatten; fc 10 softmax; train { epochs 1; batch 500 }")
    cli(here, "train", "digits.net", "-o", "digits", "--quiet")
    assert "it learned from none with classes" in cli(here, "predict", "digits", "--text", "a").stderr


def test_other_texts_are_looked_at_as_a_whole(here: Path) -> None:
    for at, (name, text) in enumerate([("pos", "a great one"), ("pos", "fine"), ("neg", "poor")]):
        (here / "other" / name).mkdir(parents=True, exist_ok=True)
        (here / "other" / name / f"{at}.txt").write_text(text, encoding="utf-8")
    done = cli(here, "eval", "folder", "--data", "other")
    assert "folder/best.safetensors on other: 3 examples\n" in done.stdout
    assert "has no test part: all of it is looked at; --split test" in done.stderr
    assert "1 test example" in cli(here, "eval", "folder", "--data", "other", "--split", "test").stdout
    own = lines(cli(here, "eval", "folder", "--json").stdout)[0]
    again = lines(cli(here, "eval", "folder", "--data", "reviews", "--json").stdout)[0]
    assert (own["split"], again["split"], own["loss"]) == ("test", "test", again["loss"])
    assert lines(cli(here, "eval", "folder/best.safetensors", "--data", "reviews", "--json").stdout)[0] == again
    table = lines(cli(here, "eval", "folder", "--data", "reviews.jsonl", "--json").stdout)[0]
    assert (table["split"], table["examples"]) == ("all", 40)
    assert "has no column 'text'" in cli(here, "eval", "folder", "--data", "reviews.csv").stderr
    (here / "few.csv").write_text("review,kind\na great one,pos\n", encoding="utf-8")
    assert lines(cli(here, "eval", "table", "--data", "few.csv", "--json").stdout)[0]["examples"] == 1


@pytest.mark.slow
def test_a_starter_spec_is_written_and_trains(here: Path) -> None:
    shown = cli(here, "data", "show", "reviews").stdout
    assert "reviews: 40 texts, " in shown
    assert "lengths: 3 to 9 words, " in shown
    for data in ("reviews", "reviews.csv", "reviews.jsonl"):
        spec = f"new_{data}.net"
        assert cli(here, "new", "--data", data, "-o", spec, *(["--target", "kind"] * ("csv" in data))).returncode == 0
        done = cli(here, "train", spec, "--epochs", "1", "-o", f"run_{data}", "--quiet")
        assert done.returncode == 0, done.stderr
        assert cli(here, "fmt", "--check", spec).returncode == 0
    (here / "book.txt").write_text("to be or not to be, that is the question\n" * 60, encoding="utf-8")
    assert "720 words (10 different), 2,460 characters" in cli(here, "data", "show", "book.txt").stdout
    assert cli(here, "new", "--data", "book.txt").returncode == 0
    done = cli(here, "train", "book.net", "--epochs", "1", "-o", "book", "--quiet")
    assert done.returncode == 0, done.stderr
    assert cli(here, "data", "show", "reviews", "-o", "x.png").returncode == 1
    record = json.loads((here / "folder" / "lock.json").read_text(encoding="utf-8"))["split"]["parts"]
    for name in ("folder.net", "reviews"):
        parts = lines(cli(here, "data", "show", name, "--split", "--json", "-o", "parts.csv").stdout)
        assert [(part["part"], part["classes"]) for part in parts] == [
            ("train", record["training"]["classes"]),
            ("test", record["test"]["classes"]),
        ]
        with (here / "parts.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == 40
        assert all(row["file"].startswith(row["class"] + "/") for row in rows)
    (here / "next.net").write_text(
        'data "reviews" { text chars length=8; target next }\nembedding 2; lstm 2; fc tokens\n'
    )
    for name, said in (("next.net", "is read as one text"), ("book.txt", "is no table, and no pictures or texts")):
        refused = cli(here, "data", "show", name, "--split")
        assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr


def test_a_text_is_learned_by_a_spec_that_names_no_data(here: Path) -> None:
    (here / "plain.txt").write_text("to be or not to be, that is the question\n" * 60, encoding="utf-8")
    (here / "none.net").write_text("embedding 4; rnn 4; fc tokens softmax pointwise\ntrain { epochs 1; batch 16 }\n")
    done = cli(here, "train", "none.net", "--data", "plain.txt", "-o", "none", "--quiet")
    assert done.returncode == 0, done.stderr
    assert cli(here, "generate", "none", "--length", "3").returncode == 0
    run = open_run(here / "none")
    assert run.network.data is not None
    assert (run.network.data.name, run.network.data.target) == ("plain.txt", "next")


def test_padding_counts_nowhere(here: Path) -> None:
    """Law: a text that is filled up further has the same answer."""
    run = open_run(here / "folder")
    examples = next(iter(run.texts(["a great film", "what is it"])))[1].array
    assert (examples != 0).sum(axis=1).tolist() == [3, 3]
    text = f"input 16 tokens={run.network.tokens} mask=0\nembedding 8; globalpool; fc 2 softmax"
    longer = compile_network(ns.parse(text))
    found = longer.forward(run.variables, np.pad(examples, ((0, 0), (0, 6))))
    np.testing.assert_allclose(found, run.outputs(examples), rtol=1e-6)
    with pytest.raises(DataError):
        run.predict(["", "x"])


@pytest.mark.slow
def test_pieces_of_words_travel_in_the_model(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    (here / "poem.txt").write_text("the café sat on the mat — the hat\n" * 60, encoding="utf-8")
    made = tokenizers.Tokenizer.from_str(Vocabulary.of("bpe", "the cat sat on the mat " * 50, size=270).tokenizer)
    made.save(str(here / "tokenizer.json"))
    layers = "embedding 4; rnn 4; fc tokens softmax pointwise\ntrain { epochs 1; batch 16 }\n"
    for name, how in (("learned", "size=270"), ("read", 'file="tokenizer.json"')):
        spec = f'data "poem.txt" {{ text bpe {how} length=8 }}\n{layers}'
        (here / f"{name}.net").write_text(spec, encoding="utf-8")
        done = cli(here, "train", f"{name}.net", "-o", name, "--quiet")
        assert done.returncode == 0, done.stderr
    (here / "tokenizer.json").unlink()
    for name in ("learned", "read"):
        done = cli(here, "generate", name, "--prompt", "the café", "--length", "12")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("the café")
        assert cli(here, "eval", name, "--split", "test").returncode == 0
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    bpe._loaded.cache_clear()
    done = cli(here, "generate", "learned")
    assert (done.returncode, "pip install 'netspec[text]'" in done.stderr) == (1, True)
