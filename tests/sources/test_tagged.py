"""Files with a label for each word: what is read, what is refused, and how sentences are divided."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.texts.tagged import (
    Sentences,
    are_tagged,
    encoded,
    fit_sentences,
    parse_sentences,
    parts_of_sentences,
    vocabulary_of,
)

LINES = "Ada\tB-PER\ncodes\tO\n\nIn O\nRome B-LOC\n. O\n"
OBJECTS = '{"tokens": ["Ada", "codes"], "labels": ["B-PER", "O"]}\n\n{"words": ["Hi"], "ner_tags": ["O"]}\n'


def read(text: str, *, labelled: bool = True) -> Sentences:
    return parse_sentences(text, "ner.conll", labelled=labelled)


@pytest.mark.parametrize(
    ("text", "words", "labels", "lines"),
    [
        (LINES, [("Ada", "codes"), ("In", "Rome", ".")], [("B-PER", "O"), ("O", "B-LOC", "O")], [1, 4]),
        ("a X O\nb Y B", [("a", "b")], [("O", "B")], [1]),
        ("-DOCSTART- O\n\n# text = a\na O\n# O\n", [("a", "#")], [("O", "O")], [4]),
        ("New York\tB-LOC\n\n\n\nx\tO\n", [("New York",), ("x",)], [("B-LOC",), ("O",)], [1, 5]),
        (OBJECTS, [("Ada", "codes"), ("Hi",)], [("B-PER", "O"), ("O",)], [1, 3]),
    ],
)
def test_what_is_read(text: str, words: object, labels: object, lines: object) -> None:
    found = read(text)
    assert (list(found.words), list(found.labels), list(found.lines)) == (words, labels, lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Ada\ncodes\n", "line 1 of ner.conll has one column, 'Ada', and no label"),
        ("Ada B\ncodes\n", "line 2 of ner.conll has 1 column, and the first 2"),
        ("Ada B\ncodes O O\n", "line 2 of ner.conll has 3 columns, and the first 2"),
        ("Ada\tB\n\tO\n", "line 2 of ner.conll has a column with nothing in it"),
        ("\n\n", "has no sentences"),
        ('{"tokens": ["a", "b"], "labels": ["O"]}', "line 1 of ner.conll has 2 tokens and 1 label"),
        ('{"tokens": ["a"]}', "line 1 of ner.conll has no list `labels`"),
        ('{"labels": ["a"]}', "line 1 of ner.conll has no list `tokens`"),
        ('{"tokens": [], "labels": []}', "no list `tokens`"),
        ('{"tokens": "a b", "labels": ["O"]}', "`tokens` is no list of texts"),
        ('{"tokens": ["a", ""], "labels": ["O", "O"]}', "`tokens` is no list of texts"),
        ('{"tokens": ["a"], "labels": [1]}', "`labels` has numbers for labels"),
        ('{"tokens": ["a", "b"], "ner_tags": [0, 1]}', "`ner_tags` has numbers for labels"),
        ('{"tokens": ["\\ud83d"], "labels": ["O"]}', "line 1 of ner.conll has half a character"),
        ('{"tokens": [7], "labels": ["O"]}', "`tokens` has numbers for words"),
        ('{"tokens": ["a"], "labels": [true]}', "`labels` is no list of texts"),
        ('{"tokens": ["a"], "labels": ["O"]}\n{', "line 2 of ner.conll is no JSON"),
        ('{"tokens": ["a"], "labels": ["O"]}\n[1]', "line 2 of ner.conll has no list `tokens`"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says.replace("(", r"\(")):
        read(text)


def test_words_without_labels_to_be_predicted() -> None:
    assert read("Ada\ncodes\n", labelled=False).words == [("Ada", "codes")]
    assert read('{"tokens": ["Ada"]}', labelled=False).words == [("Ada",)]
    assert read(LINES, labelled=False).words == read(LINES).words


@pytest.mark.parametrize(
    ("name", "text", "tagged"),
    [
        ("a.txt", LINES, True),
        ("a.tsv", LINES, True),
        ("a.txt", "This is a text.\n\nIt has words.\n", False),
        ("a.tsv", "a\tb\n1\t2\n", False),
        ("a.jsonl", OBJECTS, True),
        ("a.jsonl", '{"text": "a", "label": "b"}\n', False),
        ("a.jsonl", "", False),
    ],
)
def test_whether_a_file_looks_so(tmp_path: Path, name: str, text: str, tagged: bool) -> None:
    (tmp_path / name).write_text(text)
    assert are_tagged(tmp_path / name) is tagged
    assert not are_tagged(tmp_path / "gone.txt")


def many(count: int = 60) -> Sentences:
    words = [(f"w{i % 40}", "is") for i in range(count)]
    return Sentences("s", words, [("RARE" if i == 7 else "B", "O") for i in range(count)], range(1, count + 1))


def test_equal_sentences_stay_together_and_each_label_is_learned() -> None:
    found = many()
    rows = parts_of_sentences(found, DataSource(name="s.conll", validation=0.2, test=0.3))
    assert sorted(row for own in rows.values() for row in own) == list(range(60))
    parts = {part: {found.words[row] for row in own} for part, own in rows.items()}
    assert not parts["train"] & parts["test"]
    assert not parts["train"] & parts["validation"]
    assert found.classes(rows["train"]) == ("B", "O", "RARE")
    # A sentence that is added moves no other.
    more = parts_of_sentences(many(61), DataSource(name="s.conll", validation=0.2, test=0.3))
    assert sum(len(set(more[part]) ^ set(rows[part])) for part in rows) <= 3


@pytest.mark.parametrize(("count", "test"), [(1, 0.2), (2, 5)])
def test_too_few_sentences(count: int, test: float) -> None:
    with pytest.raises(DataError, match="leaves none"):
        parts_of_sentences(many(count), DataSource(name="s.conll", test=test))


def test_what_is_fitted() -> None:
    found = many()
    made = fit_sentences(found, DataSource(name="s.conll", text=Text(unit="words", length=1), test=0.3))
    assert made.input.length == 1
    assert any("60 sentences of s are longer than 1 words" in notice for notice in made.notices)
    known = vocabulary_of([("a", "b", "a")], None)
    assert encoded([("a", "b", "c", "")], known) == [[1, 2, 3, 3]]
    assert vocabulary_of([("a", "b", "a", "c")], 2).tokens == ("a",)
    with pytest.raises(DataError, match="one label"):
        fit_sentences(Sentences("s", [("a",), ("b",), ("c",)], [("O",)] * 3, [1, 2, 3]), DataSource(name="s.conll"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "s.conll", "text": Text()},
        {"name": "s.conll", "target": "next"},
        {"name": "s.conll", "group": "{}_*"},
        {"name": "s.conll", "test": 0},
        {"name": "s.jsonl", "text": Text(unit="words", tagged=True), "columns": ("tokens",)},
        {"name": "s.conll", "resize": "fit"},
    ],
)
def test_settings_that_are_for_other_data(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"say `text words`|leave|images|needed"):
        DataSource(**wrong)  # type: ignore[arg-type]
