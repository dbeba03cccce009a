"""Reading a `.npy` file of examples to classify."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netspec.data.arrays import npz
from netspec.data.arrays.forms import in_form
from netspec.data.checks import as_pixels, as_tokens, shape_text
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.ir.network import Input
from netspec.recipe.array_names import ArrayNames
from netspec.system.files import kind_of

__all__ = ["array_in", "checked_examples", "formed_examples", "read_examples", "read_formed", "read_inputs"]


def read_examples(
    source: str | Path | bytes, shape: tuple[int, ...], tokens: int | None = None, *, name: str | None = None
) -> NDArray[Any]:
    """Return the examples in a `.npy` file.

    Args:
        source: its path, or what is in it: an array of the shape (N, *shape) or `shape` itself, which is one example;
            images of one channel may leave the channel out, and vectors may be given as images of as many numbers.
        shape: of one example: (C, H, W), (F, L) or (F,).
        tokens: how many there are, where the examples are token numbers.
        name: what messages call it; its path unless given.

    Returns:
        (N, *shape), uint8 or float32; int32 token numbers.

    Raises:
        DataError: the file cannot be read, or holds examples of another type or shape, values not finite, or more than
            fits into memory.
    """
    return read_formed(source, shape, tokens, name=name)[0]


def read_formed(
    source: str | Path | bytes, shape: tuple[int, ...], tokens: int | None = None, *, name: str | None = None
) -> tuple[NDArray[Any], list[str]]:
    """Return the examples in a `.npy` file as `read_examples` does, and what to say of them."""
    name = str(source) if name is None else name
    array = array_in(source, name) if isinstance(source, bytes) else _load(Path(source), name)
    try:
        return formed_examples(name, array, shape, tokens)
    except MemoryError:
        raise DataError(
            f"{name} does not fit into memory: it holds {shape_text(array.shape)} values", "split it into several files"
        ) from None


def checked_examples(name: str, array: NDArray[Any], shape: tuple[int, ...], tokens: int | None) -> NDArray[Any]:
    """Return examples in their shape, (N, *shape); raises DataError where they do not fit."""
    return formed_examples(name, array, shape, tokens)[0]


def formed_examples(
    name: str, array: NDArray[Any], shape: tuple[int, ...], tokens: int | None
) -> tuple[NDArray[Any], list[str]]:
    """Return examples in their shape, and what to say of how they were brought into it; errors as above."""
    if array.dtype.kind not in "buif" or array.size == 0:
        (formed,), notices = [array], list[str]()
    elif array.shape == shape:
        (formed,), notices = in_form([array[None]], [name], shape, tokens, checked=False)
    else:
        (formed,), notices = in_form([array], [name], shape, tokens, checked=False) if array.ndim else ([array], [])
    examples = _in_shape(formed, shape)
    if examples is None:
        raise DataError(
            f"{name} holds an array of {shape_text(array.shape)}, but the network takes {shape_text(shape)}",
            f"give an array of the shape (N, {', '.join(map(str, shape))})",
        )
    return (as_tokens(examples, name, tokens) if tokens else as_pixels(examples, name)), notices


def read_inputs(
    source: Path | bytes, inputs: Sequence[Input], said: Sequence[str] = (), *, name: str
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the examples of each input in a `.npz` file, by the names of the inputs, and what to say of them.

    An input reads the array of its name, the only one `x` or what else examples are called; of parts that of the test.
    Where there is one array, it is that.

    Args:
        source: the path, or what is in the file.
        inputs: of the network.
        said: the array that the spec says the examples are in.
        name: what messages call the file.

    Raises:
        DataError: one is missing, or does not fit.
    """
    own = [given.name for given in inputs]
    keys: dict[str, str] = {}
    notices: list[str] = []

    def choose(there: Collection[str]) -> list[str]:
        known = said if set(said) & set(there) else ()
        found, _ = ArrayNames.of(own, (), known).chosen(there)
        for each in own:
            key = found.get((each, "test")) or found.get((each, "train")) or (each if each in there else None)
            if key is None and len(there) == len(own) == 1:
                (key,) = there
            if key is None:
                raise DataError(*_lacking(each, there, own, name))
            keys[each] = key
            if (each, "test") in found and (each, "train") in found:
                notices.append(f"{name}: {key} is read, and not {found[each, 'train']}")
        return list(keys.values())

    arrays = npz.arrays_of(io.BytesIO(source) if isinstance(source, bytes) else source, name, choose)
    made = {}
    for given in inputs:
        of = f"{name}: {keys[given.name]}"
        made[given.name], more = formed_examples(of, arrays[keys[given.name]], given.shape, given.tokens)
        notices += more
    return made, notices


def _lacking(each: str, there: Collection[str], own: Sequence[str], name: str) -> tuple[str, str]:
    """Return that a file lacks the array of an input, and what would be right."""
    holds = listing(sorted(str(key)[:50] for key in there)[:10], "and") or "nothing"
    if len(own) == 1:
        return f"{name} has no array that is called as examples are; it holds {holds}", "name one of them x"
    return f"{name} lacks {each}; it holds {holds}", f"name its arrays {listing(own, 'and')}"


def _load(path: Path, name: str) -> NDArray[Any]:
    kind = kind_of(path, DataError)
    if kind != "file":
        wrong = "is a folder" if kind == "folder" else "is not a file" if kind else "does not exist"
        raise DataError(f"{name} {wrong}", "give the path of a .npy file")
    try:
        # Mapped, not read: then a header that claims more than the file holds is found out, not allocated.
        return npy.open_memmap(path, mode="r")
    except Exception as error:  # the header is a Python literal: NumPy raises whatever a damaged one leads to
        raise _unreadable(name, error) from error


def array_in(content: bytes, name: str) -> NDArray[Any]:
    """Return the array in the bytes of a `.npy` file; nothing is copied."""
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        array = np.frombuffer(content, dtype, count=math.prod(shape), offset=stream.tell())
        return array.reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # as above
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> DataError:
    return DataError(f"{name} cannot be read as a .npy file: {error}", "write it with np.save")


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
