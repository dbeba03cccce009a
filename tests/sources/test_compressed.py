"""Tables and texts that are compressed, or alone in a zip: what is inside is read, in bounds."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from netspec.compiler import analyze, load_source
from netspec.diagnostics.diagnostic import DataError
from netspec.sources import compressed
from netspec.sources.tables import survey as table_survey
from netspec.sources.tables.table import read_table
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.reading import read_text
from netspec.sources.texts.tagged import holds_tagged, read_sentences

PACKERS: Mapping[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}

TABLES = {
    ".csv": "a,y\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(40)),
    ".tsv": "a\ty\n" + "".join(f"{i}\t{'pq'[i % 2]}\n" for i in range(40)),
    ".jsonl": "".join(f'{{"a": {i}, "y": "{"pq"[i % 2]}"}}\n' for i in range(40)),
    ".json": "[" + ",\n".join(f'{{"a": {i}, "y": "{"pq"[i % 2]}"}}' for i in range(40)) + "]",
}
CELLS = {"a": [str(i) for i in range(40)], "y": ["pq"[i % 2] for i in range(40)]}


def zipped(path: Path, files: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("ending", TABLES)
def test_a_compressed_table_is_the_table_in_it(tmp_path: Path, ending: str, packed: str) -> None:
    path = tmp_path / f"rows{ending}{packed}"
    path.write_bytes(PACKERS[packed](TABLES[ending].encode()))
    assert read_table(path, path.name).cells == CELLS
    assert holds_table(path)


@pytest.mark.parametrize("ending", TABLES)
def test_a_zip_of_one_table_is_that_table(tmp_path: Path, ending: str) -> None:
    beside = {f"d/rows{ending}": TABLES[ending], "__MACOSX/d/._rows.csv": "x", "readme.txt": "of rows"}
    for name in (f"rows{ending}.zip", "archive.zip"):
        path = zipped(tmp_path / name, beside)
        assert read_table(path, name).cells == CELLS
        assert holds_table(path)


def test_of_several_tables_in_a_zip_none_is_chosen(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{name}.csv": TABLES[".csv"] for name in ("test", "train")})
    with pytest.raises(DataError, match=r"a.zip has several tables in it: test.csv and train.csv") as refused:
        read_table(path, "a.zip")
    assert refused.value.fix == "unpack it, and name one, such as train.csv"
    # What says of a table where it comes from is none.
    path = zipped(path, {"rows.csv": TABLES[".csv"], "dataset-metadata.json": "{}"})
    assert read_table(path, "a.zip").cells == CELLS
    path = zipped(path, {"rows.csv": TABLES[".csv"], "a.png": ""})
    with pytest.raises(DataError, match="has pictures or sounds beside its table"):
        read_table(path, "a.zip")
    assert not holds_table(path)
    with pytest.raises(DataError, match="has no table in it"):
        read_table(zipped(path, {"a.doc": ""}), "a.zip")


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.csv.zip", "archive.zip"])
def test_a_check_looks_into_it(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    if name.endswith(".zip"):
        zipped(path, {"rows.csv": TABLES[".csv"]})
    else:
        path.write_bytes(gzip.compress(TABLES[".csv"].encode()))
    spec = tmp_path / "s.net"
    spec.write_text(f'data "{name}" {{ target y; test 20% }}\nfc classes softmax\n')
    checked = analyze(load_source(spec))
    assert checked.graph is not None
    assert checked.graph.shape(checked.graph.output) == (2,)
    # Of a table that is too large when it is unpacked a check says no classes.
    more = TABLES[".csv"] + "1,p\n" * 500
    if name.endswith(".zip"):
        zipped(path, {"rows.csv": more})
    else:
        path.write_bytes(gzip.compress(more.encode()))
    monkeypatch.setattr(table_survey, "LARGEST", 1_000)
    assert path.stat().st_size < 1_000 < len(more)
    assert any("in training only" in d.message for d in analyze(load_source(spec)).diagnostics)


def test_compressed_texts_are_texts(tmp_path: Path) -> None:
    text = tmp_path / "book.txt.xz"
    text.write_bytes(lzma.compress(b"once\r\nupon"))
    assert read_text(text, "book.txt.xz") == "once\nupon"
    for name in ("ner.conll.gz", "ner.txt.gz"):
        words = tmp_path / name
        words.write_bytes(gzip.compress(b"Ada B\ncodes O\n\nBob B\nsleeps O\n"))
        assert holds_tagged(words)
        assert list(read_sentences(words, name).words) == [("Ada", "codes"), ("Bob", "sleeps")]


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    for ending, pack in PACKERS.items():
        name = f"rows.csv{ending}"
        whole = pack(TABLES[".csv"].encode())
        broken = bytearray(whole)
        broken[len(whole) // 2] ^= 255
        for content, said in (
            (whole[:-9], f"{name} is damaged"),
            (bytes(broken), f"{name} is damaged"),
            (TABLES[".csv"].encode(), f"{name} is no {ending} file, as its name says"),
            (b"", f"{name} is empty"),
        ):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(DataError, match=said):
                read_table(tmp_path / name, name)
            # What a check looks at first leaves that to what reads it.
            assert not compressed.is_larger(tmp_path / name, 10**9)


def test_no_more_is_unpacked_than_tables_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "most_held", lambda size: 3 * 2**20)
    for ending, pack in PACKERS.items():
        path = tmp_path / f"rows.csv{ending}"
        path.write_bytes(pack(b"0" * (4 * 2**20)))
        with pytest.raises(DataError, match="no tables or texts are packed like that"):
            read_table(path, path.name)
        assert compressed.is_larger(path, 2**20)


def test_a_packed_file_by_another_name_says_how_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with pytest.raises(DataError, match="is a gzip file") as refused:
        read_table(path, "rows.csv")
    assert "rows.csv.gz" in (refused.value.fix or "")
