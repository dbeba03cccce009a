"""Files of PyTorch written by hand, byte by byte, without PyTorch: what `torch.save` writes, and what nobody should."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pickle", "legacy", "state_pickle", "zipped"]

_STORAGES = {"f2": "HalfStorage", "f4": "FloatStorage", "f8": "DoubleStorage", "i8": "LongStorage", "i4": "IntStorage"}
MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


class Pickle:
    """Opcodes one after the other."""

    def __init__(self) -> None:
        self.out = bytearray(b"\x80\x02")

    def done(self) -> bytes:
        """Return the pickle."""
        return bytes(self.out) + b"."

    def raw(self, data: bytes) -> Pickle:
        """Add bytes as they are."""
        self.out += data
        return self

    def name(self, module: str, name: str) -> Pickle:
        """Name a class or a function."""
        return self.raw(f"c{module}\n{name}\n".encode())

    def put(self, value: Any) -> Pickle:
        """Add a plain value."""
        if value is None:
            return self.raw(b"N")
        if isinstance(value, bool):
            return self.raw(b"\x88" if value else b"\x89")
        if isinstance(value, str):
            text = value.encode()
            return self.raw(b"X" + struct.pack("<I", len(text)) + text)
        if isinstance(value, int):
            if -(2**31) <= value < 2**31:
                return self.raw(b"J" + struct.pack("<i", value))
            return self.raw(b"\x8a\x09" + value.to_bytes(9, "little", signed=True))
        if isinstance(value, float):
            return self.raw(b"G" + struct.pack(">d", value))
        if isinstance(value, tuple):
            self.raw(b"(")
            for each in value:
                self.put(each)
            return self.raw(b"t")
        if isinstance(value, list):
            self.raw(b"](")
            for each in value:
                self.put(each)
            return self.raw(b"e")
        if isinstance(value, dict):
            self.raw(b"}(")
            for key, each in value.items():
                self.put(key).put(each)
            return self.raw(b"u")
        assert isinstance(value, Tensor), value
        return value.write(self)


class Tensor:
    """A tensor as `torch.save` writes it; what is stated can be a lie."""

    def __init__(
        self,
        key: str,
        kind: str,
        count: int,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        offset: int = 0,
        *,
        legacy: bool = False,
    ) -> None:
        self.key, self.kind, self.count, self.shape, self.offset, self.legacy = key, kind, count, shape, offset, legacy
        row = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
        self.strides = row if strides is None else strides

    def write(self, pickle: Pickle) -> Pickle:
        """Write it."""
        pickle.name("torch._utils", "_rebuild_tensor_v2").raw(b"((").put("storage").name("torch", self.kind)
        pickle.put(self.key).put("cpu").put(self.count)
        if self.legacy:
            pickle.put(None)
        pickle.raw(b"tQ").put(self.offset).put(tuple(self.shape)).put(tuple(self.strides)).put(False)
        return pickle.name("collections", "OrderedDict").raw(b")Rt").raw(b"R")


def state_pickle(arrays: Mapping[str, NDArray[Any]], *, legacy: bool = False) -> bytes:
    """Return the pickle of a state dict."""
    pickle = Pickle().name("collections", "OrderedDict").raw(b")R(")
    for number, (name, array) in enumerate(arrays.items()):
        kind = _STORAGES[array.dtype.str[1:]]
        pickle.put(name).put(Tensor(str(number), kind, array.size, array.shape, legacy=legacy))
    return pickle.raw(b"u").done()


def zipped(
    pickle: bytes,
    storages: Mapping[str, bytes],
    *,
    packed: bool = False,
    order: str = "little",
    more: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a zip of a pickle and of storages."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/byteorder", order)
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", "3\n")
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


def saved(arrays: Mapping[str, NDArray[Any]], *, packed: bool = False) -> bytes:
    """Return a state dict as a zip."""
    return zipped(state_pickle(arrays), {str(i): a.tobytes() for i, a in enumerate(arrays.values())}, packed=packed)


def legacy(arrays: Mapping[str, NDArray[Any]], pickle: bytes | None = None) -> bytes:
    """Return a state dict as pickles in a row."""
    keys = [str(number) for number in range(len(arrays))]
    parts = [
        MAGIC,
        Pickle().put(1001).done(),
        Pickle().put({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2}}).done(),
        pickle or state_pickle(arrays, legacy=True),
        Pickle().put(keys).done(),
        *(struct.pack("<q", array.size) + array.tobytes() for array in arrays.values()),
    ]
    return b"".join(parts)
