"""Texts in folders of classes as examples: parts, numbers, padding, and what is refused."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.compiler import analyze, require
from netspec.data.for_network import load_data
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.sources.texts import reading as text_files

WORDS = [
    "the",
    "film",
    "was",
    "good",
    "bad",
    "long",
    "short",
    "and",
    "so",
    "it",
    "is",
    "a",
    "very",
    "old",
    "new",
    "one",
]
SPEC = 'data "set" {{ text words length=6{more} }}\nembedding 4; globalpool; fc classes softmax\n'


def texts(count: int = 30, before: str = "") -> dict[str, bytes]:
    """Return texts of two classes, all different."""
    draw = np.random.default_rng(3)
    made = {}
    for i in range(count):
        for name in ("pos", "neg"):
            words = " ".join(draw.choice(WORDS, draw.integers(2, 9)))
            made[f"{before}{name}/{i:02}.txt"] = f"{words} {name} {before}{i}\n".encode()
    return made


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def network(path: Path, more: str = "", text: str = SPEC) -> Any:
    return require(analyze(Source("n.net", text.format(more=more), path)))[0]


def load(path: Path, more: str = "", text: str = SPEC) -> Dataset:
    return load_data(network(path, more, text), base=path)


def rows(dataset: Dataset) -> dict[str, set[bytes]]:
    return {name: {row.tobytes() for row in part.images} for name, part in dataset.splits.items()}


def test_each_text_is_an_example_filled_up_with_padding(tmp_path: Path) -> None:
    folder(tmp_path / "set", {"pos/a.txt": b"good film", "neg/b.txt": b"bad, bad film. " * 4, "pos/c.txt": b"zebra"})
    folder(tmp_path / "set", {"neg/d.txt": b"NA"})
    found = load(tmp_path, "; test 1")
    assert found.labels == ("neg", "pos")
    assert found.train.images.shape == (3, 6)
    prepared = found.preparation
    assert prepared is not None
    assert prepared.table is not None
    vocabulary = prepared.table.inputs["input"].vocabulary
    assert vocabulary is not None
    every = np.concatenate([found.train.images, found.test.images])
    for row in every:
        count = int((row != 0).sum())
        # Padding stands behind the text alone, and no text is without a token.
        assert count
        assert not row[count:].any()
    shown = {vocabulary.decode([n - 1 for n in row if n]) for row in every}
    assert sum("\ufffd" not in text for text in shown) == 3
    net = network(tmp_path, "; test 1")
    assert (net.inputs[0].mask, net.inputs[0].tokens) == (0, len(vocabulary) + 1)


def test_the_test_part_does_not_decide_about_the_vocabulary(tmp_path: Path) -> None:
    parts = texts(6, "train/") | texts(4, "test/")
    one = load(folder(tmp_path / "a", {f"set/{n}": c for n, c in parts.items()}))
    changed = {n: (c + b" quagga" if n.startswith("test/") else c) for n, c in parts.items()}
    other = load(folder(tmp_path / "b", {f"set/{n}": c for n, c in changed.items()}))
    assert one.preparation == other.preparation
    assert (len(one.train), len(one.test), one.cut) == (12, 8, False)


def test_shares_are_drawn_by_a_hash_of_each_text(tmp_path: Path) -> None:
    few, more = texts(30), texts(30)
    more |= {name.replace(".txt", "x.txt"): content + b" more" for name, content in texts(20).items()}
    wide = SPEC.replace("length=6", "length=16")
    one = load(folder(tmp_path / "a", {f"set/{n}": c for n, c in few.items()}), "; test 25%; validation 20%", wide)
    sizes = {name: len(part) for name, part in one.splits.items()}
    assert sum(sizes.values()) == 60
    # A quarter of each class, within a tenth of it.
    assert 14 <= sizes["test"] <= 16
    assert sizes["validation"] > 1
    assert all(set(part.labels) == {0, 1} for part in one.splits.values())
    # With `text bytes` the numbers do not depend on the training part.
    raw = wide.replace("text words", "text bytes").replace("length=16", "length=80")
    a = load(tmp_path / "a", "; test 25%; validation 20%", raw)
    b = load(folder(tmp_path / "b", {f"set/{n}": c for n, c in more.items()}), "; test 25%; validation 20%", raw)
    # Forty more move none but a few at the boundary.
    assert all(len(rows(a)[name] - rows(b)[name]) <= 4 for name in rows(a))
    assert len(b.train) + len(b.test) + len(b.validation or ()) == 100
    assert len(load(tmp_path / "a", "; test 7", wide).test) == 7


def test_archives_are_read_as_folders_are(tmp_path: Path) -> None:
    files = texts(8)
    plain = load(folder(tmp_path / "plain", {f"set/{n}": c for n, c in files.items()}), "; test 4")
    spec = SPEC.replace('"set"', '"set.zip"')
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, content in {**files, "__MACOSX/pos/._a.txt": b"x", "pos/.b.txt": b"x"}.items():
            archive.writestr(f"around/{name}", content)
    packed = load(tmp_path, "; test 4", spec)
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "plain" / "set", "set")
    other = load(tmp_path, "; test 4", SPEC.replace('"set"', '"set.tar.gz"'))
    assert plain.sha256 == packed.sha256 == other.sha256


LAYOUTS: dict[str, tuple[dict[str, bytes], str]] = {
    "none": ({"pos/a.png": b"", "neg/b.png": b""}, "set has no texts in it; it has 2 other files"),
    "one class": ({"pos/a.txt": b"a", "pos/b.txt": b"b"}, "set has one class, pos"),
    "loose": ({"a.txt": b"a", "b.txt": b"b"}, "set/a.txt is in no folder of a class"),
    "one text": (texts(3) | {"new/a.txt": b"a"}, "set has one text of the class new"),
    "test only": (
        texts(3, "train/") | {"test/pos/a.txt": b"a", "test/new/a.txt": b"a"},
        "set/test/new/a.txt is of the class 'new', which train/ does not have",
    ),
    "empty": ({"pos/a.txt": b" \n", "pos/b.txt": b"", "neg/a.txt": b"a", "neg/b.txt": b"b"}, "texts of pos are empty"),
    "latin": (texts(3) | {"pos/x.txt": b"caf\xe9"}, "set/pos/x.txt is no UTF-8: byte 0xe9 in line 1"),
    "utf-16": (texts(3) | {"pos/x.txt": "é".encode("utf-16") + b"x"}, "set/pos/x.txt is no UTF-16"),
    "a picture": (texts(3) | {"pos/x.txt": b"\x89PNG\r\n"}, "set/pos/x.txt is a picture, and no text"),
    "old Word": (texts(3) | {"pos/x.txt": b"\xd0\xcf\x11\xe0"}, "set/pos/x.txt is an Excel or Word file, and no text"),
    "nul": (texts(3) | {"pos/x.txt": b"a\0b"}, "set/pos/x.txt has bytes that no text has"),
    "several": (
        texts(3) | {f"pos/x{i}.txt": b"\xff" for i in range(5)},
        r"set/pos/x0.txt is no UTF-8.*; likewise set/pos/x1.txt, set/pos/x2.txt and 2 more cannot be read",
    ),
}


@pytest.mark.parametrize(("files", "message"), LAYOUTS.values(), ids=LAYOUTS)
def test_folders_that_are_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    folder(tmp_path / "set", files)
    found = analyze(Source("n.net", SPEC.format(more=""), tmp_path), files=True)
    assert found.diagnostics[0].code == "E0314"
    with pytest.raises(DataError, match=message):
        load_data(ns.parse('data "x" { text words whole length=6 }\n' + INPUT), tmp_path / "set")


INPUT = "input 6 tokens=50 mask=0\nembedding 2; globalpool; fc 2 softmax\n"


def test_what_is_suspicious_is_noticed(tmp_path: Path) -> None:
    files = texts(5, "train/") | {"test/pos/a.txt": b"good and new", "test/neg/a.txt": b"other"}
    files |= {"train/pos/x.txt": b"good and new", "train/neg/x.txt": b"good  and new\n", "train/neg/e.txt": b""}
    files |= {"train/neg/y.txt": b"good and new"}
    found = load(folder(tmp_path, {f"set/{n}": c for n, c in files.items()}))
    assert found.notices == (
        "set/train/neg/e.txt is empty, and left out",
        "1 text of set for test is to be learned from too",
        "1 text of set is there in several classes",
    )
    bare = f'data "set" {{{{ text words }}}}\n{INPUT.replace(" mask=0", "").replace("50", "tokens")}'
    assert "without `mask=0`" in load(tmp_path, text=bare).notices[-1]
    texts_for_sizes = SPEC.replace("length=6", "").replace("globalpool", "lstm 2 last")
    assert load(tmp_path, text=texts_for_sizes).shape == (network(tmp_path, "", texts_for_sizes).inputs[0].shape)


def test_what_does_not_go_with_texts(tmp_path: Path) -> None:
    folder(tmp_path, {f"set/{n}": c for n, c in texts(4).items()})

    def codes(text: str) -> list[str]:
        return [d.code for d in analyze(Source("n.net", text, tmp_path), files=True).diagnostics]

    head = 'data "set" { text words length=6 }\n'
    assert codes(f"{head}input 1x8x8; flatten; fc 2 softmax") == ["E0308"]
    assert codes(f"{head}input 7 tokens=tokens mask=0; embedding 2; globalpool; fc 2 softmax") == ["E0308"]
    assert codes(f"{head}input 6 tokens=tokens mask=1; embedding 2; globalpool; fc 2 softmax") == ["E0308"]
    assert codes(f"{head}input 6 tokens=9 mask=0; embedding 2; globalpool; fc 2 softmax") == ["E0308"]
    assert codes(f"{head}embedding 2; globalpool; fc 3 softmax") == ["E0304"]
    assert codes(f"{head}embedding 2; globalpool; fc 1 sigmoid") == []
    assert codes('data "set" { text words whole; target next }\nembedding 2; globalpool; fc 3 softmax')[0] == "E0207"
    assert codes('data "set"\ninput 3x8x8; flatten; fc 2 softmax') == ["E0314"]


def test_a_text_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as stream:
        stream.truncate(5 * 2**30)
    monkeypatch.setattr(text_files, "open_to_read", lambda path: path.open("rb", buffering=0))
    with pytest.raises(DataError, match="larger than 2 GiB"):
        text_files.read_text(path, "huge.txt")


def test_a_test_part_of_its_own_is_looked_at_alone(tmp_path: Path) -> None:
    net = network(folder(tmp_path / "set", texts()).parent, "; validation 15%")
    learned = load_data(net, base=tmp_path)
    few = {"train/pos/a.txt": b"good", "test/pos/b.txt": b"old", "test/neg/c.txt": b"bad"}
    other = load_data(
        net, folder(tmp_path / "few", few), preparation=learned.preparation, known={"label": learned.labels}
    )
    assert (len(other.test), other.test.labels.tolist()) == (2, [0, 1])
