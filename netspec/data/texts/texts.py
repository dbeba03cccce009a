"""Texts as arrays: examples of so many tokens, each with the tokens that follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.sources.how_read import HowRead
from netspec.sources.preparation import Preparation
from netspec.sources.survey import completed, require_no_groups
from netspec.sources.tables.inputs import tokenizer_of
from netspec.sources.texts.trees import divided_text
from netspec.sources.texts.vocabulary import Vocabulary

__all__ = ["load_text"]


def load_text(
    path: Path,
    data: DataSource,
    outputs: tuple[int, ...],
    fitted: Preparation | None = None,
    *,
    tokens: int | None = None,
    folder: Path | None = None,
) -> Dataset:
    """Return a text, or those in a folder or an archive, as examples one behind the other, which do not overlap.

    Args:
        path: of the text, the folder or the archive.
        data: how it is divided and cut.
        outputs: the shape of the network's output: with positions the target is the next token at each, else the one
            behind the example.
        fitted: what a trained model knows; its vocabulary is that of the training part unless given.
        tokens: how many the network takes; as many as there are unless given.
        folder: of the spec, for what it names beside the text.

    Raises:
        DataError: it cannot be read, is too short, has what the vocabulary does not, or too many tokens.
    """
    if fitted is None:
        require_no_groups(data)
    data = completed(data)
    assert data.text is not None
    assert data.text.length is not None
    how = HowRead.of(data, like=fitted is not None)
    parts = divided_text(path, str(path), data.text, data.test, learned=fitted is not None, how=how)
    known = fitted.vocabulary if fitted else None
    own = known or parts.vocabulary(data.text.unit, data.text.size, tokenizer_of(data.text, folder))
    if tokens is not None and len(own) > tokens:
        raise DataError(
            f"{path} has {plural(len(own), 'token')}, but the network takes {tokens}",
            "leave `input` out, or say `tokens=tokens` there, and end with `fc tokens softmax pointwise`",
        )
    numbers = {
        name: _numbers(part, own, path)
        for name, part in (("training", parts.train), ("test", parts.test), ("validation", parts.validation))
        if part or name != "validation"
    }
    short = {name for name, part in numbers.items() if len(part) <= data.text.length} if known else set()
    if short and parts.is_cut:
        # What is too little to be divided is all for the test.
        numbers = {"training": np.zeros(0, np.int32), "test": np.concatenate(list(numbers.values()))}
    elif short - {"test"}:
        # A test part of its own is looked at alone.
        numbers = {"training": np.zeros(0, np.int32), "test": numbers["test"]}
    made = {
        name: _examples(part, data.text.length, len(outputs) > 1, f"{path}: the {name} part")
        for name, part in numbers.items()
    }
    return Dataset.of(
        str(path),
        made["training"],
        made["test"],
        (),
        parts.notices,
        preparation=Preparation(vocabulary=own),
        validation=made.get("validation"),
        cut=parts.is_cut,
    )


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
    count = max(0, len(numbers) - 1) // length
    if count < 1 and len(numbers):
        raise DataError(
            f"{what} has {plural(len(numbers), 'token')}, and an example takes {length + 1}",
            "give a longer text, or shorter examples: `text chars length=32`",
        )
    images = numbers[: count * length].reshape(count, length)
    following = numbers[1 : count * length + 1].reshape(count, length)
    return Split(images, following if positions else np.ascontiguousarray(following[:, -1]))
