"""Several texts that are one to a language model: their order, what is between them, what is for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.texts.facts import are_texts, length_for, text_facts
from netspec.sources.texts.trees import divided_text, has_classes

SETTINGS = Text(length=4)


def folder(path: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(text.encode())
    return path


def many(count: int) -> dict[str, str]:
    return {f"{i:03}.txt": f"the text of number {i}\r\n" for i in range(count)}


def test_texts_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    texts = {"b.txt": " second \n\n", "a.txt": "first\r\n", "c/d.txt": "third", "e.txt": "\n", ".hidden.txt": "no"}
    made = divided_text(folder(tmp_path / "s", texts | {"test/t.txt": "test", "x.md": "no"}), "s", SETTINGS, None)
    # A folder `test/` without `train/` is no part of a set, but one like any other.
    assert made.train + made.test != ""
    parts = {f"train/{name}": text for name, text in texts.items()} | {"test/t.txt": "test", "val/v.txt": "held out"}
    made = divided_text(folder(tmp_path / "p", parts), "p", SETTINGS, None)
    assert (made.train, made.test, made.validation) == ("first\n\nsecond\n\nthird\n", "test\n", "held out\n")
    assert (made.notices, made.is_cut) == (("1 text of p is empty",), False)
    with pytest.raises(DataError, match=r"`test 20%` draws texts for the test, but p has a test/ of its own"):
        divided_text(tmp_path / "p", "p", SETTINGS, 0.2)


def test_whole_texts_are_drawn_and_others_move_none(tmp_path: Path) -> None:
    few = divided_text(folder(tmp_path / "few", many(40)), "few", SETTINGS, 0.25)
    more = divided_text(folder(tmp_path / "more", many(60)), "more", SETTINGS, 0.25)
    drawn = few.test.split("\n\n")
    assert 3 <= len(drawn) <= 17
    assert set(few.train.strip().split("\n\n")) | set(few.test.strip().split("\n\n")) == {
        text.strip() for text in many(40).values()
    }
    assert {text.strip() for text in drawn} <= {text.strip() for text in more.test.split("\n\n")}
    assert few.is_cut
    exact = divided_text(tmp_path / "few", "few", SETTINGS, 7)
    assert len(exact.test.strip().split("\n\n")) == 7
    with pytest.raises(DataError, match="`test 40` of 40 texts in few leaves none to learn from"):
        divided_text(tmp_path / "few", "few", SETTINGS, 40)
    two = divided_text(folder(tmp_path / "two", many(2)), "two", SETTINGS, None)
    assert two.train
    assert two.test
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.txt").write_text("abcdefghij" * 3, encoding="utf-8")
    one = divided_text(tmp_path / "one", "one", SETTINGS, 0.2)
    assert (one.train + one.test, len(one.test)) == ("abcdefghij" * 3 + "\n", 6)


def test_what_lies_in_folders_has_classes(tmp_path: Path) -> None:
    folder(tmp_path / "s", many(2))
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    words = Text(unit="words")
    assert has_classes(DataSource(name="s", text=words), tmp_path)
    assert not has_classes(DataSource(name="s", text=words, target="next"), tmp_path)
    assert not has_classes(DataSource(name="a.txt"), tmp_path)
    assert has_classes(DataSource(name="missing", text=words), tmp_path)
    assert has_classes(DataSource(name="missing.zip", text=words), tmp_path)
    assert not has_classes(DataSource(name="missing.md", text=words), tmp_path)
    assert has_classes(DataSource(name="missing", text=Text(whole=True)), tmp_path)


def test_texts_at_a_glance(tmp_path: Path) -> None:
    counter = pytest.importorskip("sklearn.feature_extraction.text")
    texts = {"pos/a.txt": "good good film", "pos/b.txt": "good one", "neg/c.txt": "bad film", "neg/d.txt": "bad film"}
    path = folder(tmp_path / "s", texts)
    assert are_texts(path)
    facts = text_facts(path, "s")
    assert (facts.classes, facts.lengths) == (("neg", "pos"), [2, 2, 2, 3])
    assert [[name for _, name in group] for group in facts.twice] == [["neg/c.txt", "neg/d.txt"]]
    oracle = counter.CountVectorizer()
    sums = oracle.fit_transform(texts.values()).sum(axis=0).tolist()[0]
    assert dict(facts.frequent) == {word: sums[at] for word, at in oracle.vocabulary_.items()}
    assert (facts.median, facts.share_above(2)) == (2, 0.25)
    assert length_for([3] * 95 + [100] * 5) == 16
