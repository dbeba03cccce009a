"""Files of Caffe and Darknet made to do harm, and what a case of `hostile_imports` is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from promises.protobuf import field, varint

__all__ = ["Case", "Data", "Files", "caffe", "caffe_files", "darknet", "darknet_files"]

Files: TypeAlias = Mapping[str, bytes]
"""What is given to `netspec import`, by name, in its order."""

Data: TypeAlias = bytes | Callable[[], bytes]
"""What is in a file; what takes long is made when it is written."""


@dataclass(frozen=True, slots=True)
class Case:
    """Files made to do harm.

    Attributes:
        what: is bad about them.
        files: those that are given.
        must: what has to come of them, `read` or `refused`; either where it is empty.
        beside: puts what else is there into their folder.
    """

    what: str
    files: Mapping[str, Data]
    must: str = ""
    beside: Callable[[Path], object] | None = None

    @property
    def long(self) -> bool:
        """Whether it takes long, so that the short form goes without."""
        return any(callable(data) for data in self.files.values())


# --- Caffe ---------------------------------------------------------------------------------------------------------

_INPUT = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'


def _layer(kind: str, bottom: str, top: str, text: str = "") -> str:
    words = "".join(f' bottom: "{name}"' for name in bottom.split()) + f' top: "{top}"'
    return f'layer {{ name: "{top}" type: "{kind}"{words} {text} }}\n'


_NET = _INPUT + _layer("InnerProduct", "data", "f", "inner_product_param { num_output: 3 }")


def _blobs(*blobs: bytes, name: str = "f", kind: str = "InnerProduct") -> bytes:
    return field(100, field(1, name) + field(2, kind) + b"".join(field(7, each) for each in blobs))


def _blob(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], *sizes: int) -> bytes:
    data = field(5, np.asarray(array, "<f4").tobytes())
    return data + field(7, field(1, b"".join(map(varint, sizes or array.shape))))


_ONES = (np.ones((3, 192), np.float32), np.zeros(3, np.float32))


def caffe_files() -> Files:
    """Return a small network with its weights."""
    return {"net.prototxt": _NET.encode(), "net.caffemodel": _blobs(*map(_blob, _ONES))}


def caffe() -> Iterator[Case]:
    """Yield files of Caffe."""
    yield Case("a network of Caffe", caffe_files(), "read")
    for what, text in _prototxts().items():
        yield Case(f"a prototxt: {what}", {"net.prototxt": text.encode() if isinstance(text, str) else text})
    for what, data in _caffemodels().items():
        must = "" if "sizes" in what else "refused"  # sizes that are nonsense count for nothing where the numbers fit
        yield Case(f"a caffemodel: {what}", {"net.prototxt": _NET.encode(), "net.caffemodel": data}, must)
    conv = _INPUT.replace("8", "20000") + _layer(
        "Convolution", "data", "c", "convolution_param { num_output: 1 kernel_size: 1 }"
    )
    kernel = _blobs(_blob(np.ones((1, 3, 1, 1), np.float32)), _blob(np.ones(1, np.float32)), name="c")
    yield Case("pictures of 20,000x20,000 and four weights", {"net.prototxt": conv.encode(), "net.caffemodel": kernel})
    solver = b'net: "../../../../etc/passwd"\ntrain_net: "/etc/passwd"\nbase_lr: 1e999\nmax_iter: -1\n'
    yield Case("a solver that names other files", {"net.prototxt": _NET.encode(), "solver.prototxt": solver})


def _chain(count: int) -> str:
    return "".join(_layer("ReLU", f"t{i}" if i else "data", f"t{i + 1}") for i in range(count))


def _prototxts() -> Mapping[str, str | Data]:
    relu = _layer("ReLU", "data", "x")
    return {
        "100,000 braces in each other": "layer {" * 100_000,
        "100,000 brackets in each other": "a: " + "[" * 100_000,
        "400,000 words": lambda: b"a:1 " * 133_300,
        "400,000 braces": lambda: b"layer {}" * 133_000,
        "two megabytes of one word": "a" * 1_999_999,
        "two megabytes of one string": 'name: "' + "\\101" * 490_000 + '"',
        "two megabytes of a string without an end": 'name: "' + "\\" * 1_900_000,
        "two megabytes of numbers": lambda: _layer(
            "Slice", "data", "x", f"slice_param {{ {'slice_point: 1 ' * 120_000} }}"
        ).encode(),
        "no text": bytes(range(256)) * 100,
        "half a character": _NET.encode() + b'name: "\xff\xfe"',
        "control characters": _NET.replace('"f"', '"\x1b[2J\u202e"'),
        "a name that climbs": _NET.replace('"f"', '"../../../x"'),
        "a name of a million letters": _NET.replace('"f"', f'"{"x" * 1_000_000}"'),
        "code": _layer("Python", "data", "x", 'python_param { module: "os" layer: "system" param_str: "touch trace" }'),
        "a layer that reads itself": _INPUT + relu.replace('bottom: "data"', 'bottom: "x"'),
        "two layers that read each other": _INPUT + _layer("ReLU", "b", "a") + _layer("ReLU", "a", "b"),
        "a layer 1,000 times": _INPUT + "".join(_layer("ReLU", "data", "data") for _ in range(1000)),
        "8,000 layers": (_INPUT + _chain(8000)).encode,
        "channels that double 60 times": _INPUT
        + "".join(_layer("Concat", f"t{i} t{i}" if i else "data data", f"t{i + 1}") for i in range(60)),
        "one layer that reads 9,000": (_INPUT + _layer("Concat", "data " * 9000, "x")).encode,
        "a layer that reads all of 300 before it, 300 times": (
            _INPUT
            + "".join(
                _layer("Eltwise", " ".join(["data", *(f"t{j}" for j in range(i))]), f"t{i}") for i in range(1, 300)
            )
        ).encode,
        "sizes of 2⁶²": _INPUT.replace("8", str(2**62)) + relu,
        "sizes of 0": _INPUT.replace("8", "0") + relu,
        "10,000 sizes": 'input: "data"' + " input_dim: 3" * 10_000 + relu,
        "10¹⁸ outputs": _NET.replace("num_output: 3", f"num_output: {10**18}"),
        "outputs of 5,000 digits": _NET.replace("num_output: 3", f"num_output: {'9' * 5000}"),
        "numbers that are none": _INPUT
        + _layer("Power", "data", "x", "power_param { scale: nan shift: inf power: 1e999 }"),
        "a stride of 0": _INPUT + _layer("Pooling", "data", "x", "pooling_param { kernel_size: 2 stride: 0 }"),
        "a padding of 10⁹": _INPUT
        + _layer("Convolution", "data", "x", "convolution_param { num_output: 1 kernel_size: 1 pad: 1000000000 }"),
        "0 groups": _INPUT
        + _layer("Convolution", "data", "x", "convolution_param { num_output: 1 kernel_size: 1 group: 0 }"),
        "pictures enlarged 10⁹ times": _INPUT
        + _layer("Interp", "data", "x", "interp_param { zoom_factor: 1000000000 }"),
        "data from other places": _layer("HDF5Data", "", "data", 'hdf5_data_param { source: "/etc/passwd" }') + relu,
    }


def _caffemodels() -> Mapping[str, bytes]:
    deep = b""
    for _ in range(5000):
        deep = field(100, deep)
    return {
        "2⁶⁰ bytes announced": varint(100 << 3 | 2) + varint(2**60),
        "a number without an end": b"\xa2\x06" + b"\xff" * 2_000_000,
        "5,000 messages in each other": deep,
        "two million fields": field(100, b"\x1a\x00" * 2_000_000),
        "two million numbers that are no weights": _blobs(field(7, field(1, b"\1" * 2_000_000))),
        "sizes of 2⁶²": _blobs(_blob(_ONES[0], 2**62, 2**62), _blob(_ONES[1])),
        "sizes below 0": _blobs(_blob(_ONES[0], -3, -192), _blob(_ONES[1])),
        "no number is finite": _blobs(_blob(np.full((3, 192), np.nan, np.float32)), _blob(_ONES[1])),
        "numbers that overflow": _blobs(_blob(np.full((3, 192), 3e38, np.float32)), _blob(_ONES[1])),
        "a million layers": _blobs(_blob(_ONES[0])) + field(100, field(1, "x")) * 200_000,
        "a layer 1,000 times": _blobs(*map(_blob, _ONES)) * 1000 + _blobs(_blob(_ONES[1])),
        "half of one": caffe_files()["net.caffemodel"][:900],
        "a pickle": b"\x80\x02cposix\nsystem\nX\x05\0\0\0touch\x85R.",
        "zeros": bytes(100_000),
    }


# --- Darknet -------------------------------------------------------------------------------------------------------

_CFG = "[net]\nheight=8\nwidth=8\nchannels=3\n[connected]\noutput=3\nactivation=linear\n[softmax]\n"


def darknet_files() -> Files:
    """Return a small network with its weights."""
    return {"net.cfg": _CFG.encode(), "net.weights": _header() + np.ones(3 * 193, "<f4").tobytes()}


def _header(major: int = 0, minor: int = 2) -> bytes:
    return struct.pack("<iiiQ", major, minor, 0, 0)


def darknet() -> Iterator[Case]:
    """Yield files of Darknet."""
    yield Case("a network of Darknet", darknet_files(), "read")
    for what, text in _cfgs().items():
        yield Case(f"a cfg: {what}", {"net.cfg": text.encode() if isinstance(text, str) else text})
    for what, data in {
        "a header alone": _header(),
        "half a number": _header() + b"\1\2\3",
        "versions below 0": _header(-1, -2) + bytes(4 * 3 * 193),
        "versions of 2³¹": _header(2**31 - 1, 2**31 - 1) + bytes(4 * 3 * 193),
        "no number is finite": _header() + b"\xff" * (4 * 3 * 193),
        "numbers that overflow": _header() + np.full(3 * 193, 3e38, "<f4").tobytes(),
        "half of them": _header() + bytes(4 * 300),
        "ten million too many": _header() + bytes(40_000_000),
    }.items():
        must = "" if "2³¹" in what or "too many" in what else "refused"  # what is left over is only noted
        yield Case(f"weights of Darknet: {what}", {"net.cfg": _CFG.encode(), "net.weights": data}, must)
    wide = _CFG.replace("8", "20000").replace("[connected]\noutput=3", "[convolutional]\nfilters=1\nsize=1")
    weights = _header() + np.ones(4, "<f4").tobytes()
    yield Case("a cfg: pictures of 20,000x20,000 and four weights", {"net.cfg": wide.encode(), "net.weights": weights})


def _cfgs() -> Mapping[str, str | Data]:
    conv = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"
    return {
        "no text": bytes(range(256)) * 100,
        "two megabytes of one line": _CFG + "x=" + "1" * 1_990_000,
        "two megabytes of brackets": "[" * 1_990_000,
        "900,000 lines": _CFG + "\n" * 900_000,
        "400,000 settings": (_CFG + "a=1\n" * 400_000).encode,
        "200,000 sections": (_CFG + "[avgpool]\n" * 190_000).encode,
        "3,000 layers": (_CFG.partition("[connected]")[0] + conv * 3000).encode,
        "channels that double 60 times": _CFG + "[route]\nlayers=-1,-1\n" * 60,
        "pictures that double 60 times": _CFG.partition("[connected]")[0] + "[upsample]\nstride=2\n" * 60,
        "a route of 100,000": (_CFG + f"[route]\nlayers={','.join(['-1'] * 100_000)}\n").encode,
        "a route to itself": _CFG + "[route]\nlayers=2\n",
        "a route of 2⁶⁴": _CFG + f"[route]\nlayers=-{2**64}\n",
        "a shortcut to itself": _CFG + "[shortcut]\nfrom=2\nactivation=linear\n",
        "sizes of 2⁶²": _CFG.replace("8", str(2**62)),
        "sizes below 0": _CFG.replace("8", "-8"),
        "outputs of 5,000 digits": _CFG.replace("output=3", "output=" + "9" * 5000),
        "10⁹ outputs": _CFG.replace("output=3", "output=1000000000"),
        "numbers that are none": _CFG.replace(
            "[connected]", "learning_rate=nan\nmomentum=inf\ndecay=1e999\n[connected]"
        ),
        "a stride of 0": _CFG + "[maxpool]\nsize=2\nstride=0\n",
        "control characters": _CFG + "[\x1b[2J]\n\u202e=1\n",
        "0 groups": _CFG.partition("[connected]")[0] + conv.replace("size=3", "size=3\ngroups=0"),
        "0 anchors": _CFG.partition("[connected]")[0] + conv + "[yolo]\nnum=0\nclasses=-5\nanchors=\nmask=0\n",
        "100,000 anchors": _CFG.partition("[connected]")[0] + conv + "[yolo]\nanchors=" + "1,2," * 100_000 + "\n",
        "files of other places": _CFG + "[data]\ntrain=/etc/passwd\nbackup=../../\n",
    }
