"""Byte-pair encoding, by Hugging Face's tokenizers: learned from a text, or read from a `tokenizer.json`.

The tokenizer travels as its JSON, as data. It comes from anywhere: how large it may be is limited, and whatever is
wrong with it is one error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.system.files import kind_of, open_to_read

__all__ = ["MOST_BYTES", "SIZE", "NoLibraryError", "decode", "encode", "learned", "read", "tokens_of"]


class NoLibraryError(DataError):
    """The library that reads tokenizers is not installed."""


SIZE = 8000
"""Tokens that are learned where nothing else is said."""

MOST_BYTES = 50_000_000
"""Of the file of a tokenizer, which may be written with many blanks."""

ROOM = 12_000_000
"""Bytes of a vocabulary in the header of a model file, which has 16 MiB in all."""

_MOST_TOKENS = 1_000_000
_PIECE = 1_000_000
"""So many characters are encoded at a time: what the library keeps of each takes a hundred times the memory."""


def learned(texts: Iterable[str], size: int) -> str:
    """Return the JSON of a tokenizer that learns the most frequent pieces of some texts; the same for the same ones.

    It begins with the 256 bytes, so that no text has anything that it does not know.
    """
    library = _library()
    made = library.Tokenizer(library.models.BPE())
    made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=size, initial_alphabet=sorted(alphabet), show_progress=False)
    made.train_from_iterator((piece for text in texts for piece in _pieces(text)), trainer)
    return _compact(json.loads(made.to_str()), f"a tokenizer of {size:,} tokens", "say a smaller `size=`")


def read(path: Path, name: str) -> str:
    """Return the JSON of the tokenizer in a file.

    Args:
        path: of it.
        name: what messages call it.

    Raises:
        DataError: it is not there, or is no tokenizer of this kind.
    """
    kind = kind_of(path, DataError)
    if kind != "file":
        missing = "does not exist" if kind is None else "is not a file"
        fix = "put the tokenizer beside the spec; `text bpe size=8000` learns one"
        raise DataError(f"{name} {missing}", fix)
    try:
        with open_to_read(path) as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}", "give a file that can be read") from None
    if len(content) > MOST_BYTES:
        raise DataError(f"{name} has more than {MOST_BYTES:,} bytes", "give a smaller tokenizer")
    facts = _facts(content, name)
    text = _compact(facts, name, "give a smaller tokenizer")
    tokens_of(text, name)
    return text


def _facts(content: str | bytes, name: str) -> dict[str, Any]:
    """Return what a tokenizer says; raises DataError where it is none of this kind, or would make the library panic."""
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        raise _wrong(name, "is no JSON") from None
    model = facts.get("model") if isinstance(facts, dict) else None
    if not isinstance(model, dict):
        raise _wrong(name, "is no tokenizer: it has no `model`")
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind != "BPE":
        raise _wrong(name, f"is a tokenizer of the kind {str(kind)[:40]}, and `text bpe` reads those of BPE")
    _require_sound(model, name)
    # Chance in how a text is cut is for the training of other libraries: here the same text is the same numbers.
    return {**facts, "model": {**model, "dropout": None}}


def _require_sound(model: dict[str, Any], name: str) -> None:
    """Raise DataError where the tokens and merges of a model do not go together."""
    vocabulary, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocabulary, dict) or not isinstance(merges, list):
        raise _wrong(name, "has no `vocab` of tokens with numbers, or no list of `merges`")
    numbers = set(vocabulary.values()) if all(type(n) is int for n in vocabulary.values()) else set()
    if len(numbers) < len(vocabulary) or not all(0 <= number < _MOST_TOKENS for number in numbers):
        raise _wrong(name, f"has tokens whose numbers are not different ones below {_MOST_TOKENS:,}")
    before = model.get("continuing_subword_prefix") or ""
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise _wrong(name, f"has a merge that is no pair of tokens: {str(merge)[:40]}")
        left, right = pair
        if not isinstance(before, str) or not right.startswith(before):
            raise _wrong(name, f"merges {left[:40]!r} with {right[:40]!r}, which does not go on from it")
        lost = next((one for one in (left, right, left + right[len(before) :]) if one not in vocabulary), None)
        if lost is not None:
            raise _wrong(name, f"merges to a token that it does not have: {lost[:40]!r}")


def tokens_of(text: str, name: str = "the tokenizer") -> int:
    """Return how many tokens a tokenizer has: their numbers are below that; raises DataError where it is none."""
    return int(_loaded(text, name)[1])


def encode(text: str, tokenizer: str) -> list[int]:
    """Return the numbers of a text's tokens; nothing is put around it."""
    made = _loaded(tokenizer, "the tokenizer")[0]
    numbers: list[int] = []
    for piece in _pieces(text):
        numbers += made.encode(piece, add_special_tokens=False).ids
    return numbers


def decode(numbers: Iterable[int], tokenizer: str) -> str:
    """Return the text of some tokens; bytes that are no whole character are written as �."""
    return str(_loaded(tokenizer, "the tokenizer")[0].decode(list(numbers), skip_special_tokens=False))


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces that end behind a line break, as far as there are some."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        if end < len(text):
            end = (text.rfind("\n", start, end) + 1) or end
        yield text[start:end]
        start = end


def _compact(facts: dict[str, Any], name: str, fix: str) -> str:
    """Return the JSON of a tokenizer; raises DataError where a model file has no room for it."""
    try:
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _wrong(name, "has texts that are no UTF-8") from None
    # There it is a text in JSON within a text in JSON.
    size = len(json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False).encode())
    if size > ROOM:
        raise DataError(f"{name} takes {size:,} bytes, and a model file has room for {ROOM:,}", fix)
    return text


@lru_cache(maxsize=4)
def _loaded(text: str, name: str) -> tuple[Any, int]:
    """Return a tokenizer, and how many tokens it has."""
    library = _library()
    _facts(text, name)
    try:
        made = library.Tokenizer.from_str(text)
        # Examples are cut and filled up here.
        made.no_truncation()
        made.no_padding()
        tokens = max(made.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        made.encode("a", add_special_tokens=False)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # what is wrong deep in the library is a panic, which is no Exception
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise _wrong(name, f"cannot be read as a tokenizer: {why[:200]}") from None
    if not 2 <= tokens <= _MOST_TOKENS:
        raise _wrong(name, f"has {tokens:,} tokens, and there are 2 to {_MOST_TOKENS:,}")
    return made, tokens


def _wrong(name: str, what: str) -> DataError:
    return DataError(f"{name} {what}", "give the tokenizer.json of Hugging Face's tokenizers, or `text bpe size=8000`")


def _library() -> Any:
    try:
        # A dependency that only those need who cut texts into pieces of words.
        import tokenizers  # noqa: PLC0415
        from tokenizers import decoders, models, pre_tokenizers, trainers  # noqa: F401, PLC0415
    except ImportError:
        raise NoLibraryError(
            "`text bpe` needs the library tokenizers, which is not installed",
            "install it: pip install 'netspec[text]'; `text words` and `text chars` do without",
        ) from None
    return tokenizers
