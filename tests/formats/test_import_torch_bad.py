"""Files of PyTorch that are damaged, hostile or something else: one clear error each, nothing run, nothing written."""

from __future__ import annotations

import os
import pickle
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
from tests.formats.damage import damaged
from tests.formats.torch_files import MAGIC, Pickle, Tensor, legacy, saved, state_pickle, zipped

SPEC = "input 5\nfc 4 relu\nfc 3 softmax\n"
ARRAYS = {
    "a.weight": np.ones((4, 5), "<f4"),
    "a.bias": np.zeros(4, "<f4"),
    "b.weight": np.ones((3, 4), "<f4"),
    "b.bias": np.zeros(3, "<f4"),
}
SAVE = "save the weights alone: torch.save(model.state_dict(), 'weights.pth')"


def refused(folder: Path, content: bytes, spec: str = SPEC, name: str = "w.pth", **options: Any) -> str:
    """Return the message that an import ends with; nothing may be written."""
    (folder / "net.net").write_text(spec)
    (folder / name).write_bytes(content)
    with pytest.raises(NetspecError) as caught:
        import_model([folder / "net.net", folder / name], out=folder / "out.net", **options)
    assert not list(folder.glob("out.*"))
    return str(caught.value)


class Runs:
    """What a pickle would run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("form", ["zip", "legacy", "inside"])
def test_what_a_pickle_would_run_leaves_no_trace(tmp_path: Path, protocol: int, form: str) -> None:
    mark = tmp_path / "mark"
    given = {"state_dict": {"a": Runs(mark)}} if form == "inside" else Runs(mark)
    hostile = pickle.dumps(given, protocol)
    content = MAGIC + hostile if form == "legacy" else zipped(hostile, {})
    message = refused(tmp_path, content)
    assert "w.pth names posix.system, which is no tensor" in message
    assert not mark.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("__builtin__", "getattr"),
        ("torch.nn.modules.linear", "Linear"),
        ("torch._utils", "_rebuild_sparse_tensor"),
        ("torch.serialization", "load"),
        ("collections", "namedtuple"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("__main__", "Net"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("_codecs", "decode"),
    ],
)
def test_every_other_name_is_refused(tmp_path: Path, module: str, name: str) -> None:
    content = zipped(Pickle().name(module, name).raw(b")R").done(), {})
    message = refused(tmp_path, content)
    assert f"{module}.{name}" in message
    assert "fix: " in message


def test_a_whole_module_is_refused_with_what_to_save(tmp_path: Path) -> None:
    row = Pickle().raw(b"(").put("module").name("__main__", "Net").put("net.py").put("class Net: …").raw(b"tQ").done()
    facts = Pickle().put(1001).done() + Pickle().put({"little_endian": True}).done()
    message = refused(tmp_path, MAGIC + facts + row)
    assert message.startswith("w.pth names __main__.Net, which is no tensor")
    assert message.endswith(SAVE)


def test_modules_of_torchscript_in_each_other(tmp_path: Path) -> None:
    module = Pickle().name("__torch__", "Net").raw(b")\x81q\0}(").put("a").raw(b"h\0").put("b").raw(b"h\0ub").done()
    assert "modules lie too deep in each other" in refused(tmp_path, zipped(module, {}))
    runs = Pickle().name("__torch__", "Net").raw(b")\x81}").put("a").name("posix", "system").raw(b"sb").done()
    assert "names posix.system" in refused(tmp_path, zipped(runs, {}))


def test_a_module_of_torchscript_within_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.formats.torch.state._MOST_NAMES", 1000)
    script = Pickle().name("__torch__", "Net").raw(b"q\0)\x81").put({f"a{i}": i for i in range(100)}).raw(b"bq\1")
    script.raw(b"0h\0)\x81}(")
    for i in range(20):
        script.put(f"b{i}").raw(b"h\1")
    assert "modules lie too deep in each other" in refused(tmp_path, zipped(script.raw(b"ub").done(), {}))


F = "FloatStorage"
PICKLES: dict[str, tuple[bytes, str]] = {
    "no end": (b"\x80\x02", "its pickle ends too early or says nonsense"),
    "nothing on the stack": (b"\x80\x02.", "its pickle takes what is not there"),
    "a mark alone": (b"\x80\x02(.", "its pickle takes what is not there"),
    "a memo of nothing": (b"\x80\x02h\x05.", "says nonsense"),
    "a huge place in the memo": (b"\x80\x02Nr\xff\xff\xff\x7f0.", "its pickle takes what is not there"),
    "a long text": (b"\x80\x02X\xff\xff\xff\xffab.", "says nonsense"),
    "a longer text": (b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fab.", "says nonsense"),
    "a long number": (b"\x80\x02I" + b"9" * 5000 + b"\n.", "says nonsense"),
    "an extension": (b"\x80\x02\x82\x01.", "the opcode EXT1 of its pickle is not read"),
    "a class with settings": (b"\x80\x02(iposix\nsystem\n.", "the opcode INST of its pickle is not read"),
    "a text of an id": (b"\x80\x02Pabc\n.", "the opcode PERSID of its pickle is not read"),
    "a call of a number": (Pickle().put(3).raw(b")R").done(), "its pickle calls what is no function"),
    "a list for a dictionary": (Pickle().put([1]).raw(b"K\1K\2s").done(), "adds to what is no collection"),
    "a tuple for a name": (Pickle().raw(b"}").put((1, 2)).raw(b"K\1s").done(), "a name that is none"),
    "a tuple for a name in pairs": (
        Pickle().name("collections", "OrderedDict").put(([[(1, 2), 3]],)).raw(b"R").done(),
        "a name that is none",
    ),
    "a number of a thousand bytes for a name": (
        Pickle().raw(b"}\x8b" + struct.pack("<i", 1000) + b"\x7f" * 1000 + b"Ns").done(),
        "a name that is none",
    ),
    "a number of a thousand bytes for a name in pairs": (
        Pickle()
        .name("collections", "OrderedDict")
        .raw(b"](](\x8b" + struct.pack("<i", 1000) + b"\x7f" * 1000 + b"Nee\x85R")
        .done(),
        "a name that is none",
    ),
    "a list": (Pickle().put([1, 2]).done(), "holds no state dict"),
    "one tensor": (Pickle().put(Tensor("0", F, 2, (2,))).done(), "holds one tensor"),
    "no tensors": (Pickle().put({"epoch": 3}).done(), "holds no state dict"),
    "whole numbers alone": (Pickle().put({"a": Tensor("1", "LongStorage", 1, (1,))}).done(), "holds no state dict"),
    "out of its storage": (Pickle().put({"a": Tensor("0", F, 2, (3,))}).done(), "reaches out of its storage"),
    "by an offset": (Pickle().put({"a": Tensor("0", F, 2, (2,), offset=1)}).done(), "reaches out of its storage"),
    "by a stride": (Pickle().put({"a": Tensor("0", F, 2, (2,), (9,))}).done(), "reaches out of its storage"),
    "backward": (Pickle().put({"a": Tensor("0", F, 2, (2,), (-1,), 1)}).done(), "sizes are no whole numbers"),
    "from before its storage": (Pickle().put({"a": Tensor("0", F, 2, (2,), offset=-1)}).done(), "no whole numbers"),
    "fewer strides": (Pickle().put({"a": Tensor("0", F, 2, (2,), ())}).done(), "a tensor has no sizes"),
    "a hundred axes": (Pickle().put({"a": Tensor("0", F, 2, (1,) * 100)}).done(), "a tensor has 100 axes"),
    "no storage of that name": (Pickle().put({"a": Tensor("../0", F, 2, (2,))}).done(), "it has no storage ../0"),
    "a storage of other size": (Pickle().put({"a": Tensor("0", F, 9, (2,))}).done(), "has 8 bytes, and 9 numbers"),
    "a storage of negative size": (Pickle().put({"a": Tensor("0", F, -1, (2,))}).done(), "a storage has no size"),
    "complex numbers": (Pickle().put({"a": Tensor("0", "ComplexFloatStorage", 1, (1,))}).done(), "dense and real"),
    "quantized": (Pickle().name("torch._utils", "_rebuild_qtensor").done(), "quantized"),
    "several": (
        Pickle().put({"generator": {"a": Tensor("0", F, 2, (2,))}, "critic": {"b": Tensor("0", F, 2, (2,))}}).done(),
        "holds several state dicts: generator and critic",
    ),
    "many": (
        Pickle().put({f"net{i}": {"a": Tensor("0", F, 2, (2,))} for i in range(300)}).done(),
        "net8, net9 and 290 more\n",
    ),
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles(tmp_path: Path, name: str) -> None:
    content, message = PICKLES[name]
    storages = {"0": bytes(8), "1": bytes(8)}
    assert message in refused(tmp_path, zipped(content, storages))


def test_bombs_take_little_memory_and_time(tmp_path: Path) -> None:
    huge = Tensor("0", F, 2, (2**20, 2**20), (0, 0))
    nested = b"\x80\x02N" + b"\x85" * 30_000 + b"."
    doubled = b"\x80\x02)" + b"2\x86" * 30_000 + b"."
    lists = b"\x80\x02" + b"]q\0h\0a" + b"h\0h\0a0" * 5_000 + b"."
    copied = Pickle().put([(f"name{i}", i) for i in range(1000)]).raw(b"q\0")
    copied.raw(b"ccollections\nOrderedDict\nh\0\x85R" * 3_000)
    tracemalloc.start()
    try:
        for content in (
            Pickle().put({"a.weight": huge, "a.bias": huge}).done(),
            nested,
            doubled,
            lists,
            copied.done(),
            b"\x80\x02" + b"(" * 100_000,
        ):
            assert refused(tmp_path, zipped(content, {"0": bytes(8)}, packed=True))
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_that_would_be_unpacked_to_many_times_its_size(tmp_path: Path) -> None:
    content = zipped(state_pickle(ARRAYS), {"0": bytes(120_000_000)}, packed=True)
    tracemalloc.start()
    try:
        assert "would be unpacked to many times its size" in refused(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_zip_that_lists_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    content = saved(ARRAYS) + b"PK\1\2" * 200_000
    assert "entries; at most 100,000 can be" in refused(tmp_path, content)


def test_too_many_opcodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.formats.torch.pickles._MOST_OPCODES", 100)
    assert "more than 100 opcodes" in refused(tmp_path, zipped(b"\x80\x02" + b"N0" * 200 + b"N.", {}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is no file of PyTorch"),
        (b"\x80\x02}.", "is no file of PyTorch"),
        (b"PK\3\4", "is damaged"),
        (zipped(b"", {}), "is damaged"),
        (saved(ARRAYS)[:-30], "is damaged"),
        (saved(ARRAYS)[:200], "is damaged"),
        (zipped(state_pickle(ARRAYS), {}), "it has no storage 0"),
        (zipped(state_pickle(ARRAYS), {}, more={"other/data.pkl": b""}), "is a zip, and none of PyTorch"),
        (MAGIC, "is damaged"),
        (legacy(ARRAYS)[:-4], "it ends within the storage 3"),
        (legacy(ARRAYS) + b"more", "4 bytes are left over"),
        (legacy({"a.weight": ARRAYS["a.weight"]}, state_pickle(ARRAYS, legacy=True)), "are others than those of its"),
        (legacy({**ARRAYS, "a.weight": np.ones(9, "<f4")}, state_pickle(ARRAYS, legacy=True)), "has 9 numbers, and 20"),
    ],
)
def test_containers(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refused(tmp_path, content)


def test_another_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "hello")
    assert "is a zip, and none of PyTorch" in refused(tmp_path, (tmp_path / "other.zip").read_bytes())


def test_a_flipped_byte_of_a_storage_is_noticed(tmp_path: Path) -> None:
    content = bytearray(saved(ARRAYS))
    content[content.index(ARRAYS["a.weight"].tobytes())] ^= 1
    assert "Bad CRC-32" in refused(tmp_path, bytes(content))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(tmp_path: Path, value: float) -> None:
    wrong = {**ARRAYS, "b.bias": np.array([0, value, 0], "<f4")}
    assert "what becomes fc_2/bias has numbers that are not finite" in refused(tmp_path, saved(wrong))


def test_damaged_safetensors(tmp_path: Path) -> None:
    for content in (b"", b"{}", b"\xff" * 40, (10**9).to_bytes(8, "little") + b"{}" * 20):
        assert refused(tmp_path, content, name="w.safetensors")


def test_mutations_end_in_errors_of_netspec(tmp_path: Path) -> None:
    chosen = random.Random(7)
    seeds = [saved(ARRAYS), saved(ARRAYS, packed=True), legacy(ARRAYS)]
    (tmp_path / "net.net").write_text(SPEC)
    for _ in range(60):
        data = damaged(chosen.choice(seeds), chosen, [b"(", b".", b"cos\nsystem\n", b"\xff\xff", b"R", b"Q"])
        (tmp_path / "w.pth").write_bytes(data)
        try:
            import_model([tmp_path / "net.net", tmp_path / "w.pth"], out=tmp_path / "out.net", force=True)
        except NetspecError:
            continue
