"""Includes: what may be read and what not, that nothing is waited for, and that the whole text means the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netspec as ns
from netspec.compiler import Analysis, analyze, load_source
from netspec.diagnostics.diagnostic import NetspecError, Source
from netspec.elaborate.includes import MAX_DEPTH, MAX_FILES, whole_text
from netspec.syntax.parser import MAX_BYTES
from netspec.system.resources import library_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spec"
    made.mkdir()
    return made


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.net").write_text(text, encoding="utf-8")


def analysis(folder: Path, text: str) -> Analysis:
    (folder / "main.net").write_text(text, encoding="utf-8")
    return analyze(load_source(folder / "main.net"))


def codes(folder: Path, text: str) -> list[str]:
    found = analysis(folder, text).diagnostics
    for d in found:
        assert d.span is not None
        d.render()
    return [d.code for d in found]


# --- what may be read ----------------------------------------------------------------------------------------------


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    write(folder, real="fc 3")
    (folder / "link.net").symlink_to("real.net")
    assert codes(folder, 'input 4\ninclude "link.net"') == []


@pytest.mark.parametrize("name", ["out.net", "deep/out.net", "way/secret.net"])
def test_links_that_leave_the_folder_are_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret.net").write_text("fc 3")
    (folder / "deep").mkdir()
    (folder / "out.net").symlink_to(folder.parent / "secret.net")
    (folder / "deep" / "out.net").symlink_to("../../secret.net")
    (folder / "way").symlink_to(folder.parent)
    assert codes(folder, f'input 4\ninclude "{name}"\nfc 3') == ["E0403"]


@pytest.mark.parametrize("name", ["../secret.net", "a/../../secret.net", "/etc/hostname", "C:/x.net", "//host/x.net"])
def test_names_that_leave_the_folder_are_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret.net").write_text("fc 3")
    assert codes(folder, f'input 4\ninclude "{name}"\nfc 3') == ["E0403"]


def test_an_absolute_name_is_refused_even_inside(folder: Path) -> None:
    write(folder, a="fc 3")
    assert codes(folder, f'input 4\ninclude "{folder}/a.net"\nfc 3') == ["E0403"]


def test_the_separators_of_windows_are_refused_everywhere(folder: Path) -> None:
    (folder / "sub").mkdir()
    write(folder / "sub", a="fc 3")
    (d,) = analysis(folder, 'input 4\ninclude "sub\\a.net"\nfc 3').diagnostics
    assert d.code == "E0219"
    assert d.fix == 'write `include "sub/a.net"`'


def test_an_included_file_includes_from_its_own_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    write(folder, top="fc 3")
    write(folder / "sub", a='include "b.net"\ninclude "../top.net"', b="relu")
    assert codes(folder, 'input 4\ninclude "sub/a.net"') == []
    write(folder / "sub", a='include "../../main.net"')
    assert codes(folder, 'input 4\ninclude "sub/a.net"') == ["E0403"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.net")
    (d,) = analysis(folder, 'input 4\ninclude "pipe.net"\nfc 3').diagnostics
    assert (d.code, "it cannot be read" in d.message) == ("E0219", True)


@pytest.mark.parametrize("name", ["a" * 300 + ".net", "a" * 300 + "/x.net"])
def test_a_name_too_long(folder: Path, name: str) -> None:
    (d,) = analysis(folder, f'input 4\ninclude "{name}"\nfc 3').diagnostics
    assert (d.code, "it cannot be read" in d.message) == ("E0219", True)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_devices_are_refused(folder: Path) -> None:
    (folder / "zero.net").symlink_to("/dev/zero")
    assert codes(folder, 'input 4\ninclude "zero.net"\nfc 3') == ["E0403"]


def test_a_folder(folder: Path) -> None:
    (folder / "sub.net").mkdir()
    (d,) = analysis(folder, 'input 4\ninclude "sub.net"\nfc 3').diagnostics
    assert d.message == f"`{folder}/sub.net` cannot be included: it is a folder"
    assert "sub.net" not in d.fix


def test_the_input_that_a_missing_file_would_bring_is_not_missed(folder: Path) -> None:
    (folder / "broken.net").write_text("input 4\nfc ]\n")
    for line in ('include "gone.net"', 'include "broken.net"', "include blcks"):
        assert "E0306" not in codes(folder, f"{line}\nfc 3")


def test_large_files_are_refused_by_their_sum(folder: Path) -> None:
    with (folder / "huge.net").open("wb") as stream:
        stream.truncate(1 << 33)
    assert codes(folder, 'input 4\ninclude "huge.net"\nfc 3') == ["E0219"]
    write(folder, **{f"f{i}": "#" * (MAX_BYTES // 3) for i in range(4)})
    files = "\n".join(f'include "f{i}.net"' for i in range(4))
    assert codes(folder, f"input 4\n{files}\nfc 3") == ["E0108"] * 3 + ["E0219"]


def test_what_is_not_text(folder: Path) -> None:
    (folder / "a.net").write_bytes(b"fc 3 \xff\xfe")
    (d,) = analysis(folder, 'input 4\ninclude "a.net"\nfc 3').diagnostics
    assert d.code == "E0219"
    assert "not a text file" in d.message


@pytest.mark.parametrize("name", ["a" * 300, "a\tb", "ü.net", ".", "./", "a//b", "main.net/x", "~/x.net", "%s", "*"])
def test_odd_names_are_mistakes(folder: Path, name: str) -> None:
    assert set(codes(folder, f'input 4\ninclude "{name}"\nfc 3')) <= {"E0219", "E0403"}
    assert codes(folder, f'input 4\ninclude "{name}"\nfc 3')


def test_a_name_that_only_python_can_say(folder: Path) -> None:
    # A string of the language holds neither; the parser refuses them before anything is opened.
    assert codes(folder, 'input 4\ninclude "a\nb.net"\nfc 3') != []
    assert [d.code for d in analyze(Source("t", 'include "a\0b"', folder)).diagnostics] == ["E0109"]


# --- circles and crowds --------------------------------------------------------------------------------------------


def test_circles_through_links(folder: Path) -> None:
    write(folder, a='include "b.net"')
    (folder / "b.net").symlink_to("a.net")
    assert codes(folder, 'input 4\ninclude "a.net"\nfc 3') == ["E0219"]
    (folder / "one.net").symlink_to("two.net")
    (folder / "two.net").symlink_to("one.net")
    assert codes(folder, 'input 4\ninclude "one.net"\nfc 3') == ["E0219"]
    (folder / "self").symlink_to(".")
    assert "E0219" in codes(folder, 'input 4\ninclude "self/self/main.net"\nfc 3')


def test_the_same_file_a_thousand_times_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    original = os.open
    monkeypatch.setattr(os, "open", lambda path, *a, **k: opened.append(Path(path).name) or original(path, *a, **k))
    write(folder, a="fc 4")
    found = analysis(folder, 'input 4\nrepeat 500 { include "a.net" }\n' + 'include "a.net"\n' * 500)
    assert found.network is not None
    assert len(found.network.nodes) == 1000
    assert opened.count("a.net") == 1


def test_a_broken_file_is_read_and_reported_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, a="fc 3,")
    assert codes(folder, "input 4\n" + 'include "a.net"\n' * 50 + "fc 3") == ["E0103"]
    assert codes(folder, "input 4\n" + 'include "none.net"\n' * 3 + "fc 3") == ["E0219"]


def test_too_many_and_too_deep(folder: Path) -> None:
    write(folder, **{f"f{i}": "relu" for i in range(MAX_FILES + 1)})
    assert codes(folder, "input 4\n" + "".join(f'include "f{i}.net"\n' for i in range(MAX_FILES))) == []
    assert codes(folder, "input 4\n" + "".join(f'include "f{i}.net"\n' for i in range(MAX_FILES + 1))) == ["E0219"]
    write(folder, **{f"d{i}": f'include "d{i + 1}.net"' for i in range(MAX_DEPTH + 1)})
    write(folder, **{f"d{MAX_DEPTH - 1}": "relu"})
    assert codes(folder, 'input 4\ninclude "d0.net"') == []
    write(folder, **{f"d{MAX_DEPTH - 1}": f'include "d{MAX_DEPTH}.net"', f"d{MAX_DEPTH}": "relu"})
    assert codes(folder, 'input 4\ninclude "d0.net"\nfc 3') == ["E0219"]


def test_files_that_multiply_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.elaborate.wiring.MAX_NODES", 2_000)
    write(folder, d9="relu", **{f"d{i}": f'include "d{i + 1}.net"\n' * 10 for i in range(9)})
    assert codes(folder, 'input 4\ninclude "d0.net"') == ["E0218"]
    write(folder, d9="#" + "x" * 500_000 + "\nlet", d0='include "d9.net"\n' * 10)
    with pytest.raises(NetspecError, match="more than"):
        whole_text(load_source(folder / "main.net"))


def test_a_block_may_come_twice_by_the_same_text(folder: Path) -> None:
    write(folder, blocks="block b(n) { fc n }", one='include "blocks.net"\nb 3', two='include "blocks.net"\nb 4')
    assert codes(folder, 'input 4\ninclude "one.net"\ninclude "two.net"') == []
    assert codes(folder, "input 4\nblock b { relu }\nblock b  { relu } # again\nb") == []
    assert codes(folder, "input 4\nblock b { relu }\nblock b { tanh }\nb") == ["E0209"]
    assert codes(folder, "input 4\nblock b(n) { fc 3 }\nblock b(m) { fc 3 }\nb 1") == ["E0209"]


# --- the whole text ------------------------------------------------------------------------------------------------

PIECES = ["relu", "fc 5 tanh", "residual { fc 5; relu }", "relu as x; tanh; add x", "# only a comment", "", "b 5"]
ENDS = ["", "\n", "   # said", "\n# said\n\n", ";", "\r\n"]
PLACES = [
    "{}",
    '{} # here { } ; "a"',
    "{}; {}",
    "relu; {};; {} # twice",
    "repeat 2 { {} }",
    "repeat 2 {\n  {}\n  tanh # { \n}",
    "residual { {}; fc 5 } { fc 5 }",
    "block c1 { {}; relu }; c1",
    "\t{}",
    "{}\r",
]


def spelled(names: list[str]) -> st.SearchStrategy[str]:
    """Lines that include some of the files, in every place a command may stand in."""

    def fill(place: str, chosen: list[str]) -> str:
        for name in chosen:
            place = place.replace("{}", f'include "{name}.net"', 1)
        return place.replace("{}", "relu")

    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=2)
    return st.lists(st.builds(fill, st.sampled_from(PLACES), chosen), min_size=1, max_size=4).map("\n".join)


@given(
    leaves=st.lists(st.builds(str.__add__, st.sampled_from(PIECES), st.sampled_from(ENDS)), min_size=2, max_size=2),
    middle=spelled(["leaf0", "leaf1", "sub/leaf0"]),
    text=spelled(["leaf0", "leaf1", "middle", "sub/leaf0"]),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_the_whole_text_means_the_same(tmp_path: Path, leaves: list[str], middle: str, text: str, mark: str) -> None:
    (tmp_path / "sub").mkdir(exist_ok=True)
    write(tmp_path, leaf0=mark + leaves[0], leaf1=leaves[1], middle=middle)
    write(tmp_path / "sub", leaf0=leaves[1])
    found = analysis(tmp_path, f"{mark}input 5\nblock b(n) {{ fc n }}\n{text}\nfc 3")
    if {d.code for d in found.diagnostics} & {"E0108"}:
        return
    whole = whole_text(found.source)
    alone = analyze(Source("main.net", whole))
    # What is wrong in a file that is included twice is said once, and in the whole text at both places.
    assert {d.code for d in alone.diagnostics} == {d.code for d in found.diagnostics}, whole
    assert alone.network == found.network
    assert "include" not in "".join(line.partition("#")[0] for line in whole.split("\n"))
    # Where there is nothing left to put in, the text is the same.
    assert whole_text(Source("main.net", whole)) == whole.removeprefix("\ufeff")


def test_the_whole_text_of_the_library(folder: Path) -> None:
    found = analysis(folder, "input 8x8x8\ninclude blocks\nresidual_block 8\nglobalpool\nfc 3")
    whole = whole_text(found.source)
    assert analyze(Source("main.net", whole)).network == found.network
    assert "# include blocks\n" in whole


# --- a spec of several files ---------------------------------------------------------------------------------------

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


def codes_of(file: Path) -> list[str]:
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
    assert codes_of(spec) == ["E0403"]


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
