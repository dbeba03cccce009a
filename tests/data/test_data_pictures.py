"""Folders and archives of pictures: how they are found, read, divided and resized."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netspec as ns
from netspec.compiler import analyze, load_source
from netspec.data.files import decode_files
from netspec.data.files.picture_files import picture_of
from netspec.data.for_network import load_data
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.files.mask_folders import without_masks
from netspec.sources.files.picture_headers import header_of
from netspec.sources.files.pictures import pictures_of
from netspec.sources.trees import open_tree

NET = 'data "DATA" { SETTINGS }\ninput 3x4x4\nflatten; fc classes softmax\n'


def png(seed: int, size: tuple[int, int] = (4, 4), mode: str = "RGB", kind: str = "PNG") -> bytes:
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels if bands > 1 else pixels[..., 0], mode).save(stream, kind)
    return stream.getvalue()


def grey(pixels: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def classes(*names: str, each: int = 12, before: str = "", first: int = 0) -> dict[str, bytes]:
    return {f"{before}{name}/{i}.png": png(first + 1000 * at + i) for at, name in enumerate(names) for i in range(each)}


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: Mapping[str, bytes], mode: str) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def load(path: Path, settings: str = "", net: str = NET, **known: Any) -> Dataset:
    outputs = str(len(known["known"]["fc_1"])) if known else "classes"
    text = net.replace("DATA", path.name).replace("SETTINGS", settings).replace("classes", outputs)
    (path.parent / "s.net").write_text(text, encoding="utf-8")
    network = ns.load(path.parent / "s.net")
    return load_data(network, base=path.parent, **known)


def check(folder: Path, text: str) -> list[tuple[str, str]]:
    (folder / "s.net").write_text(text, encoding="utf-8")
    return [(d.code, d.message) for d in analyze(load_source(folder / "s.net"), files=True).diagnostics]


# --- where they lie -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [1, 2])
@pytest.mark.parametrize("settings", ["test 20; validation 5", "test 20%; validation 15%"])
def test_a_model_is_looked_at_with_all_of_what_is_too_little_to_be_divided(
    tmp_path: Path, settings: str, rule: int
) -> None:
    fitted = load(put(tmp_path / "set", classes("cat", "dog", each=20)), settings).preparation
    assert fitted is not None
    fitted = fitted.model_copy(update={"draw": rule})
    few = put(tmp_path / "few", {"cat/a.png": png(1), "dog/b.png": png(2)})
    network = ns.load(tmp_path / "s.net")
    found = load_data(network, few, preparation=fitted, known={"fc_1": ("cat", "dog")})
    assert (len(found.train), len(found.test)) == (0, 2)
    with pytest.raises(DataError, match="of the class"):
        load_data(network, few)


def test_a_folder_and_archives_of_it_are_the_same(tmp_path: Path) -> None:
    files = classes("cat", "dog") | {".DS_Store": b"x", "cat/.hidden.png": b"x", "__MACOSX/cat/._0.png": b"x"}
    files |= {"cat/Thumbs.db": b"x", "cat/notes.txt": b"x", "dog/deep/er.PNG": png(5), "dog/with space ü.Png": png(6)}
    folder = put(tmp_path / "set", files)
    expected = load(folder)
    assert expected.labels == ("cat", "dog")
    assert len(expected.train) + len(expected.test) == 26
    for archive in (
        zipped(tmp_path / "set.zip", files),
        tarred(tmp_path / "set.tar", files, "w"),
        tarred(tmp_path / "set.tar.gz", dict(reversed(files.items())), "w:gz"),
        zipped(tmp_path / "around.ZIP", {f"set/{name}": content for name, content in files.items()}),
    ):
        found = load(archive)
        assert found.labels == expected.labels
        assert found.sha256 == expected.sha256
    assert not [p for p in tmp_path.iterdir() if p.name in {"cat", "dog"}]


def test_classes_sort_as_numbers_and_one_name_is_one_class(tmp_path: Path) -> None:
    assert load(put(tmp_path / "n", classes("10", "2", "1"))).labels == ("1", "2", "10")
    files = classes("caf\u00e9", "b", before="Train/") | classes("cafe\u0301", "b", before="test/", first=50)
    assert load(zipped(tmp_path / "u.zip", files)).labels == ("b", "caf\u00e9")


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_parts_of_their_own(tmp_path: Path, val: str) -> None:
    parts = {"train": 6, val: 3, "test": 2}
    files: dict[str, bytes] = {}
    for at, (part, each) in enumerate(parts.items()):
        files |= classes("a", "b", each=each, before=f"{part}/", first=100 * at)
    found = load(put(tmp_path / "set", files))
    assert found.validation is not None
    assert (len(found.train), len(found.validation), len(found.test)) == (12, 6, 4)
    assert [np.bincount(part.labels).tolist() for part in found.splits.values()] == [[6, 6], [2, 2], [3, 3]]
    with pytest.raises(DataError, match="of its own") as refused:
        load(tmp_path / "set", "validation 10%")
    assert "val/" in refused.value.fix
    # Without test/ it is drawn, and that is said.
    found = load(
        zipped(
            tmp_path / "s.zip",
            {n: c for n, c in files.items() if not n.startswith("test")} | classes("a", before="train/", each=40),
        )
    )
    assert found.notices == (f"{tmp_path / 's.zip'} has no test/: 20 % of train/ are for the test",)


def test_what_is_drawn_for_the_test_stays_there(tmp_path: Path) -> None:
    files = classes("a", "b", each=40)
    few, more = (
        load(zipped(tmp_path / f"{n}.zip", f)) for n, f in (("few", files), ("more", files | classes("c", first=7)))
    )

    def rows(array: np.ndarray) -> set[bytes]:
        return {row.tobytes() for row in array}

    assert 8 <= len(few.test) <= 24
    assert rows(few.test.images) <= rows(more.test.images)
    assert rows(few.train.images) <= rows(more.train.images)
    same = load(zipped(tmp_path / "same.zip", {f"{n}/{i}.png": png(i // 4) for n in "ab" for i in range(40)}))
    assert not rows(same.train.images) & rows(same.test.images)
    exact = load(tmp_path / "few.zip", "test 7; validation 10")
    assert (len(exact.test), len(exact.train)) == (7, 73)
    # What is held out are the last ones, which are not of one class.
    assert set(exact.train.labels[-10:]) == {0, 1}
    with pytest.raises(DataError, match="leaves none"):
        load(tmp_path / "few.zip", "test 80")


LAYOUTS: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({"readme.txt": b"x"}, "has no pictures in it; it has 1 other file"),
    "one class": (classes("cat"), "has one class, cat"),
    "loose": (
        classes("cat", "dog") | {"a.png": png(1), "b.png": png(2)},
        "a.png is in no folder of its class, as 1 other",
    ),
    "no classes": ({f"{i}.png": png(i) for i in range(3)}, "is in no folder of a class"),
    "one example": (classes("cat") | classes("dog", each=1), "one picture of the class dog"),
    "no train": (classes("a", "b", before="val/") | classes("a", "b", before="test/"), "no train/ to learn from"),
    "twice": (
        classes("a", "b", before="val/") | classes("a", "b", before="valid/") | classes("a", before="train/"),
        "val/ and valid/",
    ),
    "beside": (classes("a", "b", before="train/") | classes("c"), "has c/ beside train/"),
    "test only": (
        classes("a", "b", before="train/") | classes("a", "bb", before="test/"),
        "is of the class 'bb', which train/",
    ),
    "no mask": ({"images/1.png": png(1), "images/2.png": png(2), "masks/1.png": png(1)}, r"images/2.png has no mask"),
    "no picture": (
        {"images/1.png": png(1), "masks/2.png": png(2), "masks/1.png": png(1)},
        r"masks/2.png has no picture",
    ),
    "two of a name": ({"images/1.png": png(1), "images/1.jpg": png(2), "masks/1.png": png(1)}, "have the same name"),
}


@pytest.mark.parametrize(("files", "message"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_that_are_refused(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    put(tmp_path / "set", files)
    with open_tree(tmp_path / "set", "set") as tree, pytest.raises(DataError, match=message):
        pictures_of(tree)
    # The check of a spec says the same, without decoding anything.
    (found,) = check(tmp_path, 'data "set"; input 3x4x4; flatten; fc 2 softmax')
    assert found[0] == "E0314"


def test_where_there_are_tables_instead_one_is_named(tmp_path: Path) -> None:
    tables = {"train.csv": b"a,y\n1,2\n", "test.csv": b"a\n1\n"}
    put(tmp_path / "set", tables)
    with open_tree(tmp_path / "set", "set") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert caught.value.fix == "name a table that is in it, such as set/test.csv"
    with open_tree(zipped(tmp_path / "set.zip", tables), "set.zip") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert caught.value.fix == "unpack it, and name a table that is in it, such as test.csv"


@pytest.mark.parametrize(
    ("files", "table"),
    [
        ({f"images/c{i}.png": png(i) for i in range(4)}, "labels.csv"),
        ({f"c{i}.png": png(i) for i in range(4)}, "labels.csv"),
        ({f"{n}/{n}{i}.png": png(i) for i in range(4) for n in ("train", "test")}, "train_labels.csv"),
    ],
)
def test_pictures_that_a_table_names_are_told_to_be_learned_by_it(
    tmp_path: Path, files: dict[str, bytes], table: str
) -> None:
    names = [Path(file).stem for file in files if not file.startswith("test/")]
    labels = "\n".join(["id,breed", *(f"{name},{i % 2}" for i, name in enumerate(names))]).encode()
    files = files | {table: labels, "notes.csv": b"a,b\n1,2\n", "submission.csv": b"id\ntest0\ntest1\n"}
    put(tmp_path / "set", files)
    with open_tree(tmp_path / "set", "set") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert caught.value.fix == f"name set/{table}, which names the pictures"
    with open_tree(zipped(tmp_path / "set.zip", files), "set.zip") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert caught.value.fix == f"unpack it, and name {table} in it, which names the pictures"


def test_folders_that_look_like_classes_but_are_named_by_a_table_are_noted(tmp_path: Path) -> None:
    files = {f"{folder}/{folder}{i}.png": png(i) for i in range(4) for folder in ("images", "test")}
    labels = "\n".join(["id,breed", *(f"images{i},{i % 2}" for i in range(4))]).encode()
    put(tmp_path / "set", files | {"labels.csv": labels, "notes.csv": b"a\n1\n"})
    with open_tree(tmp_path / "set", "set") as tree:
        found = pictures_of(tree)
    assert found.classes == ("images", "test")
    assert found.notices == (
        "set: images/ and test/ are read as classes; set/labels.csv names the pictures: name it to learn its columns",
    )


@pytest.mark.parametrize(
    ("ending", "fix"),
    [
        (".md", "each .md file: rename it to end in .txt: texts are read from such files"),
        (".html", "each .html file: save the text in it as a .txt file in UTF-8"),
        (".xlsx", "name a table that is in it, such as set/a/0.xlsx"),
        (".unknown", "name a folder of .png or .jpg files, or of the four IDX files"),
    ],
)
def test_files_of_another_form_are_told_how_they_become_data(tmp_path: Path, ending: str, fix: str) -> None:
    put(tmp_path / "set", {f"a/{i}{ending}": b"x" for i in range(3)} | {"a/other.bin": b"x"})
    with open_tree(tmp_path / "set", "set") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert caught.value.fix == fix


@pytest.mark.parametrize("part", ["test", "val"])
@pytest.mark.parametrize("inside", ["", "unknown/"])
def test_a_part_without_classes_is_to_be_moved_out(tmp_path: Path, part: str, inside: str) -> None:
    files = classes("cat", "dog", before="train/") | {f"{part}/{inside}{i}.png": png(i) for i in range(3)}
    put(tmp_path / "set", files)
    with open_tree(tmp_path / "set", "set") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert f"set/{part}" in caught.value.message
    advice = f"move {part}/ out of set; `netspec predict RUN {part}/` answers for it"
    assert caught.value.fix is not None
    assert advice in caught.value.fix
    with open_tree(zipped(tmp_path / "set.zip", files), "set.zip") as tree, pytest.raises(DataError) as caught:
        pictures_of(tree)
    assert caught.value.fix is not None
    assert f"unpack it, and move {part}/ out of the folder" in caught.value.fix


def test_check_knows_the_classes(tmp_path: Path) -> None:
    put(tmp_path / "set", classes("a", "b", "c", each=3))
    assert not check(tmp_path, 'data "set"; input 3x4x4; flatten; fc classes softmax')
    assert not check(tmp_path, 'data "set"; flatten; fc classes softmax')  # all have one size
    ((code, message),) = check(tmp_path, 'data "set"; input 3x4x4; flatten; fc 5 softmax')
    assert (code, message) == ("E0304", "the network has 5 outputs, but set has 3 classes: a, b and c")
    assert [c for c, _ in check(tmp_path, 'data "set"; input 48; fc 3 softmax')] == ["E0308"]
    (tmp_path / "set" / "empty").mkdir()
    ((code, message),) = check(tmp_path, 'data "set"; input 3x4x4; flatten; fc classes softmax')
    assert (code, message) == ("E0314", "set/empty has no pictures in it")
    (tmp_path / "set" / "empty").rmdir()
    (tmp_path / "set" / "a" / "large.png").write_bytes(png(1, (9, 5)))
    ((code, message),) = check(tmp_path, 'data "set"; flatten; fc classes softmax')
    assert (code, message) == ("E0306", "the pictures of set are of different sizes, or large")
    put(tmp_path / "m", {"images/1.png": png(1), "masks/1.png": png(1)})
    assert not check(tmp_path, 'data "m"; input 3x4x4; conv 1 1x1 sigmoid')
    assert [c for c, _ in check(tmp_path, 'data "m"; input 3x4x4; conv 1 3x3 sigmoid')] == ["E0304"]
    assert [c for c, _ in check(tmp_path, 'data "m"; input 3x4x4; conv classes 1x1 softmax')] == ["E0406"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_sizes_are_read_from_headers(kind: str) -> None:
    assert header_of(png(1, (7, 5), kind=kind)) == (3, 5, 7)
    assert header_of(png(1, (7, 5), kind=kind)[:9]) is None


# --- what nobody should believe -----------------------------------------------------------------------------------


def link_in_tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in classes("a", "b").items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("a/passwd.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)


def link_in_zip(path: Path) -> None:
    with zipfile.ZipFile(zipped(path, classes("a", "b")), "a") as archive:
        link = zipfile.ZipInfo("a/passwd.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")


@pytest.mark.parametrize(("name", "make"), [("s.tar", link_in_tar), ("s.zip", link_in_zip)])
def test_links_in_archives_are_not_followed(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / name)
    found = load(tmp_path / name)
    assert len(found.train) + len(found.test) == 24
    assert found.notices == (f"{tmp_path / name}: 1 link is not followed",)


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "set", classes("a", "b"))
    (tmp_path / "secret.png").write_bytes(png(9))
    (tmp_path / "set/a/out.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "set/b/in.png").symlink_to(tmp_path / "set/a/0.png")
    (tmp_path / "set/b/round").symlink_to(tmp_path / "set")
    found = load(tmp_path / "set")
    assert len(found.train) + len(found.test) == 25
    assert "2 links" in found.notices[0]


def cut(path: Path, files: Mapping[str, bytes]) -> None:
    content = zipped(path, files).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flagged(path: Path, files: Mapping[str, bytes]) -> None:
    content = bytearray(zipped(path, files).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def claiming(path: Path, files: Mapping[str, bytes]) -> None:
    content = bytearray(zipped(path, files).read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)


def bomb(path: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for i in range(3):
            archive.writestr(f"cat/{i}.bmp", bytes(50_000_000))


HOSTILE: dict[str, tuple[str, Callable[[Path, Mapping[str, bytes]], Any], str]] = {
    "climbing": ("s.zip", lambda p, f: zipped(p, {**f, "../up.png": b""}), "leads out of the archive"),
    "absolute": ("s.zip", lambda p, f: zipped(p, {**f, "/etc/x.png": b""}), "leads out of the archive"),
    "backslashes": ("s.zip", lambda p, f: zipped(p, {**f, "..\\up.png": b""}), "leads out of the archive"),
    "climbing tar": ("s.tar", lambda p, f: tarred(p, {**f, "a/../../up.png": b""}, "w"), "leads out of the archive"),
    "cut off": ("s.zip", cut, "is damaged"),
    "no archive": ("s.tar.gz", lambda p, f: p.write_bytes(b"no tar"), "is damaged"),
    "encrypted": ("s.zip", flagged, "is encrypted"),
    "claims": ("s.zip", claiming, "no pictures or texts are packed like that"),
    "a bomb": ("s.zip", bomb, "no pictures or texts are packed like that"),
}


@pytest.mark.parametrize(("name", "make", "message"), HOSTILE.values(), ids=HOSTILE)
def test_archives_that_are_refused(tmp_path: Path, name: str, make: Callable[..., Any], message: str) -> None:
    make(tmp_path / name, classes("cat", "dog", each=3))
    with pytest.raises(DataError, match=message):
        open_tree(tmp_path / name, name)
    ((code, _),) = check(tmp_path, f'data "{name}"; input 3x4x4; flatten; fc 2 softmax')
    assert code == "E0314"


def test_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    bad = {f"a/bad{i}.png": b"no picture" for i in range(4)}
    whole = png(3, (40, 40))
    files = classes("a", "b") | bad | {"b/cut.png": whole[: len(whole) // 2]}
    path = zipped(tmp_path / "s.zip", files)
    with pytest.raises(
        DataError, match=r"5 of 29 pictures of .*s\.zip cannot be read: .*bad0.png is not .* and 2 more"
    ) as e:
        load(path)
    assert "on_bad skip" in e.value.fix
    found = load(path, "on_bad skip")
    assert len(found.train) + len(found.test) == 24
    assert found.notices[0].startswith(f"5 pictures of {path} cannot be read and left out: ")
    content = bytearray(zipped(tmp_path / "crc.zip", classes("a", "b")).read_bytes())
    content[content.index(b"IDAT") + 8] ^= 255
    (tmp_path / "crc.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a/0.png is damaged"):
        load(tmp_path / "crc.zip")


def test_what_does_not_fit_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "set", classes("a", "b"))
    monkeypatch.setattr(decode_files, "free_memory", lambda: 1000)
    with pytest.raises(DataError, match="24 pictures: as 3x4x4 they take"):
        load(tmp_path / "set")


# --- resizing -----------------------------------------------------------------------------------------------------


def test_how_a_picture_gets_its_size() -> None:
    wide = np.zeros((8, 16), np.uint8)
    wide[:, 4:12] = 200  # the center, as high as wide
    crop, fit, stretch = (picture_of(grey(wide), "x", (1, 8, 8), how)[0][0] for how in ("crop", "fit", "stretch"))
    np.testing.assert_array_equal(crop, np.full((8, 8), 200))
    np.testing.assert_array_equal(fit[:2], np.zeros((2, 8)))  # its border's color
    assert abs(int(fit[4, 4]) - 200) < 5
    np.testing.assert_allclose(stretch[0], [0, 0, 200, 200, 200, 200, 0, 0], atol=30)
    framed = np.zeros((16, 32), np.uint8)
    framed[1:15, 9:23] = 200  # seven eighths of the center
    np.testing.assert_array_equal(picture_of(grey(framed), "x", (1, 14, 14), "center")[0][0], np.full((14, 14), 200))
    tall = picture_of(grey(wide.T), "x", (1, 8, 8), "crop")[0][0]
    np.testing.assert_array_equal(tall, np.full((8, 8), 200))


def test_pictures_of_all_kinds() -> None:
    def read(image: Image.Image, kind: str = "PNG", channels: int = 3, **how: Any) -> np.ndarray:
        stream = io.BytesIO()
        image.save(stream, kind, **how)
        return picture_of(stream.getvalue(), "x", (channels, 2, 4), "crop")[0]

    turned = Image.Exif()
    turned[0x0112] = 6
    upright = Image.new("RGB", (4, 2), "red")
    upright.paste("blue", (0, 0, 2, 2))
    found = read(upright.transpose(Image.Transpose.ROTATE_90), exif=turned)
    np.testing.assert_array_equal(found, np.asarray(upright).transpose(2, 0, 1))
    assert read(Image.new("RGBA", (4, 2), (0, 0, 0, 0))).min() == 255
    np.testing.assert_array_equal(read(upright.quantize(4)), np.asarray(upright).transpose(2, 0, 1))
    deep = Image.fromarray(np.full((2, 4), 65535, np.uint16))
    assert read(deep, channels=1).min() == 255
    large = Image.new("RGB", (4000, 2000), (10, 200, 30))
    np.testing.assert_allclose(read(large, "JPEG").transpose(1, 2, 0), np.full((2, 4, 3), (10, 200, 30)), atol=3)


# --- masks --------------------------------------------------------------------------------------------------------

SEG = 'data "DATA" { SETTINGS }\ninput 1x8x8\nconv OUT 3x3 pad=1 END\n'
ONE = SEG.replace("OUT", "1").replace("END", "sigmoid")
FEW = SEG.replace("OUT", "3").replace("END", "softmax")


def masked(values: tuple[int, ...], size: tuple[int, int] = (16, 24), count: int = 10) -> dict[str, bytes]:
    files = {}
    for i in range(count):
        blocks = np.random.default_rng(i).integers(0, len(values), (size[0] // 4, size[1] // 4))
        mask = np.kron(np.asarray(values)[blocks], np.ones((4, 4)))
        files[f"images/{i}.png"] = grey(mask * (255 // max(values)))
        files[f"masks/{i}.png"] = grey(mask)
    return files


@pytest.mark.parametrize("how", ["crop", "center", "fit", "stretch"])
def test_masks_are_resized_as_their_pictures(tmp_path: Path, how: str) -> None:
    path = put(tmp_path / "set", masked((0, 255), (32, 48)))
    found = load(path, f"test 3; resize {how}", ONE.replace("8x8", "16x16"))
    assert (found.train.labels.shape, found.train.labels.dtype) == ((7, 16, 16), np.int32)
    pixels = found.train.images[:, 0]
    sure = (pixels < 30) | (pixels > 225)
    sure[:, : (how == "fit") * 3] = sure[:, 16 - (how == "fit") * 3 :] = False  # filled up
    assert sure.mean() > 0.25
    np.testing.assert_array_equal((pixels > 127)[sure], (found.train.labels == 1)[sure])


@pytest.mark.parametrize(
    ("values", "net", "names", "stored"),
    [
        ((0, 255), ONE, ("0", "255"), (0, 255)),
        ((0, 1), ONE, ("0", "1"), ()),
        ((0, 1, 2), FEW, ("0", "1", "2"), ()),
        ((0, 100, 200), FEW, ("0", "100", "200"), (0, 100, 200)),
    ],
)
def test_values_in_masks_are_classes(tmp_path: Path, values: Any, net: str, names: Any, stored: Any) -> None:
    path = put(tmp_path / "set", masked(values))
    found = load(path, "test 3", net)
    assert found.labels == names
    assert found.preparation is not None
    assert found.preparation.mask_values == stored
    assert set(np.unique(found.train.labels)) <= set(range(len(values)))


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    put(tmp_path / "few", masked((0, 9, 10, 11)))
    with pytest.raises(DataError, match=r"4 values \(0, 9, 10 and 11\), but the network tells 3 classes apart"):
        load(tmp_path / "few", "test 3", FEW)
    with pytest.raises(DataError, match="have the values 0 and 255, which are no numbers of 3 classes"):
        load(put(tmp_path / "two", masked((0, 255))), "test 3", FEW)
    files = masked((0, 255)) | {"masks/3.png": grey(np.zeros((4, 4)))}
    with pytest.raises(DataError, match=r"masks/3.png has 4x4 pixels, and its picture 24x16"):
        load(put(tmp_path / "size", files), "test 3", ONE)
    ignored = load(
        put(tmp_path / "ig", masked((0, 1, 2, 255))), "test 3", f"{FEW}train {{ loss cross_entropy ignore=255 }}"
    )
    assert set(np.unique(ignored.train.labels)) == {0, 1, 2, 255}


@pytest.mark.parametrize(
    ("images", "masks"),
    [("img", "label"), ("image", "mask"), ("imgs", "annotations"), ("JPEGImages", "SegmentationClass")],
)
@pytest.mark.parametrize("before", ["", "train/"])
def test_folders_of_the_same_names_are_pictures_and_masks(tmp_path: Path, images: str, masks: str, before: str) -> None:
    files = [f"{before}{folder}/{i}.{end}" for i in range(4) for folder, end in ((images, "jpg"), (masks, "png"))]
    put(tmp_path / "set", dict.fromkeys(files, png(1)))
    with open_tree(tmp_path / "set", "set") as tree:
        found = pictures_of(tree)
    assert found.has_masks
    assert found.train.files[0] == f"{before}{images}/0.jpg"
    assert found.train.masks[0] == f"{before}{masks}/0.png"
    assert found.notices == (f"set: {masks}/ has the names of {images}/, and is read as its masks",)
    assert without_masks(files) == [file for file in files if f"{images}/" in file]
    # What a model has learned as classes stays so.
    with open_tree(tmp_path / "set", "set") as tree:
        assert pictures_of(tree, known=(images, masks)).classes == (images, masks)
    # Of other names they are what they were: classes.
    put(tmp_path / "set", {f"{before}{images}/more.png": png(2)})
    with open_tree(tmp_path / "set", "set") as tree:
        other = pictures_of(tree)
    assert set(other.classes) == {images, masks}
    assert other.notices[0].endswith("are read as two classes: masks would have the names of their pictures")


def test_classes_whose_pictures_have_the_same_names_stay_classes(tmp_path: Path) -> None:
    put(tmp_path / "set", {f"{name}/{i}.png": png(i) for i in range(4) for name in ("cat", "mask")})
    with open_tree(tmp_path / "set", "set") as tree:
        found = pictures_of(tree)
    assert (found.classes, found.notices) == (("cat", "mask"), ())


def test_parts_of_masks(tmp_path: Path) -> None:
    files = masked((0, 255))
    parts = {f"{'train' if int(Path(n).stem) < 8 else 'test'}/{n}": c for n, c in files.items()}
    first = load(put(tmp_path / "a", parts), "", ONE)
    turned = {"/".join([n.split("/")[1], n.split("/")[0], n.split("/")[2]]): c for n, c in parts.items()}
    second = load(put(tmp_path / "b", turned), "", ONE)
    assert (len(first.train), len(first.test)) == (8, 2)
    assert first.sha256 == second.sha256
