"""Texts as examples, and a language model trained on one, resumed, evaluated and opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import netspec as ns
from netspec.data.for_network import load_data
from netspec.data.texts.texts import load_text
from netspec.diagnostics.diagnostic import DataError, ModelFileError
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.runs import model_file
from netspec.sources.preparation import Preparation
from netspec.workflows.trained import open_run

SPEC = 'data "book.txt" { text chars length=8; test 20% }\nembedding 4; lstm 6; fc tokens softmax pointwise\n'
BOOK = "to be, or not to be: that is the question.\n" * 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("texts")
    (folder / "book.txt").write_text(BOOK, encoding="utf-8")
    (folder / "s.net").write_text(SPEC + "train { epochs 1; batch 16 }\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    for _ in ns.train(folder / "s.net", out=folder / "run"):
        pass
    return folder / "run"


def test_targets_are_what_follows(folder: Path) -> None:
    data = DataSource(name="book.txt", text=Text(length=8))
    dataset = load_text(folder / "book.txt", data, (17, 8))
    assert dataset.preparation is not None
    vocabulary = dataset.preparation.vocabulary
    assert vocabulary is not None
    train = dataset.train
    whole = vocabulary.decode(train.images.reshape(-1).tolist())
    assert BOOK.startswith(whole)
    after = vocabulary.decode(train.labels.reshape(-1).tolist())
    assert BOOK[1:].startswith(after)
    last = load_text(folder / "book.txt", data, (17,))
    np.testing.assert_array_equal(last.train.labels, train.labels[:, -1])


def test_a_language_model_knows_its_vocabulary(run: Path, folder: Path) -> None:
    opened = open_run(run)
    assert opened.vocabulary is not None
    assert set(opened.vocabulary.tokens) == set(BOOK)
    assert opened.evaluate().metrics["perplexity"] == pytest.approx(np.exp(opened.evaluate().loss), rel=1e-5)
    (folder / "other.txt").write_text("to be that is not the question " * 2, encoding="utf-8")
    # It has no test part, and all of it is new to the model.
    assert (opened.evaluate(folder / "other.txt").examples, opened.evaluate(folder / "other.txt").split) == (7, "all")
    assert opened.evaluate(folder / "other.txt", split="test").examples == 1
    assert opened.evaluate(folder / "book.txt").split == "test"
    (folder / "wrong.txt").write_text("TO BE" * 20, encoding="utf-8")
    with pytest.raises(DataError, match="never seen: 'T', 'O', 'B' and 'E'"):
        opened.evaluate(folder / "wrong.txt")


def test_what_reads_what_it_is_to_give_is_noticed(folder: Path) -> None:
    for layer in ("attention 2", "attention 2 causal", "lstm 4 bidirectional last"):
        end = "fc tokens softmax" + ("" if "last" in layer else " pointwise")
        text = f'data "book.txt" {{ text chars length=8 }}\nembedding 4; {layer}; {end}\ntrain {{ epochs 1 }}'
        (folder / "ahead.net").write_text(text, encoding="utf-8")
        events = ns.train(folder / "ahead.net")
        first = next(events)
        noticed = isinstance(first, ns.Notice) and "`attention 2` (attention_1) reads the tokens that" in first.text
        assert noticed is (layer == "attention 2")


@pytest.mark.parametrize("name", ["book.txt", "book.md"])
@pytest.mark.parametrize("of", ["text", "file"])
def test_another_text_is_learned_where_its_own_is_not_there(folder: Path, tmp_path: Path, of: str, name: str) -> None:
    spec = SPEC.replace("book.txt", "none.txt")
    (tmp_path / "s.net").write_text(spec, encoding="utf-8")
    (folder / name).write_text(BOOK, encoding="utf-8")
    network = spec if of == "text" else tmp_path / "s.net"
    events = ns.train(network, folder / name, epochs=1)
    started = next(event for event in events if isinstance(event, ns.Started))
    assert (started.dataset, started.train) == (str(folder / name), 51)


def test_a_text_of_more_tokens_than_the_network_takes_is_refused(folder: Path) -> None:
    count = len(set(BOOK))
    spec = SPEC.replace("\nembedding", f"\ninput 8 tokens={count - 1}\nembedding").replace(
        "fc tokens", f"fc {count - 1}"
    )
    with pytest.raises(DataError, match=f"has {count} tokens, but the network takes {count - 1}"):
        load_data(ns.parse(spec), folder / "book.txt")


def test_what_is_said_of_other_data_names_that(folder: Path) -> None:
    with pytest.raises(ns.SpecError, match=r"book\.txt has no classes"):
        list(ns.train("data mnist; fc classes softmax", folder / "book.txt"))


def test_it_is_resumed_and_another_text_is_noticed(run: Path, folder: Path) -> None:
    last = list(ns.resume(run, epochs=2))[-1]
    assert isinstance(last, ns.Finished)
    assert open_run(run).vocabulary is not None
    (folder / "book.txt").write_text(BOOK + "to", encoding="utf-8")
    with pytest.raises(ns.NetspecError, match="SHA-256"):
        list(ns.resume(run, epochs=3))
    (folder / "book.txt").write_text(BOOK, encoding="utf-8")


def test_a_damaged_vocabulary_is_refused(run: Path, tmp_path: Path) -> None:
    model = model_file.read(run / "last.safetensors")
    assert model.preparation is not None
    assert model.preparation.vocabulary is not None
    fewer = model.preparation.vocabulary.model_copy(update={"tokens": model.preparation.vocabulary.tokens[:-1]})
    changed = model_file.ModelFile(
        model.network,
        model.graph,
        model.arrays,
        model.labels,
        model.training,
        preparation=Preparation(vocabulary=fewer),
    )
    model_file.write(tmp_path / "m.safetensors", changed)
    with pytest.raises(ModelFileError, match="vocabulary is of another size"):
        model_file.read(tmp_path / "m.safetensors")


def test_a_text_that_is_too_short_is_refused(folder: Path) -> None:
    (folder / "short.txt").write_text("to be, or not to be", encoding="utf-8")
    with pytest.raises(DataError, match="the test part has 2 tokens, and an example takes 9"):
        load_text(folder / "short.txt", DataSource(name="short.txt", text=Text(length=8)), (17, 8))


@pytest.mark.parametrize("test", ["", "; test 3", "; test 60%"])
def test_a_folder_is_divided_again_as_it_was_learned(tmp_path: Path, test: str) -> None:
    def write(name: str, count: int) -> Path:
        for number in range(count):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / f"{number}.txt").write_text(f"{number} of them, and no other is as this one")
        return tmp_path / name

    def joined(name: str) -> int:
        return len("\n\n".join(file.read_text() for file in (tmp_path / name).iterdir()))

    write("books", 20)
    spec = f'data "books" {{ text chars length=8; target next{test} }}\nembedding 2; lstm 2; '
    (tmp_path / "s.net").write_text(f"{spec}fc tokens softmax pointwise")
    net = ns.load(tmp_path / "s.net")
    learned = load_data(net, base=tmp_path)
    again = load_data(net, base=tmp_path, preparation=learned.preparation)
    assert (again.sha256, len(again.test)) == (learned.sha256, len(learned.test))
    # Of a folder with a test part of its own that is looked at, however little there is beside it.
    write("other/test", 12)
    (tmp_path / "other" / "train").mkdir()
    (tmp_path / "other" / "train" / "0.txt").write_text("no")
    other = load_data(net, tmp_path / "other", preparation=learned.preparation)
    assert (len(other.train), len(other.test)) == (0, joined("other/test") // 8)
    few = load_data(net, write("few", 2), preparation=learned.preparation)
    if test == "; test 3":
        assert (len(few.train), len(few.test)) == (0, joined("few") // 8)
    else:
        assert len(few.train) == len(few.test) > 0
