"""From a file to a checked network: reading files, the phases together, and mistakes in the order of the text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import netspec as ns
from netspec.compiler import analyze, load_source, require
from netspec.diagnostics.diagnostic import NetspecError, Source, SpecError
from netspec.syntax.parser import MAX_BYTES
from netspec.system.resources import specs_folder

GOOD = "input 4\nfc 3 softmax\n"


def said(path: Path | str) -> str:
    with pytest.raises(NetspecError) as caught:
        load_source(path)
    return str(caught.value)


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.net"
    file.write_bytes(b"\xef\xbb\xbfinput 4\r\nfc 3 # \xc3\xbc\r\n")
    source = load_source(file)
    assert source.name == str(file)
    assert "\r" not in source.text
    network, graph = require(analyze(source))
    assert network.name == "a"
    assert graph.shape(graph.output) == (3,)
    assert ns.load(file) == ns.load(str(file)) == network


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "lenet.net").write_text(GOOD)
    (tmp_path / "other.txt").write_text(GOOD)
    assert said(tmp_path / "lent.net") == (
        f"{tmp_path}/lent.net: there is no such file\n  fix: did you mean {tmp_path}/lenet.net?"
    )
    assert "lenet" in said(tmp_path / "lenet")
    assert "`netspec new`" in said(tmp_path / "quux.net")
    assert "`netspec new lenet`" in said(tmp_path / "nowhere" / "lenet.net")


def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.net").symlink_to("gone.net")
    assert said(tmp_path / "a.net") == f"{tmp_path}/a.net is a link to a file that is not there"


def test_a_folder(tmp_path: Path) -> None:
    assert said(tmp_path) == f"{tmp_path} is a folder\n  fix: give a .net file"


def test_paths_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be read" in said(tmp_path / "file" / "a.net")
    assert "cannot be read" in said(tmp_path / ("a" * 300 + ".net"))
    assert "cannot be read" in said("a\0b.net")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a.net"
    file.write_text(GOOD)
    file.chmod(0)
    assert "cannot be read: Permission denied" in said(file)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfei\0n\0", b"input 4\nfc \xe9\n"])
def test_what_is_not_utf8(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.net"
    file.write_bytes(data)
    with pytest.raises(SpecError) as caught:
        load_source(file)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0109"
    assert "a.net is not a text file" in problem.message


def test_zero_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.net"
    file.write_bytes(b"input 4\nfc 3\0\n")
    (problem,) = analyze(load_source(file)).diagnostics
    assert problem.code == "E0109"


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "a.net"
    with file.open("wb") as stream:
        stream.truncate(50 * MAX_BYTES)
    with pytest.raises(SpecError) as caught:
        load_source(file)
    assert [d.code for d in caught.value.diagnostics] == ["E0107"]


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.net"
    file.write_text(GOOD + "#" * (MAX_BYTES - len(GOOD)))
    assert analyze(load_source(file)).diagnostics == ()


def test_a_large_file_is_too_large_whatever_stands_at_the_cut(tmp_path: Path) -> None:
    file = tmp_path / "a.net"
    file.write_bytes(GOOD.encode() + b"#" * ((MAX_BYTES - len(GOOD)) % 2) + "\u00fc".encode() * MAX_BYTES)
    try:
        problems = analyze(load_source(file)).diagnostics
    except SpecError as error:
        problems = error.diagnostics
    assert [d.code for d in problems] == ["E0107"]


def test_an_analysis_has_a_network_or_diagnostics() -> None:
    good, bad = analyze(Source("a.net", GOOD)), analyze(Source("a.net", GOOD + "fc 0\nfc"))
    assert good.network is not None
    assert good.graph is not None
    assert good.diagnostics == ()
    assert (bad.network, bad.graph) == (None, None)
    assert [d.code for d in bad.diagnostics] == ["E0207", "E0206"]
    with pytest.raises(SpecError) as caught:
        require(bad)
    assert caught.value.diagnostics == bad.diagnostics
    assert str(caught.value) == "\n".join(d.render() for d in bad.diagnostics)


def test_mistakes_of_all_phases_come_in_the_order_of_the_text() -> None:
    text = "input 3x8x8\nconv 4 9\ndata mnist { scale 1..0 }\nfc 10\ntrain { optimizer adm }\n"
    assert [(d.code, d.span.line) for d in analyze(Source("a.net", text)).diagnostics if d.span] == [
        ("E0301", 2),
        ("E0207", 3),
        ("E0204", 5),
    ]


def test_syntax_errors_keep_the_later_phases_out() -> None:
    assert {d.code for d in analyze(Source("a.net", "fc 0\nfc 3, 4\n")).diagnostics} == {"E0103"}


def test_the_name() -> None:
    for name, expected in (("x/y/lenet.net", "lenet"), ("a.b.net", "a.b"), ("", "network")):
        network = analyze(Source(name, GOOD)).network
        assert network is not None
        assert network.name == expected
    assert ns.parse(GOOD).name == "network"
    assert ns.parse(GOOD, name="mine").name == "mine"


def test_a_file_named_by_bytes_that_are_no_text() -> None:
    network = analyze(Source("x\udcff.net", GOOD)).network
    assert network is not None
    assert network.name == "x\N{REPLACEMENT CHARACTER}"
    assert ns.Network.model_validate_json(network.model_dump_json()) == network


def test_a_long_file_name(tmp_path: Path) -> None:
    file = tmp_path / ("a" * 240 + ".net")
    file.write_text(GOOD)
    assert ns.load(file).nodes


def test_a_hostile_spec_is_refused_before_anything_is_made() -> None:
    (problem,) = analyze(Source("a.net", "input 1000000\nfc 1000000 as huge\n")).diagnostics
    assert problem.code == "E0307"
    assert "huge" in problem.message
    assert "1,000,001,000,000" in problem.message or "1,000,000,000,000" in problem.message


def test_all_shipped_specs_are_right() -> None:
    paths = sorted(specs_folder().rglob("*.net"))
    assert len(paths) >= 9
    for path in paths:
        assert analyze(load_source(path)).diagnostics == ()


def test_a_flood_of_mistakes_is_cut_short() -> None:
    found = analyze(Source("flood.net", "input 4\n" + "cov 3\n" * 5000)).diagnostics
    assert len(found) <= 102
    assert [d.code for d in found].count("E0002") == 1
