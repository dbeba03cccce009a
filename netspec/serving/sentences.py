"""The sentences of a request to a model that gives each word a label: as JSON, or as a text of lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.serving.errors import RequestError
from netspec.serving.given import NAME, Given, require_few, wrong_type
from netspec.serving.json_body import json_value
from netspec.serving.options import Options
from netspec.serving.served import INSTANCES, Served
from netspec.sources.texts.reading import text_of
from netspec.sources.texts.tagged import WORD_KEYS, parse_objects
from netspec.sources.texts.vocabulary import pieces
from netspec.workflows.tagging import notes_of, sentences_of, tokens_for

__all__ = ["read_sentences"]

_MOST_WORDS = 1_000_000
"""Of a request: each is answered with its label, also behind what is read of a sentence."""

_LINES = {"application/jsonl", "application/x-ndjson"}
_SENTENCE = 'give a sentence, or a list of its words: {"tokens": ["Ada", "codes"]}'


def read_sentences(served: Served, bodies: Iterable[tuple[bytes, str, str]], options: Options) -> Given:
    """Return the sentences in a request.

    Args:
        served: the model that is asked.
        bodies: what was sent, each with its content type and what messages call it.
        options: of which none is for such models.

    Raises:
        DataError: a sentence does not fit the model.
        RequestError: a body is no such thing, or there is too much.
    """
    if options.threshold is not None:
        raise RequestError(400, "the model gives each word a label: a threshold is for others", "leave threshold out")
    words: list[tuple[str, ...]] = []
    for content, media, name in bodies:
        words += _sentences(served, content, media, name)
    require_few(served, len(words))
    count = sum(map(len, words))
    if count > _MOST_WORDS:
        raise RequestError(413, f"{NAME} has {count:,} words", f"{_MOST_WORDS:,} are the most: send several requests")
    if not words:
        raise DataError(f"{NAME} has no sentences", "give at least one")
    array = served.run.checked(tokens_for(served.run, words))
    return Given(array, ("",) * len(words), tuple(notes_of(served.run, words, NAME)), tuple(words))


def _sentences(served: Served, body: bytes, media: str, name: str) -> list[tuple[str, ...]]:
    if media == "application/json" or media.endswith("+json"):
        return _in_json(json_value(body, name), name)
    if media in _LINES:
        return list(parse_objects(text_of(body, name), name, labelled=False).words)
    if media == "text/plain":
        return sentences_of(text_of(body, name), name)
    raise wrong_type(media, served)


def _in_json(value: Any, name: str) -> list[tuple[str, ...]]:
    """Return the words of each sentence of a value: it is one, or a list of them."""
    if isinstance(value, Mapping) and list(value) == [INSTANCES]:
        # As clients of other servers write it.
        value = value[INSTANCES]
    if not isinstance(value, list):
        return [_words(value, name)]
    return [_words(each, f"sentence {number:,} of {name}") for number, each in enumerate(value, 1)]


def _words(given: Any, name: str) -> tuple[str, ...]:
    """Return the words of a sentence: of a text, a list of them, or an object that has the list."""
    if isinstance(given, Mapping):
        key = next((key for key in WORD_KEYS if key in given), None)
        if key is None:
            raise DataError(f"{name} has no list `{WORD_KEYS[0]}`", _SENTENCE)
        name, given = f"{name}: `{key}`", given[key]
        if isinstance(given, str):
            raise DataError(f"{name} is a text, and no list of words", _SENTENCE)
    words = pieces("words", given) if isinstance(given, str) else given
    if not isinstance(words, list):
        raise DataError(f"{name} is no sentence", _SENTENCE)
    if not words:
        raise DataError(f"{name} has no words", _SENTENCE)
    wrong = next((number for number, word in enumerate(words, 1) if not isinstance(word, str) or not word.strip()), 0)
    if wrong:
        raise DataError(f"word {wrong:,} of {name} is no text, or empty", _SENTENCE)
    return tuple(words)
