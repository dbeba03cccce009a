"""Tensors as a file of PyTorch states them: a view of a storage, whose numbers are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from netspec.formats.reading import Array
from netspec.ops import Shape

__all__ = ["DTYPES", "FLOATS", "STORAGES", "Dtype", "Storage", "Tensor", "TensorError"]

_MOST_AXES = 16


class TensorError(Exception):
    """A tensor that cannot be: what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Dtype:
    """A type of numbers: its name, and how NumPy reads it (bfloat16 as the upper half of a float32)."""

    name: str
    numpy: str

    @property
    def size(self) -> int:
        """Bytes of one number."""
        return np.dtype(self.numpy).itemsize


_NUMPY = {
    "float16": "f2",
    "bfloat16": "u2",
    "float32": "f4",
    "float64": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "int32": "i4",
    "int64": "i8",
    "bool": "u1",
}
DTYPES = {name: Dtype(name, numpy) for name, numpy in _NUMPY.items()}
FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
"""Types whose numbers can be weights."""

_STORAGES = {
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "BoolStorage": "bool",
}
STORAGES = {name: DTYPES[dtype] for name, dtype in _STORAGES.items()}
"""PyTorch's classes of storages, by name. An `UntypedStorage` is bytes, and its tensors say what they are of."""


@dataclass(eq=False, slots=True)
class Storage:
    """Numbers in a row.

    Attributes:
        key: what the file calls it.
        dtype: of its numbers.
        count: how many there are, as the file declares it.
        load: returns its bytes, which are as many as declared.
        big_endian: whether the first byte of a number is the largest.
    """

    key: str
    dtype: Dtype
    count: int
    load: Callable[[], memoryview]
    big_endian: bool = False

    @property
    def bytes(self) -> int:
        """How many bytes it has."""
        return self.count * self.dtype.size


@dataclass(frozen=True, eq=False, slots=True)
class Tensor:
    """A view of a storage, checked to lie inside of it."""

    storage: Storage
    dtype: Dtype
    offset: int
    shape: Shape
    strides: tuple[int, ...]

    @staticmethod
    def of(storage: Storage, offset: object, shape: object, strides: object, dtype: Dtype | None = None) -> Tensor:
        """Return a tensor; raises TensorError where it reaches out of its storage, or its numbers are no sizes."""
        dtype = dtype or storage.dtype
        if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)):
            raise TensorError("a tensor has no sizes")
        if len(shape) > _MOST_AXES:
            raise TensorError(f"a tensor has {len(shape)} axes")
        if not all(type(n) is int and 0 <= n < 2**48 for n in (offset, *shape, *strides)):
            raise TensorError("a tensor's sizes are no whole numbers")
        assert isinstance(offset, int)
        whole = storage.bytes // dtype.size
        last = offset + sum((n - 1) * by for n, by in zip(shape, strides, strict=True))
        if (prod(shape) and last >= whole) or offset > whole:
            raise TensorError(f"a tensor reaches out of its storage, {storage.key} of {storage.count:,} numbers")
        return Tensor(storage, dtype, offset, shape, strides)

    @property
    def is_float(self) -> bool:
        """Whether its numbers can be weights."""
        return self.dtype.name in FLOATS

    def array(self) -> Array:
        """Return its numbers as float32."""
        if not prod(self.shape):
            return np.zeros(self.shape, np.float32)
        numpy = (">" if self.storage.big_endian else "<") + self.dtype.numpy
        count = self.storage.bytes // self.dtype.size
        row = np.frombuffer(self.storage.load(), numpy, count)
        view = as_strided(row[self.offset :], self.shape, [by * self.dtype.size for by in self.strides])
        if self.dtype.name == "bfloat16":
            return (view.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(view, np.float32)
