"""ONNX files made to do harm: sizes that lie, loops, graphs within graphs, data outside of the folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from promises.bad_imports import Case, Data, Files
from promises.protobuf import attribute, field, graph, model, node, tensor, value, varint

__all__ = ["onnx", "onnx_files"]

_KERNEL = np.ones((2, 3, 3, 3), np.float32)
_CONV = node("Conv", "x w b", "y")
_WEIGHTS = (tensor("w", _KERNEL), tensor("b", np.ones(2, np.float32)))


def _net(
    *nodes: bytes, weights: Sequence[bytes] = _WEIGHTS, side: int = 8, opset: int = 17, out: str = "y"
) -> dict[str, bytes]:
    return {"net.onnx": model(graph(nodes, weights, [value("x", 0, 3, side, side)], [value(out)]), opset)}


def onnx_files() -> Files:
    """Return a small network."""
    return _net(node("Conv", "x w b", "c", attribute("pads", [1, 1, 1, 1])), node("Relu", "c", "y"))


def onnx() -> Iterator[Case]:
    """Yield files of ONNX."""
    yield Case("a network of ONNX", onnx_files(), "read")
    for what, files in _graphs().items():
        yield Case(f"an ONNX file: {what}", files)
    for what, data in _contents().items():
        yield Case(f"an ONNX file: {what}", {"net.onnx": data}, "refused")
    for what, files in _floods().items():
        yield Case(f"an ONNX file that computes {what}", files)
    yield from _outside()


def _nested(depth: int) -> bytes:
    """Return a graph in an attribute of a node of a graph, and so on."""
    inner = graph([_CONV], [], [], [])
    for _ in range(depth):
        inner = graph([node("If", "x", "y", attribute("then_branch", inner))], [], [], [])
    return model(inner)


def _shared(count: int) -> bytes:
    """Return a file in which so many layers read one weight of a megabyte."""
    nodes = [node("Conv", f"{f't{i}' if i else 'x'} w", f"t{i + 1}") for i in range(count)]
    weights = [tensor("w", np.full((512, 512, 1, 1), 1e-3))]
    return model(graph(nodes, weights, [value("x", 0, 512, 1, 1)], [value(f"t{count}")]))


def _spread(count: int) -> bytes:
    """Return a file in which so many layers add a row of numbers to large pictures."""
    nodes = [node("Add", f"{f't{i}' if i else 'x'} b", f"t{i + 1}") for i in range(count)]
    weights = [tensor("b", np.arange(2000.0).reshape(1, 1, 1, 2000))]
    return model(graph(nodes, weights, [value("x", 0, 3, 2000, 2000)], [value(f"t{count}")]))


def _again(count: int) -> dict[str, bytes]:
    """Return a file with so many weights that are the same numbers of another file."""
    weights = [tensor(f"w{i}", _KERNEL, [2_000_000], {"location": "data"}) for i in range(count)]
    return _net(_CONV, weights=[*_WEIGHTS, *weights])


def _contents() -> Mapping[str, Data]:
    good = onnx_files()["net.onnx"]
    return {
        "2⁶⁰ bytes announced": varint(7 << 3 | 2) + varint(2**60),
        "40 graphs in each other": _nested(40),
        "3,000 graphs in each other": _nested(3000),
        "five million nodes of nothing": lambda: model(field(1, b"") * 5_000_000),
        "five million weights of nothing": lambda: model(
            field(5, b"") * 5_000_000 + graph([_CONV], _WEIGHTS, [], [value("y")])
        ),
        "five million names": lambda: model(graph([field(1, b"") * 5_000_000], [], [], [])),
        "five million attributes": lambda: model(graph([field(5, b"") * 5_000_000], [], [], [])),
        "five million inputs": lambda: model(field(11, b"") * 5_000_000 + graph([_CONV], _WEIGHTS, [], [value("y")])),
        "five million facts": lambda: model(graph([_CONV], _WEIGHTS, [], [value("y")])) + field(14, b"") * 5_000_000,
        "five million texts": lambda: model(
            graph([_CONV], [field(6, b"") * 5_000_000 + field(8, "w")], [], [value("y")])
        ),
        "a weight of a megabyte in 1,000 layers": partial(_shared, 1000),
        "a row of numbers added to large pictures 60 times": partial(_spread, 60),
        "half of one": good[: len(good) // 2],
        "zeros": bytes(100_000),
        "a pickle": b"\x80\x02cposix\nsystem\nX\x05\0\0\0touch\x85R.",
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }


def _graphs() -> Mapping[str, Mapping[str, Data]]:
    relus = [node("Relu", f"t{i}" if i else "x", f"t{i + 1}") for i in range(8000)]
    doubled = [node("Concat", f"t{i} t{i}" if i else "x x", f"t{i + 1}", attribute("axis", 1)) for i in range(60)]
    sums = [node("Add", f"t{i} t{i}" if i else "x x", f"t{i + 1}") for i in range(2000)]
    one, two = tensor("b", np.ones(2)), tensor("w", _KERNEL)
    inner = attribute("body", graph([_CONV], [], [], []))
    huge = tensor("w", _KERNEL, [2**31, 2**31])
    return {
        "a node that reads itself": _net(node("Relu", "y", "y")),
        "two nodes that read each other": _net(node("Relu", "b", "a"), node("Relu", "a", "b"), out="a"),
        "a loop of 10⁹ rounds": _net(node("Loop", "n c x", "y", inner), weights=[tensor("n", np.int64(10**9))]),
        "code of Python": _net(field(7, "com.microsoft") + node("PythonOp", "x", "y", attribute("func", inner))),
        "8,000 layers": {"net.onnx": lambda: _net(*relus, out="t8000")["net.onnx"]},
        "channels that double 60 times": _net(*doubled, out="t60"),
        "2,000 sums of a value with itself": _net(*sums, out="t2000"),
        "one node that reads 50,000": {"net.onnx": lambda: _net(node("Sum", "x " * 50_000, "y"))["net.onnx"]},
        "weights of 2⁶² numbers": _net(_CONV, weights=[huge, one]),
        "weights of sizes below 0": _net(_CONV, weights=[tensor("w", _KERNEL, [-2, 3, 3, 3]), one]),
        "weights of 10,000 axes": _net(_CONV, weights=[tensor("w", _KERNEL, [1] * 10_000), one]),
        "weights that are not finite": _net(_CONV, weights=[tensor("w", _KERNEL * np.nan), one]),
        "weights that overflow": _net(_CONV, weights=[tensor("w", _KERNEL * np.float32(3e38)), one]),
        "pictures of 9,000x9,000": _net(_CONV, side=9000),
        "pictures of 2⁴⁰x2⁴⁰": _net(_CONV, side=2**40),
        "a padding of 2⁴⁰": _net(node("Conv", "x w b", "y", attribute("pads", [2**40] * 4))),
        "a padding of 10⁵": _net(node("Conv", "x w b", "y", attribute("pads", [10**5] * 4))),
        "a stride of 0": _net(node("Conv", "x w b", "y", attribute("strides", [0, 0]))),
        "2⁶² groups": _net(node("Conv", "x w b", "y", attribute("group", 2**62))),
        "an axis of 2⁶²": _net(node("Softmax", "x", "y", attribute("axis", 2**62))),
        "a window of 100,000 axes": _net(node("MaxPool", "x", "y", attribute("kernel_shape", [2] * 100_000))),
        "pictures enlarged 10⁶ times": _net(
            node("Resize", "x  s", "y"), weights=[tensor("s", np.array([1, 1, 1e6, 1e6]))]
        ),
        "a split into 10⁶": _net(node("Split", "x s", "y"), weights=[tensor("s", np.ones(10**6, np.int64))]),
        "control characters": _net(node("\x1b[2J\u202e", "x", "y")),
        "a name of a million letters": _net(node("Relu", "x", "y" * 10**6), out="y" * 10**6),
        "an opset of 2⁶²": _net(_CONV, opset=2**62),
        "two weights of one name": _net(_CONV, weights=[two, two, one]),
    }


def _floods() -> Mapping[str, dict[str, bytes]]:
    """Return what computes large constants of small ones."""

    def net(*nodes: bytes, **arrays: Any) -> dict[str, bytes]:
        return _net(*nodes, weights=[*_WEIGHTS[:1], *(tensor(name, array) for name, array in arrays.items())])

    conv = node("Conv", "x w t", "y")
    full = node("ConstantOfShape", "n", "s")
    found = {}
    for size in (10**12, 2**27, 2**26, 2**25):
        found[f"a constant of {size:,} numbers"] = net(full, node("Add", "s s", "t"), conv, n=np.array([size]))
        found[f"a range of {size:,} numbers"] = net(
            node("Range", "a n c", "t"), conv, a=np.int64(0), n=np.int64(size), c=np.int64(1)
        )
    many = [node("Add", "s s", f"s{i}") for i in range(200)]
    found["200 constants of a million numbers"] = net(
        full, *many, node("Sum", " ".join(f"s{i}" for i in range(200)), "t"), conv, n=np.array([10**6])
    )
    tiles = [node("Tile", f"t{i}" if i else "a", f"t{i + 1}", attribute("x", 1)) for i in range(40)]
    for each in range(40):
        tiles[each] = node("Tile", f"{f't{each}' if each else 'a'} r", f"t{each + 1}")
    found["tiles of tiles"] = net(*tiles, node("Conv", "x w t40", "y"), a=np.ones(2), r=np.array([2]))
    found["pads of 10⁹"] = net(node("Pad", "a p", "t"), conv, a=np.ones(2), p=np.array([10**9, 10**9]))
    rows = node("MatMul", "a c", "t")
    found["a product of 20,000x1 and 1x20,000"] = net(rows, conv, a=np.ones((20_000, 1)), c=np.ones((1, 20_000)))
    found["one of 40,000 numbers among 10⁶ times"] = net(
        node("Gather", "a i", "t"), conv, a=np.ones((1, 40_000)), i=np.zeros(10**4, np.int64)
    )
    found["10⁹ of one-hot"] = net(
        node("OneHot", "i d v", "t"), conv, i=np.zeros(10**5, np.int64), d=np.int64(10**5), v=np.array([0.0, 1.0])
    )
    return found


# --- data in files of their own ------------------------------------------------------------------------------------


def _outside() -> Iterator[Case]:
    for place in ("../secret.bin", "a/../../secret.bin", "/etc/passwd", "C:\\secret.bin", "", "a\0b", ".", "net.onnx"):
        must = "" if place == "net.onnx" else "refused"
        yield Case(f"an ONNX file: weights at {place!r}", _external(location=place), must)
    for what, facts in {
        "at 2⁶⁰ of a file": {"location": "data", "offset": str(2**60)},
        "of a length below 0": {"location": "data", "length": "-1"},
        "of a length of 5,000 digits": {"location": "data", "length": "9" * 5000},
        "at half a number": {"location": "data", "offset": "1.5"},
    }.items():
        yield Case(f"an ONNX file: weights {what}", _external(**facts), "refused", _data)
    for what, target in {
        "a link out of the folder": "../secret.bin",
        "a device": "/dev/zero",
        "itself": "data",
    }.items():
        yield Case(
            f"an ONNX file: weights in {what}",
            _external(location="data"),
            "refused",
            lambda folder, target=target: (folder / "data").symlink_to(target),  # type: ignore[misc]
        )
    yield Case(
        "an ONNX file: 300 weights that are the same 8 MB of another file",
        _again(300),
        "refused",
        lambda folder: (folder / "data").write_bytes(bytes(8_000_000)),
    )
    huge = {
        "net.onnx": model(graph([_CONV], [_lie(2**31, 2**31), _WEIGHTS[1]], [value("x", 0, 3, 8, 8)], [value("y")]))
    }
    yield Case("an ONNX file: 2⁶² numbers in another file", huge, "refused", _data)


def _lie(*sizes: int) -> bytes:
    return tensor("w", _KERNEL, sizes, {"location": "data"})


def _data(folder: Path) -> None:
    (folder / "data").write_bytes(_KERNEL.tobytes())


def _external(**facts: str) -> dict[str, bytes]:
    return _net(_CONV, weights=[tensor("w", _KERNEL, None, facts), _WEIGHTS[1]])
