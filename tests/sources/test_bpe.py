"""Pieces of words: what is learned, that texts come back, and tokenizers of others, sound or not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.settings import Text
from netspec.sources.tables.inputs import tokenizer_of
from netspec.sources.texts import bpe
from netspec.sources.texts.reading import divided
from netspec.sources.texts.vocabulary import GrowingText, Vocabulary

tokenizers: Any = pytest.importorskip("tokenizers")

BOOK = "the cat sat on the mat; the hat is on the cat.\n" * 20
LEARNED = Vocabulary.of("bpe", BOOK, size=280)


def test_frequent_pieces_are_learned_and_always_the_same() -> None:
    assert bpe.SIZE > 280 >= len(LEARNED) > 256
    assert Vocabulary.of("bpe", BOOK, size=280) == LEARNED
    numbers = LEARNED.encode("the cat")
    # By hand: ` the` and ` cat` are among the most frequent pieces.
    assert len(numbers) <= 3
    assert all(0 <= number < len(LEARNED) for number in numbers)
    assert not LEARNED.missing("what is that? 日本")


@given(st.text(max_size=60))
def test_whatever_is_read_comes_back(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode("utf-8")
    numbers = LEARNED.encode(text)
    assert LEARNED.decode(numbers) == text
    growing = GrowingText(LEARNED)
    pieces = [growing.add(number) for number in numbers]
    assert not any("\ufffd" in piece for piece in pieces) or "\ufffd" in text
    assert "".join(pieces) + growing.finish() == text


def test_long_texts_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "_PIECE", 7)
    for text in (BOOK, "a" * 50, "\n" * 30):
        assert LEARNED.decode(LEARNED.encode(text)) == text


def test_bytes_that_make_no_character_are_held_back_and_then_said() -> None:
    growing = GrowingText(LEARNED)
    first = LEARNED.encode("é")[0]
    assert (growing.add(first), growing.finish()) == ("", "\ufffd")


def test_the_test_part_is_not_learned_from() -> None:
    settings = Text(unit="bpe", size=280, length=8)
    made = divided(BOOK + "zebra quagga " * 10, settings, 0.2)
    other = divided(BOOK + "x" * 130, settings, 0.2)
    assert made.train == other.train
    assert made.vocabulary("bpe", 280) == other.vocabulary("bpe", 280)
    with pytest.raises(DataError, match="`test 5` counts tokens"):
        divided(BOOK, settings, 5)


def test_a_vocabulary_of_pieces_has_its_tokenizer() -> None:
    again = Vocabulary.model_validate_json(LEARNED.model_dump_json())
    assert again.encode("the hat") == LEARNED.encode("the hat")
    assert "tokenizer" not in Vocabulary.of("chars", "ab").model_dump()
    for wrong in ({"unit": "bpe"}, {"unit": "bpe", "tokens": ("a",)}, {"unit": "bytes", "tokenizer": "{}"}):
        with pytest.raises(ValidationError):
            Vocabulary.model_validate(wrong)


def of_others(path: Path) -> None:
    """Write a tokenizer as others have one: with a token of its own, and settings that are not for here."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE(dropout=0.5))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([BOOK], trainer)
    made.enable_truncation(2)
    made.enable_padding(length=50)
    made.save(str(path))


def test_a_tokenizer_of_others_is_read(tmp_path: Path) -> None:
    of_others(tmp_path / "t.json")
    made = Vocabulary.of("bpe", "", tokenizer=tokenizer_of(Text(unit="bpe", file="t.json"), tmp_path))
    oracle = tokenizers.Tokenizer.from_file(str(tmp_path / "t.json"))
    assert len(made) == oracle.get_vocab_size()
    text = "the cat sat on the mat<end>"
    assert made.encode(text) == made.encode(text)
    assert made.decode(made.encode(text)) == text
    assert len(made.encode("the " * 40)) >= 40


MODEL = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
HOSTILE: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "is no JSON"),
    "deep": ("[" * 100_000, "is no JSON"),
    "a list": ("[]", "has no `model`"),
    "no model": ('{"model": 3}', "has no `model`"),
    "another kind": ('{"model": {"type": "WordPiece"}}', "of the kind WordPiece"),
    "no vocabulary": ('{"model": {"type": "BPE"}}', "has no `vocab`"),
    "numbers": (json.dumps({"model": {**MODEL, "vocab": {"a": 4_000_000_000}}}), "different ones below 1,000,000"),
    "below": (json.dumps({"model": {**MODEL, "vocab": {"a": -1}}}), "different ones below"),
    "twice": (json.dumps({"model": {**MODEL, "vocab": {"a": 1, "b": 1}}}), "different ones below"),
    "texts": (json.dumps({"model": {**MODEL, "vocab": {"a": "x"}}}), "different ones below"),
    "no pair": (json.dumps({"model": {**MODEL, "merges": [["a"]]}}), "no pair of tokens"),
    "no token": (json.dumps({"model": {**MODEL, "merges": [["b", "a"]]}}), "does not have: 'ba'"),
    "prefix": (json.dumps({"model": {**MODEL, "continuing_subword_prefix": "####"}}), "does not go on"),
    "rest": (json.dumps({"model": MODEL, "added_tokens": 3}), "cannot be read as a tokenizer"),
    "surrogates": ('{"model": {"type": "BPE", "vocab": {"\\ud800": 0, "a": 1}, "merges": []}}', "no UTF-8"),
    "alone": (json.dumps({"model": {**MODEL, "vocab": {"a": 0}, "merges": []}}), "has 1 tokens"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_tokenizers_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        bpe.read(tmp_path / "t.json", "t.json")
    assert caught.value.message.startswith("t.json ")


def test_a_tokenizer_lies_beside_the_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    of_others(tmp_path / "t.json")
    with pytest.raises(DataError, match=r"t\.json does not exist"):
        tokenizer_of(Text(unit="bpe", file="t.json"), tmp_path / "in")
    (tmp_path / "in" / "link.json").symlink_to(tmp_path / "t.json")
    with pytest.raises(DataError, match="leads outside"):
        tokenizer_of(Text(unit="bpe", file="link.json"), tmp_path / "in")
    monkeypatch.setattr(bpe, "MOST_BYTES", 100)
    with pytest.raises(DataError, match="more than 100 bytes"):
        bpe.read(tmp_path / "t.json", "t.json")
    monkeypatch.undo()
    monkeypatch.setattr(bpe, "ROOM", 1000)
    with pytest.raises(DataError, match="a model file has room for 1,000"):
        bpe.read(tmp_path / "t.json", "t.json")
    with pytest.raises(DataError, match="a model file has room for 1,000"):
        bpe.learned([BOOK], 280)
    with pytest.raises(DataError, match="400 different words, more than a model file has room for"):
        Vocabulary.of("words", " ".join(f"w{i}" for i in range(400)))


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(bpe.NoLibraryError, match="not installed") as caught:
        Vocabulary.of("bpe", "some text", size=300)
    assert "pip install 'netspec[text]'" in caught.value.fix
