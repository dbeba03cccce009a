"""Files of Keras that are damaged or hostile: one clear error each, in little memory, and nothing is followed."""

from __future__ import annotations

import io
import json
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import NetspecError
from netspec.workflows.import_model import import_model
from tests.formats.keras_files import archive, chain, given, hdf5, layer, modern, weights_h5
from tests.formats.test_import_bad import refused

pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")

DENSE = layer("Dense", "d", units=3, activation="linear")
NET = chain(given(5), DENSE)
WEIGHTS = {"d": [("d/kernel:0", np.ones((5, 3))), ("d/bias:0", np.zeros(3))]}
MODERN = {"layers/dense": [np.ones((5, 3)), np.zeros(3)]}


def text(net: object) -> str:
    return json.dumps(net)


def changed(data: bytes, change: Any) -> bytes:
    """Return an HDF5 file after a change by h5py."""
    import h5py  # noqa: PLC0415

    stream = io.BytesIO(data)
    with h5py.File(stream, "r+") as file:
        change(file, h5py)
    return stream.getvalue()


def soft(file: Any, h5py: Any) -> None:
    del file["model_weights/d/d/kernel:0"]
    file["model_weights/d/d/kernel:0"] = h5py.SoftLink("/model_weights/d/d/bias:0")


def external(file: Any, h5py: Any) -> None:
    del file["model_weights/d/d/kernel:0"]
    file["model_weights/d/d/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/x")


def elsewhere(file: Any, h5py: Any) -> None:
    del h5py
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (5, 3), "f4", external=[("/etc/passwd", 0, 60)])


def virtual(file: Any, h5py: Any) -> None:
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    layout = h5py.VirtualLayout((5, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (5, 3))
    group.create_virtual_dataset("kernel:0", layout)


def huge(file: Any, h5py: Any) -> None:
    del h5py
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (10**6, 10**6), "f4", chunks=(1000, 1000))


def bomb(file: Any, h5py: Any) -> None:
    del h5py
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", data=np.zeros((3000, 3000), "f4"), compression="gzip", chunks=(3000, 3000))


def references(file: Any, h5py: Any) -> None:
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", data=[group.ref] * 15, dtype=h5py.ref_dtype)


def words(file: Any, h5py: Any) -> None:
    del h5py
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", data=[b"x"] * 15)


def compound(file: Any, h5py: Any) -> None:
    del h5py
    group = file["model_weights/d/d"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (5, 3), [("a", "f4"), ("b", "f4")])


def missing(file: Any, h5py: Any) -> None:
    del h5py
    del file["model_weights/d"]


def not_a_number(file: Any, h5py: Any) -> None:
    del h5py
    file["model_weights/d/d/kernel:0"][0, 0] = np.nan


def no_names(file: Any, h5py: Any) -> None:
    del h5py
    file["model_weights"].attrs["layer_names"] = [1.5, 2.5]


def reference_for_names(file: Any, h5py: Any) -> None:
    del file["model_weights"].attrs["layer_names"]
    file["model_weights"].attrs.create("layer_names", [file.ref], dtype=h5py.ref_dtype)


def climbing(file: Any, h5py: Any) -> None:
    del h5py
    file["model_weights/d"].attrs["weight_names"] = [b"../../x", b"d/bias:0"]


HDF5 = {
    "a soft link": (soft, "is a link to another place, which is not followed"),
    "an external link": (external, "is a link to another place, which is not followed"),
    "external storage": (elsewhere, "lies in another file, which is not read"),
    "a virtual array": (virtual, "lies in another file, which is not read"),
    "a huge array": (huge, "says that it has 4,000,000,000,000 bytes, and 0 are there"),
    "a packed array": (bomb, "says that it has 36,000,000 bytes"),
    "references": (references, "holds no plain numbers"),
    "words": (words, "holds no plain numbers"),
    "records": (compound, "holds no plain numbers"),
    "a missing group": (missing, "the group 'd' is missing"),
    "no finite number": (not_a_number, "has numbers that are not finite"),
    "no names": (no_names, "are no names"),
    "references for names": (reference_for_names, "layer_names of /model_weights are no names"),
    "a climbing name": (climbing, "'/model_weights/d/../../x' is missing"),
}


