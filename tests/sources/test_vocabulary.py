"""Vocabularies: text to numbers and back."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.recipe.settings import Text
from netspec.sources.texts.reading import divided
from netspec.sources.texts.vocabulary import GrowingText, Vocabulary


@given(st.text(min_size=1))
def test_characters_and_bytes_come_back_as_they_were(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode("utf-8") or "a"
    for unit in ("chars", "bytes"):
        vocabulary = Vocabulary.of(unit, text)  # type: ignore[arg-type]
        numbers = vocabulary.encode(text)
        assert vocabulary.decode(numbers) == text
        assert all(0 <= n < len(vocabulary) for n in numbers)
        assert not vocabulary.missing(text)


def test_a_word_without_end_is_none_that_is_known() -> None:
    vocabulary = Vocabulary.of("words", "a b " + "x" * 100_000)
    assert vocabulary.tokens == ("a", "b")
    assert vocabulary.encode("x" * 100_000) == [2]


@given(st.lists(st.sampled_from(["one", "Two", "don't", ",", ".", "(", ")", "\n", "été"]), min_size=1))
def test_words_come_back_with_the_usual_spaces(words: list[str]) -> None:
    vocabulary = Vocabulary.of("words", " ".join(words))
    text = vocabulary.decode(vocabulary.encode(" ".join(words)))
    assert vocabulary.encode(text) == [vocabulary.numbers[word] for word in words]


@given(st.sampled_from(["chars", "words", "bytes"]), st.text(max_size=20), st.integers(0, 20))
def test_a_text_grows_to_what_its_tokens_are(unit: str, text: str, cut: int) -> None:
    text = "don't (you) say: été.\n" + text.encode("utf-8", "ignore").decode("utf-8")
    vocabulary = Vocabulary.of(unit, text)  # type: ignore[arg-type]
    numbers = vocabulary.encode(text)
    before = vocabulary.decode(numbers[:cut]) if unit != "bytes" else ""
    growing = GrowingText(vocabulary, before)
    pieces = [growing.add(number) for number in (numbers[cut:] if unit != "bytes" else numbers)]
    assert before + "".join(pieces) + growing.finish() == vocabulary.decode(numbers)


def test_what_grows_behind_a_prompt() -> None:
    words = Vocabulary.of("words", "to be ( or\nnot .")
    for before, expected in (("to", " be."), ("to ", "be."), ("to (", "be."), ("to\n", "be."), ("", "be.")):
        growing = GrowingText(words, before)
        assert "".join(growing.add(words.numbers[token]) for token in ("be", ".")) == expected
    octets = GrowingText(Vocabulary(unit="bytes"))
    assert [octets.add(number) for number in "é!".encode()] == ["", "é", "!"]
    assert [octets.add(0xC3), octets.finish()] == ["", "\ufffd"]


def test_words_are_in_the_order_of_their_frequency_and_rare_ones_are_one_token() -> None:
    text = "b b b a a c d . ."
    assert Vocabulary.of("words", text).tokens == ("b", ".", "a", "c", "d")
    few = Vocabulary.of("words", text, size=3)
    assert (few.tokens, few.unknown, len(few)) == (("b", "."), True, 3)
    assert few.encode("b a z .") == [0, 2, 2, 1]
    assert few.decode([0, 2]) == "b \ufffd"


def test_characters_that_only_the_test_part_has_are_one_token() -> None:
    vocabulary = Vocabulary.of("chars", "abca", others="abz")
    assert (vocabulary.tokens, len(vocabulary)) == (("a", "b", "c"), 4)
    assert vocabulary.encode("az") == [0, 3]
    assert vocabulary.missing("zaz") == ["z"]
    assert len(Vocabulary.of("chars", "abca", others="cab")) == 3


def test_what_is_not_known_has_no_number() -> None:
    with pytest.raises(KeyError):
        Vocabulary.of("chars", "ab").encode("c")


@pytest.mark.parametrize(
    "content",
    [
        {"unit": "chars", "tokens": ["a", "a"]},
        {"unit": "chars", "tokens": []},
        {"unit": "bytes", "tokens": ["a"]},
        {"unit": "chars", "tokens": [""]},
        {"unit": "lines", "tokens": ["a"]},
        {"unit": "chars", "tokens": ["a"], "more": 1},
    ],
)
def test_a_vocabulary_from_elsewhere_is_checked(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Vocabulary.model_validate(content)


@given(st.text(alphabet="ab .é", min_size=1, max_size=80), st.sampled_from(["chars", "words", "bytes"]))
def test_a_divided_text_is_whole(text: str, unit: str) -> None:
    settings = Text(unit=unit, length=3)  # type: ignore[arg-type]
    for test in (None, 0.25, 2):
        parts = divided(text, settings, test)
        assert parts.train + parts.test == text


def test_a_number_of_test_examples_is_kept_exactly() -> None:
    text = "one two, three four five six."
    for unit in ("chars", "bytes", "words"):
        parts = divided(text, Text(unit=unit, length=2), 2)  # type: ignore[arg-type]
        tokens = Vocabulary.of(unit, text).encode(parts.test)  # type: ignore[arg-type]
        assert len(tokens) == 2 * 2 + 1
    assert Counter(divided("abcd", Text(length=9), 1).test) == Counter("abcd")
