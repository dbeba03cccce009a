"""Files of PyTorch and safetensors made to do harm: pickles that would run code, storages that are not there, bombs."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from promises.bad_imports import Case, Data, Files

__all__ = ["TRACE", "torch", "torch_files"]

TRACE = "trace"
"""The file that code would leave, in the folder in which the program runs."""

_SPEC = b"input 5\nfc 3 softmax\n"
_ARRAYS = {"a.weight": np.ones((3, 5), "<f4"), "a.bias": np.zeros(3, "<f4")}
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def torch_files(form: str = "zip") -> Files:
    """Return a spec and its weights: a `zip`, pickles in a row (`legacy`), or `safetensors`."""
    arrays = [array.tobytes() for array in _ARRAYS.values()]
    if form == "safetensors":
        return {"net.net": _SPEC, "w.safetensors": _safetensors(_entries(), b"".join(arrays))}
    if form == "zip":
        return {"net.net": _SPEC, "w.pth": _zipped(_state(), {str(i): data for i, data in enumerate(arrays)})}
    counts = [struct.pack("<q", array.size) for array in _ARRAYS.values()]
    return {
        "net.net": _SPEC,
        "w.pth": _row(_state(), [count + data for count, data in zip(counts, arrays, strict=True)]),
    }


def torch() -> Iterator[Case]:
    """Yield files of PyTorch."""
    for form in ("zip", "legacy", "safetensors"):
        yield Case(f"weights of PyTorch ({form})", torch_files(form), "read")
    for what, data in _evil().items():
        for form, put in _FORMS.items():
            yield Case(f"{form} {what}", _given(put(data)), "refused")
    for what, data in _pickles().items():
        yield Case(f"a pickle: {what}", _given(_of_pickle(data)), "refused")
    for what, make in _long_pickles().items():
        yield Case(f"a pickle: {what}", _given(partial(_made, make)), "refused")
    for what, zipped in _zips().items():
        yield Case(f"a zip of PyTorch: {what}", _given(zipped))
    for what, row in _rows().items():
        yield Case(f"pickles in a row: {what}", _given(row), "refused")
    for what, header in _headers().items():
        yield Case(f"safetensors: {what}", _given(header, "w.safetensors"), "refused")


def _given(data: Data, name: str = "w.pth") -> dict[str, Data]:
    return {"net.net": _SPEC, name: data}


# --- what pickles would run ----------------------------------------------------------------------------------------


class _Runs:
    """What a pickle would call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.called = function, arguments

    def __reduce__(self) -> Any:
        return self.called


def _evil() -> Mapping[str, bytes]:
    touch = f"touch {TRACE}"
    code = f"open({TRACE!r}, 'w')"
    found = {f"that would run a command (protocol {p})": pickle.dumps(_Runs(os.system, touch), p) for p in range(6)}
    inside = {"state_dict": {"a.weight": _Runs(os.system, touch)}, "epoch": 3}
    return found | {
        "with a command among its weights": pickle.dumps(inside),
        "that would evaluate code": pickle.dumps(_Runs(eval, code)),
        "that would execute code": pickle.dumps(_Runs(exec, code)),
        "that would open a file": pickle.dumps(_Runs(open, TRACE, "w")),
        "that would make a folder": pickle.dumps(_Runs(os.mkdir, TRACE)),
        "that would load a pickle": _call("torch", "load", TRACE),
        "that would import a module": pickle.dumps(_Runs(__import__, "this")),
        "that would get an attribute": _call("builtins", "getattr", "os", "system"),
        "that names os below numpy": _call("numpy.testing", "os.system", touch),
        "with a class of its own": b"\x80\x02c__main__\nNet\n)\x81}X\1\0\0\0aK\1sb.",
        "that calls by an old opcode": b"\x80\x02(S'" + touch.encode() + b"'\niposix\nsystem\n.",
        "that calls by an older opcode": b"(cposix\nsystem\nS'" + touch.encode() + b"'\no.",
        "that builds a tensor of a command": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(cposix\nsystem\nK\0))tR.",
        "with a command as a class of tensors": b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nsystem\n"
        b"ctorch\nTensor\n(X" + struct.pack("<I", len(touch)) + touch.encode() + b"t}tR.",
        "of TorchScript, with a command": b"\x80\x02c__torch__\nNet\n)\x81}X\1\0\0\0acposix\nsystem\nsb.",
        "with a command in an ordered dictionary": b"\x80\x02ccollections\nOrderedDict\ncposix\nsystem\nX"
        + struct.pack("<I", len(touch))
        + touch.encode()
        + b"\x85R\x85R.",
    }


