"""The vocabulary of a text: which tokens there are, text to their numbers and back."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.texts import bpe

__all__ = ["BYTES", "GrowingText", "Unit", "Vocabulary", "pieces", "word_starts"]

Unit: TypeAlias = Literal["chars", "words", "bytes", "bpe"]
"""What a token is: a character, a word or a mark of punctuation, a byte of UTF-8, or a piece of a word."""

BYTES = 256

_LONGEST = 200
"""A longer word is none that is worth a number."""

_WORD = re.compile(r"\w+(?:['’]\w+)*|\n|[^\w\s]")
_TIGHT_BEFORE, _TIGHT_AFTER = frozenset(".,;:!?)]}'’”%\n"), frozenset("([{\n“")


class Vocabulary(BaseModel):
    """The tokens of a text, each with a number: its place in the order.

    Attributes:
        unit: what a token is.
        tokens: them all, but for bytes, which need no list, and pieces of words, which the tokenizer knows.
        unknown: whether the number behind the last stands for whatever is none of them.
        tokenizer: of pieces of words, as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    unit: Unit
    tokens: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)] = ()
    unknown: bool = False
    tokenizer: Annotated[str, Field(max_length=bpe.MOST_BYTES)] = ""

    @model_serializer(mode="wrap")
    def _without_tokenizer(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # An older netspec reads what does not have one.
        fields: dict[str, Any] = dump(self)
        return fields if self.tokenizer else {name: value for name, value in fields.items() if name != "tokenizer"}

    @model_validator(mode="after")
    def _each_once(self) -> Vocabulary:
        if len(set(self.tokens)) < len(self.tokens):
            raise ValueError("a token is there twice")
        if (self.unit in {"bytes", "bpe"}) == bool(self.tokens):
            raise ValueError("bytes and pieces of words have no list of tokens, and all else has one")
        if (self.unit == "bpe") != bool(self.tokenizer) or (self.unit == "bpe" and self.unknown):
            raise ValueError("pieces of words have a tokenizer, which knows all, and nothing else has one")
        return self

    @classmethod
    def of(cls, unit: Unit, text: str, *, size: int | None = None, others: str = "", tokenizer: str = "") -> Vocabulary:
        """Return the vocabulary of a text.

        Characters are in the order of their code points, words in that of their frequency. A word of more than 200
        characters is none that is known.

        Args:
            unit: what a token is.
            text: what it is made of, the training part.
            size: how many tokens at most, the most frequent, one for all others among them.
            others: further texts that are to be read with it, which may hold what this one does not.
            tokenizer: of pieces of words, which are learned unless it is given.

        Raises:
            DataError: there are more tokens than a model file has room for.
        """
        if unit == "bytes":
            return cls(unit=unit)
        if unit == "bpe":
            return cls(unit=unit, tokenizer=tokenizer or bpe.learned([text], size or bpe.SIZE))
        if unit == "chars":
            counts, more = Counter(text), set(others)
        else:
            counts, more = Counter(token for token in pieces(unit, text) if len(token) <= _LONGEST), set()
        cut = size is not None and len(counts) > size
        # A text always holds words that no other does.
        unknown = unit == "words" or cut or not more <= set(counts)
        kept = sorted(counts, key=lambda token: (-counts[token], token))
        kept = kept[: size - 1] if cut and size is not None else kept
        # In the header of a model file each stands in quotes that are escaped, behind a comma.
        if sum(len(token.encode("utf-8", "replace")) + 6 for token in kept) > bpe.ROOM:
            message = f"there are {len(kept):,} different {unit}, more than a model file has room for"
            raise DataError(message, f"keep the most frequent: `text {unit} size=50000`")
        return cls(unit=unit, tokens=tuple(sorted(kept) if unit == "chars" else kept), unknown=unknown)

    def __len__(self) -> int:
        """Return how many numbers there are."""
        if self.unit == "bpe":
            return bpe.tokens_of(self.tokenizer)
        return BYTES if self.unit == "bytes" else len(self.tokens) + self.unknown

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text; what is not known gets that of unknown tokens.

        Raises:
            KeyError: a token is not known, and there is no number for such ones.
        """
        if self.unit == "bytes":
            return list(text.encode("utf-8"))
        if self.unit == "bpe":
            return bpe.encode(text, self.tokenizer)
        found = pieces(self.unit, text)
        if self.unknown:
            return [self.numbers.get(token, len(self.tokens)) for token in found]
        return [self.numbers[token] for token in found]

    def missing(self, text: str) -> list[str]:
        """Return the tokens of a text that are not known, each once, in their order."""
        if self.unit in {"bytes", "bpe"}:
            return []
        return [token for token in dict.fromkeys(pieces(self.unit, text)) if token not in self.numbers]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of some numbers; unknown ones are written as �, words with the usual spaces."""
        if self.unit == "bytes":
            return bytes(numbers).decode("utf-8", errors="replace")
        if self.unit == "bpe":
            return bpe.decode(numbers, self.tokenizer)
        tokens = [self.tokens[n] if n < len(self.tokens) else "\ufffd" for n in numbers]
        return "".join(tokens) if self.unit == "chars" else _spaced(tokens)


class GrowingText:
    """A text that is written token by token, behind another one.

    Args:
        vocabulary: of the tokens.
        before: what stands before it: words keep a space from it where one belongs.
    """

    def __init__(self, vocabulary: Vocabulary, before: str = "") -> None:
        self._vocabulary = vocabulary
        self._end = before[-1:]
        self._utf8 = getincrementaldecoder("utf-8")(errors="replace")
        self._shown: list[int] = []
        self._held: list[int] = []

    def add(self, number: int) -> str:
        """Return what one more token adds to the text: nothing, as long as bytes are no whole character."""
        if self._vocabulary.unit == "bytes":
            return self._utf8.decode(bytes([number]))
        if self._vocabulary.unit == "bpe":
            return self._add_piece(number)
        token = self._vocabulary.decode([number])
        if self._vocabulary.unit == "chars":
            return token
        space = self._end and not self._end.isspace() and _spaced([self._end, token]) != self._end + token
        self._end = token[-1]
        return " " + token if space else token

    def _add_piece(self, number: int) -> str:
        """Return what a piece of a word adds, which may depend on the one before it."""
        self._held.append(number)
        new = self._piece()
        if new.endswith("\ufffd"):
            return ""
        self._shown, self._held = self._held, []
        return new

    def _piece(self) -> str:
        """Return the text of the pieces that are not shown yet, behind those that were shown last."""
        before = self._vocabulary.decode(self._shown)
        return self._vocabulary.decode([*self._shown, *self._held])[len(before) :]

    def finish(self) -> str:
        """Return what is left of a character that did not become whole."""
        if self._held:
            return self._piece()
        return self._utf8.decode(b"", final=True)


def pieces(unit: Unit, text: str) -> Sequence[str]:
    """Return a text cut into its characters, or into words and marks of punctuation."""
    return text if unit == "chars" else _WORD.findall(text)


def word_starts(text: str) -> list[int]:
    """Return where the words and marks of punctuation of a text begin."""
    return [match.start() for match in _WORD.finditer(text)]


def _spaced(words: Sequence[str]) -> str:
    """Return words with a space between two where one belongs."""
    made: list[str] = []
    for word in words:
        if made and word[0] not in _TIGHT_BEFORE and made[-1][-1] not in _TIGHT_AFTER:
            made.append(" ")
        made.append(word)
    return "".join(made)
