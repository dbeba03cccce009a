"""`include`: what is read from where, what is refused, and that a text with its includes in place means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec as ns
from netspec.compiler import analyze, load_source
from netspec.diagnostics import Source
from netspec.includes import whole_text
from netspec.resources import library_folder

MAIN = """input 8x9x9
include "parts/stem.net"; relu   # the stem
block b { include "tail.net" }
b; b
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "stem.net").write_text('let n = 4\nconv n 3x3 relu\ninclude "more.net" # below it\n')
    (tmp_path / "parts" / "more.net").write_text("pool 2")
    (tmp_path / "tail.net").write_text("# only a residual\nresidual { conv n 3x3 pad=same as c }\n")
    file = tmp_path / "main.net"
    file.write_text(MAIN)
    return file


def codes(file: Path) -> list[str]:
    return [d.code for d in analyze(load_source(file)).diagnostics]


def test_files_are_read_beside_those_that_name_them(spec: Path) -> None:
    names = [node.name for node in ns.load(spec).nodes]
    assert names == ["conv_1", "pool_1", "relu_1", "b_1/c", "b_1/add_1", "b_2/c", "b_2/add_1"]


def test_the_whole_text_means_the_same_and_stands_alone(spec: Path) -> None:
    whole = whole_text(load_source(spec))
    assert "include" not in "\n".join(line.partition("#")[0] for line in whole.splitlines())
    assert ns.parse(whole, name="main") == ns.load(spec)


def test_the_library_is_read_by_a_word() -> None:
    net = ns.parse("input 8x9x9\ninclude blocks\nresidual_down 16; squeeze_excite 4 16; globalpool; fc 3 softmax")
    assert net.graph().shape(net.graph().output) == (3,)
    assert ns.parse(whole_text(Source("t.net", "input 8x9x9\ninclude blocks\nconv_bn 4"))).nodes


@pytest.mark.parametrize("path", sorted(library_folder().glob("*.net")), ids=lambda p: p.stem)
def test_the_library_defines_blocks_and_nothing_else(path: Path) -> None:
    assert ns.parse(f"input 4\ninclude {path.stem}\nfc 3").nodes == ns.parse("input 4\nfc 3").nodes


def test_a_text_cannot_include_a_file() -> None:
    assert [d.code for d in analyze(Source("t.net", 'input 4\ninclude "x.net"\nfc 3')).diagnostics] == ["E0219"]


def test_a_link_out_of_the_folder_is_refused(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.net"
    outside.write_text("relu")
    (spec.parent / "link.net").symlink_to(outside)
    spec.write_text('input 8x9x9\ninclude "link.net"\nfc 3')
    assert codes(spec) == ["E0403"]


def test_a_mistake_in_an_included_file_has_its_place_and_the_way_there(spec: Path) -> None:
    (spec.parent / "parts" / "more.net").write_text("pool 2 modee=max")
    (found,) = analyze(load_source(spec)).diagnostics
    assert found.code == "E0202"
    assert found.span
    assert Path(found.span.source.name) == spec.parent / "parts" / "more.net"
    assert [Path(r.span.source.name).name for r in found.related] == ["stem.net", "main.net"]


def test_a_file_is_read_once(spec: Path) -> None:
    (spec.parent / "one.net").write_text("relu\n")
    spec.write_text('input 8x9x9\nrepeat 1000 { include "one.net" }\nfc 3')
    assert len(ns.load(spec).nodes) == 1001
