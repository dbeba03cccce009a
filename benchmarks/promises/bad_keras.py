"""Files of Keras made to do harm: code in layers, links out of the file, models in models, packed sizes that lie."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from promises.bad_imports import Case, Data, Files

__all__ = ["keras", "keras_files"]

_WEIGHTS = {"d": [("d/kernel:0", np.ones((5, 3))), ("d/bias:0", np.zeros(3))]}
_CODE = "4wEAAAAAAAAAAAAAAAMAAABDAAAA"
"""The beginning of marshalled bytes, as `Lambda` keeps its function."""


def _layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


def _given(*shape: Any) -> dict[str, Any]:
    return _layer("InputLayer", "given", batch_input_shape=[None, *shape], dtype="float32")


def _chain(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "chain", "layers": list(layers)}}


_DENSE = _layer("Dense", "d", units=3, activation="linear")
_NET = _chain(_given(5), _DENSE)


def keras_files() -> Files:
    """Return a small network as JSON."""
    return {"net.json": _json(_NET)}


def keras() -> Iterator[Case]:
    """Yield files of Keras."""
    yield Case("a network of Keras", keras_files(), "read")
    for what, net in _nets().items():
        data = net if isinstance(net, bytes) or callable(net) else _json(net)
        yield Case(f"a JSON file of Keras: {what}", {"net.json": data})
    for what, data in _archives().items():
        must = "" if "packed size" in what else "refused"  # what is not packed needs none
        yield Case(f"a .keras file: {what}", {"net.keras": data}, must)
    if find_spec("h5py") is not None:
        yield Case("an HDF5 file of Keras", {"net.h5": hdf5()}, "read")
        for what, change in _CHANGES.items():
            must = "" if "6,000" in what else "refused"  # of what is said again the last counts
            yield Case(f"an HDF5 file: {what}", {"net.h5": hdf5(change=change)}, must)
        for what, data in _damages().items():
            yield Case(f"an HDF5 file: {what}", {"net.h5": data}, "refused")


def _json(net: Any) -> bytes:
    return json.dumps(net).encode()


def _node(layer: dict[str, Any], *reads: str) -> dict[str, Any]:
    return {**layer, "name": layer["config"]["name"], "inbound_nodes": [[[name, 0, 0, {}] for name in reads]]}


def _graph(*layers: dict[str, Any], out: str) -> dict[str, Any]:
    given = {**_given(8, 8, 3), "name": "given", "inbound_nodes": []}
    config = {"name": "graph", "layers": [given, *layers], "input_layers": [["given", 0, 0]]}
    return {"class_name": "Model", "config": {**config, "output_layers": [[out, 0, 0]]}}


def _relu(name: str, *reads: str) -> dict[str, Any]:
    return _node(_layer("ReLU", name), *reads)


def _nested(depth: int) -> dict[str, Any]:
    made = _DENSE
    for _ in range(depth):
        made = _chain(_given(5), made)
    return made


def _twice(depth: int) -> dict[str, Any]:
    """Return models that use the one in them two times each."""
    made: dict[str, Any] = _chain(_given(5), _layer("ReLU", "r"))
    for level in range(depth):
        inner = {**made, "config": {**made["config"], "name": f"m{level}"}}
        given = {**_given(5), "name": "given", "inbound_nodes": []}
        uses = {**inner, "name": f"m{level}", "inbound_nodes": [[["given", 0, 0, {}]], [[f"m{level}", 0, 0, {}]]]}
        config = {"name": "graph", "layers": [given, uses], "input_layers": [["given", 0, 0]]}
        made = {"class_name": "Model", "config": {**config, "output_layers": [[f"m{level}", 1, 0]]}}
    return made


def _nets() -> Mapping[str, Any]:
    deep = b'{"class_name":"Sequential","config":{"layers":[' * 20_000
    code = [_CODE, None, None]
    return {
        "code in a Lambda": _chain(_given(5), _layer("Lambda", "l", function=code, function_type="lambda")),
        "a class of os": _chain(_given(5), {**_layer("system", "s", command="touch trace"), "module": "os"}),
        "a class of builtins": _chain(_given(5), {"class_name": "eval", "module": "builtins", "config": {"name": "x"}}),
        "a function with code": _chain(_given(5), _layer("Dense", "d", units=3, activation={"function": code})),
        "500,000 brackets in each other": b"[" * 500_000,
        "40 models in each other": _nested(40),
        "20,000 models in each other": deep + b"]}}" * 20_000,
        "20,000 models in each other without an end": deep,
        "models that each use one twice, 15 deep": _twice(15),
        "a million empty lists": lambda: b'{"class_name": "Model", "config": {"x": [' + b"[]," * 1_000_000 + b"[]]}}",
        "nine million empty lists": lambda: b"[" + b"[]," * 9_000_000 + b"[]]",
        "a number of 100,000 digits": b'{"class_name": "Sequential", "config": {"x": ' + b"9" * 100_000 + b"}}",
        "no text": bytes(range(256)) * 100,
        "half a character": b'{"class_name": "\xff\xfe"}',
        "a key twice": b'{"class_name": "Model", "class_name": "Sequential", "config": {}}',
        "control characters": _chain(_given(5), _layer("\x1b[2J\u202e", "d")),
        "a name that climbs": _chain(_given(5), _layer("Dense", "../../../x", units=3)),
        "a name of a million letters": _chain(_given(5), _layer("Dense", "x" * 10**6, units=3)),
        "a layer that reads itself": _graph(_relu("a", "a"), out="a"),
        "layers that read each other": _graph(_relu("a", "b"), _relu("b", "a"), out="a"),
        "a layer that reads nothing": _graph(_relu("a"), out="a"),
        "8,000 layers": lambda: _json(_chain(_given(5), *(_layer("ReLU", f"r{i}") for i in range(8000)))),
        "30,000 layers": lambda: _json(_chain(_given(5), *(_layer("ReLU", f"r{i}") for i in range(30_000)))),
        "channels that double 60 times": _graph(
            *(
                _node(_layer("Concatenate", f"t{i + 1}", axis=-1), *([f"t{i}" if i else "given"] * 2))
                for i in range(60)
            ),
            out="t60",
        ),
        "10¹⁸ units": _chain(_given(5), _layer("Dense", "d", units=10**18)),
        "units below 0": _chain(_given(5), _layer("Dense", "d", units=-3)),
        "units that are a list": _chain(_given(5), _layer("Dense", "d", units=[3] * 1000)),
        "units that are no number": b'{"class_name":"Sequential","config":{"layers":[{"class_name":"Dense",'
        b'"config":{"name":"d","units":NaN,"batch_input_shape":[null,Infinity]}}]}}',
        "pictures of 10⁹x10⁹": _chain(_given(10**9, 10**9, 3), _layer("ReLU", "r")),
        "sizes that are texts": _chain(_given("8", "x", {}), _layer("ReLU", "r")),
        "pictures enlarged 10⁹ times": _chain(_given(8, 8, 3), _layer("UpSampling2D", "u", size=[10**9, 10**9])),
        "a padding of 10⁹": _chain(_given(8, 8, 3), _layer("ZeroPadding2D", "p", padding=[[10**9, 1], [1, 1]])),
        "a stride of 0": _chain(_given(8, 8, 3), _layer("MaxPooling2D", "p", pool_size=[2, 2], strides=[0, 0])),
        "files of other places": _chain(_given(5), _layer("TextVectorization", "t", vocabulary="/etc/passwd")),
    }


# --- zips ----------------------------------------------------------------------------------------------------------


def _zip(entries: Mapping[str, bytes], *, packed: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return stream.getvalue()


def _archives() -> Mapping[str, Data]:
    config = {"config.json": _json(_NET)}
    whole = _zip(config)
    central = whole.index(b"PK\x01\x02")

    def lie(offset: int, *numbers: int) -> bytes:
        data = struct.pack(f"<{len(numbers)}I", *numbers)
        return whole[: central + offset] + data + whole[central + offset + len(data) :]

    return {
        "no config.json": _zip({"metadata.json": b"{}"}),
        "a name that climbs": _zip({**config, "../../trace": b"x"}),
        "a name from the root": _zip({**config, "/tmp/trace": b"x"}),
        "a name of Windows": _zip({**config, "C:\\trace": b"x"}),
        "weights in a pickle": _zip({**config, "model.weights.npz": b"\x80\x02cposix\nsystem\nX\1\0\0\0x\x85R."}),
        "a packed size said to be 4 GiB": lie(20, 2**32 - 2),
        "a size said to be 4 GiB": lie(24, 2**32 - 2),
        "a size said to be 1": lie(24, 1),
        "a place beyond the end": lie(42, 2**31),
        "450 MB of spaces as its network": lambda: _zip(
            {"config.json": b" " * 450_000_000, "x": _noise()}, packed=True
        ),
        "450 MB of zeros as its weights": lambda: _zip(
            {**config, "model.weights.h5": bytes(450_000_000), "x": _noise()}, packed=True
        ),
        "450 MB of zeros as its version": lambda: _zip(
            {**config, "metadata.json": bytes(450_000_000), "x": _noise()}, packed=True
        ),
        "a million entries": lambda: _many(whole, 1_000_000),
        "half of one": whole[: len(whole) // 2],
        "nothing behind its beginning": b"PK\x03\x04" + bytes(1000),
    }


def _noise() -> bytes:
    """Return nine megabytes that cannot be packed."""
    return np.random.default_rng(0).bytes(9_000_000)


def _many(whole: bytes, count: int) -> bytes:
    """Return a zip whose list of entries says the same one so many times."""
    central, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    entry = whole[central:end]
    size = len(entry) * count
    last = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, size, central, 0)
    return whole[:central] + entry * count + last


# --- HDF5 ----------------------------------------------------------------------------------------------------------

_Change = Callable[[Any, Any], object]


def hdf5(config: object = _NET, change: _Change | None = None) -> bytes:
    """Return a model in the form of before, after a change by h5py."""
    import h5py  # noqa: PLC0415

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = _json(config)
        file.attrs["keras_version"] = "2.15.0"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in _WEIGHTS]
        for name, arrays in _WEIGHTS.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [each.encode() for each, _ in arrays]
            for each, array in arrays:
                group.create_dataset(each, data=np.asarray(array, np.float32))
        if change is not None:
            change(file, h5py)
    return stream.getvalue()


def _kernel(make: Callable[[Any, Any], object]) -> _Change:
    """Return a change that puts another thing in the place of a kernel."""

    def change(file: Any, h5py: Any) -> None:
        group = file["model_weights/d/d"]
        del group["kernel:0"]
        make(group, h5py)

    return change


def _attribute(name: str, value: object) -> _Change:
    return lambda file, h5py: file["model_weights"].attrs.__setitem__(name, value)


def _link(target: Callable[[Any], object]) -> _Change:
    return _kernel(lambda group, h5py: group.__setitem__("kernel:0", target(h5py)))


def _array(shape: Sequence[int], **options: Any) -> _Change:
    return _kernel(lambda group, h5py: group.create_dataset("kernel:0", shape, "f4", **options))


def _virtual(group: Any, h5py: Any) -> None:
    layout = h5py.VirtualLayout((5, 3), "f4")
    layout[:] = h5py.VirtualSource("../secret.h5", "x", (5, 3))
    group.create_virtual_dataset("kernel:0", layout)


def _rings(file: Any, h5py: Any) -> None:
    del h5py, file["model_weights/d"]
    file["model_weights/d"] = file["model_weights"]


def _tunnel(file: Any, h5py: Any) -> None:
    del h5py
    group = file["model_weights/d"]
    for _ in range(3000):
        group = group.create_group("x")
    file["model_weights"].attrs["layer_names"] = [b"/".join([b"d", *[b"x"] * 3000])]


_CHANGES: Mapping[str, _Change] = {
    "a link to another file": _link(lambda h5py: h5py.ExternalLink("/etc/passwd", "/x")),
    "a link to a file outside": _link(lambda h5py: h5py.ExternalLink("../secret.h5", "/x")),
    "a soft link": _link(lambda h5py: h5py.SoftLink("/model_weights/d/d/bias:0")),
    "a soft link to itself": _link(lambda h5py: h5py.SoftLink("/model_weights/d/d/kernel:0")),
    "numbers in /etc/passwd": _array((5, 3), external=[("/etc/passwd", 0, 60)]),
    "numbers in a file outside": _array((5, 3), external=[("../secret.bin", 0, 60)]),
    "a virtual array": _kernel(_virtual),
    "an array of 10¹² numbers": _array((10**6, 10**6), chunks=(1000, 1000)),
    "an array of 2⁶² numbers": _array((2**31, 2**31), chunks=(1, 1)),
    "an array that was packed to a thousandth": _array((10_000, 10_000), chunks=(10_000, 10_000), compression="gzip"),
    "3,000 groups in each other": _tunnel,
    "an array of 10,000 chunks that are not there": _array((100, 100), chunks=(1, 1)),
    "a group that holds itself": _rings,
    "references": _kernel(
        lambda group, h5py: group.create_dataset("kernel:0", data=[group.ref] * 15, dtype=h5py.ref_dtype)
    ),
    "names that climb": _attribute("layer_names", [b"../../x"]),
    "a name 6,000 times": _attribute("layer_names", np.array([b"d"] * 6000)),
    "names that are numbers": _attribute("layer_names", [1.5, 2.5]),
    "a code as its network": lambda file, h5py: file.attrs.__setitem__(
        "model_config", "__import__('os').system('touch trace')"
    ),
}


def _damages() -> Mapping[str, Data]:
    whole = hdf5()
    return {
        "half of one": whole[: len(whole) // 2],
        "a root beyond its end": whole[:64] + (2**62).to_bytes(8, "little") + whole[72:],
        "a root at its beginning": whole[:64] + bytes(8) + whole[72:],
        "zeros behind its beginning": whole[:100] + bytes(len(whole) - 100),
        "ones behind its beginning": whole[:100] + b"\xff" * (len(whole) - 100),
        "480 MB of zeros that were packed": lambda: hdf5(change=_bomb),
    }


def _bomb(file: Any, h5py: Any) -> None:
    """Pack an array to a thousandth, in a file that is large by other things."""
    del h5py
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    zeros = np.zeros((2000, 60_000), np.float32)
    group.create_dataset("kernel:0", data=zeros, chunks=(100, 60_000), compression="gzip")
    group.create_dataset("noise", data=np.frombuffer(_noise(), np.uint8))
