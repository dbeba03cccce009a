"""Texts as arrays: examples of so many tokens, each with the tokens that follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.network import DataSource
from netspec.sources.preparation import Preparation
from netspec.sources.survey import completed, vocabulary_of
from netspec.sources.texts import divided, read_text
from netspec.sources.vocabulary import Vocabulary

__all__ = ["load_text"]


def load_text(
    path: Path,
    data: DataSource,
    outputs: tuple[int, ...],
    fitted: Preparation | None = None,
    *,
    tokens: int | None = None,
) -> Dataset:
    """Return a text as examples one behind the other, which do not overlap.

    Args:
        path: of the text.
        data: how it is divided and cut.
        outputs: the shape of the network's output: with positions the target is the next token at each, else the one
            behind the example.
        fitted: what a trained model knows; its vocabulary is that of the training part unless given.
        tokens: how many the network takes; as many as there are unless given.

    Raises:
        DataError: it cannot be read, is too short, has what the vocabulary does not, or too many tokens.
    """
    data = completed(data)
    assert data.text is not None
    assert data.text.length is not None
    text = read_text(path, str(path))
    own = vocabulary_of(data, text) if fitted is None or fitted.vocabulary is None else fitted.vocabulary
    if tokens is not None and len(own) > tokens:
        raise DataError(
            f"{path} has {plural(len(own), 'token')}, but the network takes {tokens}",
            "leave `input` out, or say `tokens=tokens` there, and end with `fc tokens softmax pointwise`",
        )
    parts = divided(text, data.text, data.test)
    train, test = (
        _examples(_numbers(part, own, path), data.text.length, len(outputs) > 1, f"{path}: the {name} part")
        for name, part in (("training", parts.train), ("test", parts.test))
    )
    return Dataset.of(str(path), train, test, (), preparation=Preparation(vocabulary=own))


def _numbers(text: str, vocabulary: Vocabulary, path: Path) -> NDArray[np.int32]:
    if not vocabulary.unknown:
        missing = vocabulary.missing(text)
        if missing:
            shown = listing([repr(token) for token in missing[:5]], "and")
            more = f", and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise DataError(
                f"{path} has what the model has never seen: {shown}{more}", "leave it out, or train on a text with it"
            )
    return np.asarray(vocabulary.encode(text), np.int32)


def _examples(numbers: NDArray[np.int32], length: int, positions: bool, what: str) -> Split:
    """Return examples of tokens with what follows."""
    count = (len(numbers) - 1) // length
    if count < 1:
        raise DataError(
            f"{what} has {plural(len(numbers), 'token')}, and an example takes {length + 1}",
            "give a longer text, or shorter examples: `text chars length=32`",
        )
    images = numbers[: count * length].reshape(count, length)
    following = numbers[1 : count * length + 1].reshape(count, length)
    return Split(images, following if positions else np.ascontiguousarray(following[:, -1]))