def _call(module: str, name: str, *words: str) -> bytes:
    """Return a pickle that calls a function with texts."""
    texts = b"".join(b"X" + struct.pack("<I", len(word.encode())) + word.encode() for word in words)
    return f"\x80\x02c{module}\n{name}\n(".encode("latin1") + texts + b"tR."


# --- forms of files ------------------------------------------------------------------------------------------------


def _text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def _whole(number: int) -> bytes:
    return b"\x8a\x09" + number.to_bytes(9, "little", signed=True)


def _tuple(numbers: Sequence[int]) -> bytes:
    return b"(" + b"".join(map(_whole, numbers)) + b"t"


def _tensor(key: str, count: int, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0) -> bytes:
    """Return the opcodes of a tensor, whose numbers can be lies."""
    strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))] if strides is None else strides
    storage = b"((" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(key) + _text("cpu") + _whole(count) + b"tQ"
    rest = _whole(offset) + _tuple(shape) + _tuple(strides) + b"\x89ccollections\nOrderedDict\n)Rt"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + storage + rest + b"R"


def _state(tensors: Mapping[str, bytes] | None = None) -> bytes:
    """Return the pickle of a state dict."""
    if tensors is None:
        tensors = {n: _tensor(str(i), a.size, a.shape) for i, (n, a) in enumerate(_ARRAYS.items())}
    return b"\x80\x02}(" + b"".join(_text(name) + each for name, each in tensors.items()) + b"u."


