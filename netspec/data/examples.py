"""Reading a `.npy` file of examples to classify."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.checks import as_pixels, as_tokens, shape_text
from netspec.diagnostics import DataError
from netspec.files import kind_of

__all__ = ["read_examples"]


def read_examples(path: str | Path, shape: tuple[int, ...], tokens: int | None = None) -> NDArray[Any]:
    """Return the examples in a `.npy` file.

    Args:
        path: of an array of the shape (N, *shape) or `shape` itself, which is one example; images of one
            channel may leave the channel out, and vectors may be given as images of as many numbers.
        shape: of one example: (C, H, W), (F, L) or (F,).
        tokens: how many there are, where the examples are token numbers.

    Returns:
        (N, *shape), uint8 or float32; int32 token numbers.

    Raises:
        DataError: the file cannot be read, or holds examples of another type or shape, values not finite, or more than
            fits into memory.
    """
    array = _load(Path(path))
    try:
        return _checked(path, array, shape, tokens)
    except MemoryError:
        raise DataError(
            f"{path} does not fit into memory: it holds {shape_text(array.shape)} values", "split it into several files"
        ) from None


def _checked(path: str | Path, array: NDArray[Any], shape: tuple[int, ...], tokens: int | None) -> NDArray[Any]:
    examples = _in_shape(array, shape)
    if examples is None:
        raise DataError(
            f"{path} holds an array of {shape_text(array.shape)}, but the network takes {shape_text(shape)}",
            f"give an array of the shape (N, {', '.join(map(str, shape))})",
        )
    return as_tokens(examples, str(path), tokens) if tokens else as_pixels(examples, str(path))


def _load(path: Path) -> NDArray[Any]:
    kind = kind_of(path, DataError)
    if kind != "file":
        wrong = "is a folder" if kind == "folder" else "is not a file" if kind else "does not exist"
        raise DataError(f"{path} {wrong}", "give the path of a .npy file")
    try:
        # Mapped, not read: then a header that claims more than the file holds is found out, not allocated.
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # the header is a Python literal: NumPy raises whatever a damaged one leads to
        raise DataError(f"{path} cannot be read as a .npy file: {error}", "write it with np.save") from error


def _in_shape(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the array as (N, *shape); None when it does not fit."""
    if not array.ndim:
        return None
    without_channel = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    if array.shape in (shape, without_channel):
        return np.array(array).reshape(1, *shape)
    vectors = len(shape) == 1 and math.prod(array.shape[1:]) == shape[0]
    if array.shape[1:] in (shape, without_channel) or vectors:
        return np.array(array).reshape(len(array), *shape)
    return None