@pytest.mark.parametrize("name", HDF5)
def test_hdf5(tmp_path: Path, name: str) -> None:
    change, message = HDF5[name]
    data = changed(hdf5(NET, WEIGHTS), change)
    tracemalloc.start()
    try:
        assert message in refused(tmp_path, {"net.h5": data})
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"net.h5": b"PK\3\4" + bytes(50)}, "does not begin as an HDF5 file does"),
        ({"net.h5": hdf5(NET, WEIGHTS)[:3000]}, "is damaged: it says that it has"),
        ({"net.h5": bytes(512) + hdf5(NET, WEIGHTS)}, "does not begin as an HDF5 file does"),
        ({"net.h5": hdf5(None, WEIGHTS)}, "has weights, and does not say the network"),
        ({"net.h5": weights_h5({"x/y": [np.ones(3)]})}, "has neither a network of Keras nor weights of one"),
        ({"net.h5": hdf5("{", WEIGHTS)}, "net.h5, line 1: this is no JSON"),
        ({"net.h5": hdf5(NET, {})}, "net.h5 has the weights of 0 layers, and the network has 1"),
        ({"net.h5": hdf5(NET, {"d": WEIGHTS["d"][:1]})}, "has 1 arrays of it, and the layer has 2"),
        ({"net.h5": hdf5(NET, {"d": [("k", np.ones((4, 3))), ("b", np.ones(3))]})}, "the layer needs 3x5"),
        ({"net.json": text(NET), "w.h5": hdf5(None, {"a": WEIGHTS["d"], "b": WEIGHTS["d"]})}, "has the weights of 2"),
        ({"net.json": text(NET), "w.h5": weights_h5({"x/y": [np.ones(3)]})}, "has no weights of a network"),
        ({"net.json": text(NET), "w.h5": weights_h5({"layers/conv2d": [np.ones(3)]})}, "no arrays at layers/dense"),
        ({"a.json": text(NET), "b.json": text(NET)}, "one file, or a .json and one of weights"),
        ({"net.keras": hdf5(NET, WEIGHTS)}, "net.keras is an HDF5 file\n  fix: name it so that it ends in .h5"),
        ({"net.keras": b"GIF89a"}, "does not begin as a .keras file does"),
        ({"net.keras": modern(NET, MODERN)[:-30]}, "is damaged"),
        ({"net.keras": archive({"metadata.json": "{}"})}, "has no config.json"),
        ({"net.keras": archive({"config.json": text(NET), "../x": "1"})}, "'../x' leads out of the archive"),
        ({"net.keras": archive({"config.json": text(NET), "/x": "1"})}, "'/x' leads out of the archive"),
        ({"net.keras": archive({"config.json": text(NET), "model.weights.npz": "1"})}, "in 'model.weights.npz'"),
        (
            {"net.keras": archive({"config.json": text(NET), "model.weights.h5": bytes(40_000_000)}, packed=True)},
            "says that it has 40,000,000 bytes",
        ),
        ({"net.keras": modern(NET, b"x" * 9)}, "does not begin as an HDF5 file does"),
    ],
)
def test_files(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    assert message in refused(tmp_path, files)


def test_a_text_in_an_archive_is_no_longer_than_one_alone(tmp_path: Path) -> None:
    spaces = archive({"config.json": " " * 51_000_000, "model.weights.h5": bytes(9_000_000)}, packed=True)
    assert "config.json says that it has 51,000,000 bytes; at most 50,000,000 can be" in refused(
        tmp_path, {"net.keras": spaces}
    )


def test_a_list_of_many_entries_is_refused_before_it_is_read(tmp_path: Path) -> None:
    whole = modern(NET, MODERN)
    many = whole + b"PK\1\2" * 20_000
    assert "has 20,003 entries; at most 10,000 can be" in refused(tmp_path, {"net.keras": many})


def test_a_lying_size_in_an_archive(tmp_path: Path) -> None:
    data = bytearray(modern(NET, MODERN))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        size = file.getinfo("config.json").file_size
    place = data.rindex(struct.pack("<I", size))
    data[place : place + 4] = struct.pack("<I", size + 5)
    assert "net.keras" in refused(tmp_path, {"net.keras": bytes(data)})


def test_mutations_end_in_errors_of_netspec(tmp_path: Path) -> None:
    chosen = random.Random(5)
    seeds = {"a.h5": hdf5(NET, WEIGHTS), "b.keras": modern(NET, MODERN), "c.json": text(NET).encode()}
    for _ in range(150):
        name = chosen.choice(list(seeds))
        data = bytearray(seeds[name])
        for _ in range(chosen.choice([1, 1, 5])):
            at = chosen.randrange(len(data))
            match chosen.randrange(3):
                case 0:
                    data[at] ^= 1 << chosen.randrange(8)
                case 1:
                    data[at : at + 8] = bytes([chosen.choice([0, 255])]) * 8
                case 2:
                    data[at:at] = chosen.choice([b"{", b"}", b"-1", b"9" * 30, b"\xff\xff", b"[", b'"'])
        (tmp_path / name).write_bytes(bytes(data))
        try:
            import_model([tmp_path / name], out=tmp_path / "out.net", force=True)
        except NetspecError:
            continue