def _zipped(
    data: bytes, storages: Mapping[str, bytes], more: Mapping[str, bytes] | None = None, *, packed: bool = False
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", data)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return out.getvalue()


def _row(data: bytes, storages: Sequence[bytes], keys: Sequence[str] | None = None) -> bytes:
    machine = b"\x80\x02}(" + _text("little_endian") + b"\x88u."
    names = [str(i) for i in range(len(storages))] if keys is None else keys
    listed = b"\x80\x02](" + b"".join(map(_text, names)) + b"e."
    return _LEGACY + b"\x80\x02" + _whole(1001) + b"." + machine + data + listed + b"".join(storages)


_FORMS: Mapping[str, Callable[[bytes], bytes]] = {
    "a zip of a pickle": lambda data: _zipped(data, {}),
    "pickles in a row": lambda data: _row(data, []),
    "a pickle": lambda data: data,
}


def _pickles() -> Mapping[str, bytes]:
    ordered = b"ccollections\nOrderedDict\nh\0\x85R"
    return {
        "no end": b"\x80\x02",
        "a text of 4 GiB": b"\x80\x02X\xff\xff\xff\xffab.",
        "a text of 2⁶³ bytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fab.",
        "a list that holds itself": b"\x80\x02]q\0h\0a" + b"h\0h\0a0" * 5_000 + b".",
        "a dictionary that holds itself": b"\x80\x02}q\0" + _text("state_dict") + b"h\0s.",
        "a copy of a copy": b"\x80\x02](" + b"K\1" * 1000 + b"eq\0" + b"0" + ordered * 3_000 + b".",
        "a tensor of 2⁶² numbers": _state({"a.weight": _tensor("0", 2**62, (2**31, 2**31))}),
        "a tensor of 2⁴⁰ numbers that are one": _state(
            {"a.weight": _tensor("0", 15, (2**20, 2**20), (0, 0)), "a.bias": _tensor("1", 3, (3,))}
        ),
        "a tensor from before its storage": _state({"a.weight": _tensor("0", 15, (3, 5), None, -15)}),
        "a tensor beyond its storage": _state({"a.weight": _tensor("0", 15, (3, 5), (2**40, 1))}),
        "a tensor that goes backward": _state({"a.weight": _tensor("0", 15, (3, 5), (-5, -1), 14)}),
        "a tensor of 1,000 axes": _state({"a.weight": _tensor("0", 15, (1,) * 1000)}),
        "a storage that climbs": _state({"a.weight": _tensor("../../secret.bin", 15, (3, 5))}),
    }


def _long_pickles() -> Mapping[str, Callable[[], bytes]]:
    return {
        "a tuple of 2⁵⁰⁰⁰⁰⁰": lambda: b"\x80\x02)" + b"2\x86" * 500_000 + b".",
        "a tuple 500,000 deep": lambda: b"\x80\x02N" + b"\x85" * 500_000 + b".",
        "a number of two million digits": lambda: b"\x80\x02I" + b"9" * 2_000_000 + b"\n.",
        "a number of two million bytes": lambda: (
            b"\x80\x02\x8b" + struct.pack("<i", 2_000_000) + b"\x7f" * 2_000_000 + b"."
        ),
        "two million marks": lambda: b"\x80\x02" + b"(" * 2_000_000,
        "two million numbers": lambda: b"\x80\x02](" + b"K\1" * 1_900_000 + b"e.",
        "two million lists": lambda: b"\x80\x02](" + b"]" * 1_900_000 + b"e.",
        "two million dictionaries": lambda: b"\x80\x02](" + b"}" * 1_900_000 + b"e.",
        "60 million opcodes": lambda: b"\x80\x02" + b"N0" * 30_000_000 + b".",
        "a million things remembered": lambda: b"\x80\x04]" + b"\x94" * 1_900_000 + b".",
        "100,000 tensors of one storage": lambda: _state({f"a{i}": _tensor("0", 15, (3, 5)) for i in range(40_000)}),
    }


def _made(make: Callable[[], bytes]) -> bytes:
    return _of_pickle(make())


def _of_pickle(data: bytes) -> bytes:
    return _zipped(data, {"0": bytes(60), "1": bytes(12)}, packed=True)


def _zips() -> Mapping[str, Data]:
    arrays = {str(i): array.tobytes() for i, array in enumerate(_ARRAYS.values())}
    whole = _zipped(_state(), arrays)
    central = whole.index(b"PK\x01\x02")
    entry, end = whole[central : whole.index(b"PK\x01\x02", central + 4)], whole.index(b"PK\x05\x06")

    def lie(offset: int, value: int, form: str = "<I") -> bytes:
        data = struct.pack(form, value)
        return whole[: central + offset] + data + whole[central + offset + len(data) :]

    count = 1_000_000
    many = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, len(entry) * count, central, 0)
    return {
        "names that climb": _zipped(_state(), arrays, {"../../trace": b"x", "/tmp/trace": b"x", "archive/../x": b"x"}),
        "code of TorchScript": _zipped(_state(), arrays, {"archive/code/__torch__.py": b"import os; os.system('x')"}),
        "two pickles": _zipped(_state(), arrays, {"other/data.pkl": _state()}),
        "a size said to be 4 GiB": lie(24, 2**32 - 2),
        "a packed size said to be 4 GiB": lie(20, 2**32 - 2),
        "a size said to be 1": lie(24, 1),
        "a place beyond the end": lie(42, 2**31),
        "a password": lie(8, 1, "<H"),
        "a packing that nobody knows": lie(10, 77, "<H"),
        "a wrong checksum": lie(16, 0),
        "a million entries": lambda: whole[:central] + entry * count + many,
        "no entries": whole[:central] + whole[end:],
        "60 MB of zeros as its pickle": lambda: _zipped(bytes(60_000_000), arrays, packed=True),
        "300 MB of zeros as its pickle": lambda: _zipped(bytes(300_000_000), arrays, packed=True),
        "90 MB of zeros as a storage": lambda: _zipped(
            _state({"a.weight": _tensor("0", 22_500_000, (3, 5)), "a.bias": _tensor("1", 3, (3,))}),
            {**arrays, "0": bytes(90_000_000)},
            packed=True,
        ),
        "the byte order of nobody": _zipped(_state(), arrays, {"archive/byteorder": b"middle" * 1000}),
        "half of one": whole[: len(whole) // 2],
    }


def _rows() -> Mapping[str, Data]:
    counts = [struct.pack("<q", array.size) + array.tobytes() for array in _ARRAYS.values()]
    huge = struct.pack("<q", 2**62)
    return {
        "a beginning alone": _LEGACY,
        "2⁶² numbers announced": _row(_state({"a.weight": _tensor("0", 2**62, (3, 5))}), [huge]),
        "fewer than 0 numbers announced": _row(_state({"a.weight": _tensor("0", -1, (3, 5))}), [struct.pack("<q", -1)]),
        "storages that nobody names": _row(_state(), counts, ["0", "1", "2"]),
        "a storage 100,000 times": _row(_state(), counts, ["0"] * 100_000),
        "half of one": _row(_state(), counts)[:-30],
        "megabytes left over": _row(_state(), counts) + bytes(10_000_000),
        "ten million pickles of nothing": lambda: _LEGACY + b"N." * 10_000_000,
    }


# --- safetensors ---------------------------------------------------------------------------------------------------


def _entries() -> dict[str, Any]:
    found, end = {}, 0
    for name, array in _ARRAYS.items():
        found[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    return found


def _safetensors(header: Mapping[str, Any] | bytes, data: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def _headers() -> Mapping[str, Data]:
    good, data = _entries(), bytes(72)

    def changed(**facts: Any) -> bytes:
        return _safetensors({**good, "a.weight": {**good["a.weight"], **facts}}, data)

    return {
        "a header of 2⁶³ bytes": _safetensors(good, data, 2**63),
        "a header longer than the file": _safetensors(good, data, 10_000),
        "16 MB of brackets": lambda: _safetensors(b'{"a":' + b"[" * 16_000_000, data),
        "16 MB of empty lists": lambda: _safetensors(b'{"a":[' + b"[]," * 5_000_000 + b"[]]}", data),
        "16 MB of names": lambda: _safetensors(b"{" + b",".join(b'"%d":{}' % i for i in range(1_200_000)) + b"}", data),
        "an array of 2⁶² numbers": changed(shape=[2**31, 2**31]),
        "an array of sizes below 0": changed(shape=[-3, -5]),
        "an array of sizes that are texts": changed(shape=["3", "5"]),
        "an array of 100 axes": changed(shape=[1] * 100),
        "an array beyond the end": changed(data_offsets=[2**40, 2**40 + 60]),
        "an array that ends before it begins": changed(data_offsets=[60, 0]),
        "an array of objects": changed(dtype="O"),
        "an array of a type of Python": changed(dtype="__import__('os').system"),
        "a name twice": _safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}}', bytes(4)),
        "a name that climbs": _safetensors({"../../x": good["a.weight"]}, bytes(60)),
        "control characters": _safetensors({"\x1b[2J\u202e": good["a.weight"]}, bytes(60)),
        "a number of 100,000 digits": _safetensors(b'{"a":' + b"9" * 100_000 + b"}", data),
        "half of one": _safetensors(good, data)[:-30],
    }


def holes(name: str) -> Callable[[Path], None]:
    """Return what makes a file of 64 GiB of hole, which takes no room on the disk."""

    def write(folder: Path) -> None:
        with (folder / name).open("wb") as stream:
            stream.truncate(2**36)

    return write
