"""What a spec takes from its data without loading it: the input of a text, `tokens` and `classes`."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec as ns
from netspec.compiler import analyze, load_source, require
from netspec.diagnostics.diagnostic import DataError, SpecError
from netspec.ir.network import Network
from netspec.ir.text import resolved_text

BODY = "embedding 4; lstm 8; fc tokens softmax pointwise"


def network(folder: Path, text: str) -> Network:
    file = folder / "s.net"
    file.write_text(text, encoding="utf-8")
    return require(analyze(load_source(file), files=True))[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "book.txt").write_text("to be, or not to be: that is the question.\n" * 20, encoding="utf-8")
    return tmp_path


def test_a_text_says_the_input_and_the_tokens(folder: Path) -> None:
    net = network(folder, f'data "book.txt"\n{BODY}')
    characters = len(set((folder / "book.txt").read_text(encoding="utf-8")))
    assert (net.input, net.tokens) == ((128,), characters)
    assert net.data is not None
    assert (net.data.target, net.data.text.unit if net.data.text else "") == ("next", "chars")


@pytest.mark.parametrize(
    ("settings", "length", "tokens"),
    [
        ("text chars length=16", 16, 17),
        ("text words length=8", 8, 13),
        ("text words length=8 size=5", 8, 5),
        ("text bytes; test 20%", 128, 256),
    ],
)
def test_its_settings_say_how_it_is_cut(folder: Path, settings: str, length: int, tokens: int) -> None:
    net = network(folder, f'data "book.txt" {{ {settings} }}\n{BODY}')
    assert (net.input, net.tokens) == ((length,), tokens)


def test_the_input_may_be_declared_and_says_the_length(folder: Path) -> None:
    net = network(folder, f'input 32 tokens=tokens\ndata "book.txt"\n{BODY}')
    assert net.input == (32,)
    assert net.data is not None
    assert net.data.text is not None
    assert net.data.text.length == 32


def test_classes_are_those_of_a_built_in_dataset(tmp_path: Path) -> None:
    graph = require(analyze(load_source(_spec(tmp_path, "data mnist\nfc classes softmax"))))[1]
    assert graph.shape(graph.output) == (10,)


def test_a_name_of_the_file_comes_first(tmp_path: Path) -> None:
    spec = _spec(tmp_path, "data mnist\nlet classes = 7\nfc classes softmax\nfc 10 softmax")
    assert require(analyze(load_source(spec)))[0].nodes[0].layer.model_dump()["units"] == 7


def _spec(folder: Path, text: str) -> Path:
    file = folder / "s.net"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_resolved_needs_no_data(folder: Path) -> None:
    net = network(folder, f'data "book.txt" {{ text words length=8 }}\n{BODY}')
    (folder / "book.txt").unlink()
    again = require(analyze(load_source(_spec(folder, resolved_text(net)))))[0]
    assert again == net


def test_a_text_that_is_given_counts_in_place_of_the_one_that_is_named(folder: Path) -> None:
    other = folder / "other.TXT"
    other.write_text("abcd\n" * 200, encoding="utf-8")
    for named in ("none.txt", "book.txt"):
        spec = _spec(folder, f'data "{named}" {{ text chars length=16 }}\n{BODY}')
        for given in (other, str(other)):
            net = require(analyze(load_source(spec), data=given))[0]
            assert (net.input, net.tokens, net.data and net.data.name) == ((16,), 5, named)


def test_a_text_that_is_given_and_not_there_is_told_of_itself(folder: Path) -> None:
    with pytest.raises(DataError, match=r"nix\.txt does not exist"):
        analyze(load_source(_spec(folder, f'data "book.txt"\n{BODY}')), data=folder / "nix.txt")


@pytest.mark.parametrize("given", ["digits", "arrays.npz", "https://a.b/c.txt", "a\0.txt", ""])
def test_what_is_given_and_no_text_says_nothing_of_tokens(folder: Path, given: str) -> None:
    assert require(analyze(load_source(_spec(folder, f'data "book.txt"\n{BODY}')), data=given))[0].tokens == 17
    found = analyze(load_source(_spec(folder, f'data "none.txt"\n{BODY}')), data=given)
    assert [d.code for d in found.diagnostics] == ["E0314"]
    assert "--data PATH" in (found.diagnostics[0].fix or "")


@pytest.mark.parametrize(
    ("spec", "content", "says"),
    [
        (f'data "none.txt"\n{BODY}', None, "none.txt does not exist"),
        (f'data "bad.txt"\n{BODY}', b"caf\xe9\n", "bad.txt is no UTF-8: byte 0xe9 in line 1"),
        (f'data "bad.txt"\n{BODY}', b"\n \n", "bad.txt is empty"),
        (f'input 8 tokens=9\ndata "bad.txt"\n{BODY.replace("tokens", "9")}', b"abcdabcdef", "the text has"),
        ('input 8x4\ndata "bad.txt"\nfc 3 softmax', b"abcd" * 9, "the input is of plain numbers"),
        (
            f'data "bad.txt"\n{BODY.replace("tokens", "3")}',
            b"abcd" * 90,
            "one of 4 tokens, but the network ends in 3x128",
        ),
    ],
)
def test_a_text_that_does_not_fit_is_one_mistake(tmp_path: Path, spec: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        network(tmp_path, spec)
    assert len(caught.value.diagnostics) == 1
    assert says in caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("settings", "layers", "message", "fix"),
    [
        ("target town", "fc 1", "the network has 1 output, but d.csv has 3 classes", "fc classes softmax"),
        ("target town", "fc 1 sigmoid", "the network has 1 output, but d.csv has 3 classes", "fc classes softmax"),
        (
            "target sold",
            "fc 1\ntrain { loss poisson }",
            "sold is 'no' and 'yes', which are classes",
            "fc classes softmax",
        ),
        ("target price", "fc 1 sigmoid", "price is 3 to 81, but binary_cross_entropy takes", "fc 1"),
        ("target price", "fc 1\ntrain { loss binary_cross_entropy }", "price is 3 to 81, but", "fc 1"),
        ("target price log", "fc 1 sigmoid", "the logarithm of price is 1.09861 to 4.39445, but", "fc 1"),
        ("target rooms", "fc 1 sigmoid", "rooms is 1 to 4, but binary_cross_entropy takes", "fc classes softmax"),
        ("target price rooms", "fc 2 softmax", "price is 3 to 81, but cross_entropy takes", "fc 2"),
    ],
)
def test_a_column_that_the_output_cannot_learn_is_a_mistake_that_its_fix_mends(
    tmp_path: Path, settings: str, layers: str, message: str, fix: str
) -> None:
    towns, rows = ("ely", "york", "bath"), range(40)
    cells = (f"{i},{i * 2 + 3},{i % 4 + 1},{towns[i % 3]},{'yes' if i % 2 else 'no'}" for i in rows)
    (tmp_path / "d.csv").write_text("\n".join(["a,price,rooms,town,sold", *cells, ""]), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        network(tmp_path, f'data "d.csv" {{ {settings} }}\n{layers}')
    (found,) = caught.value.diagnostics
    assert (found.code, message in found.message, f"`{fix}`" in (found.fix or "")) == ("E0304", True, True)
    network(tmp_path, f'data "d.csv" {{ {settings} }}\n{fix}')


@pytest.mark.parametrize("layers", ["fc 1", "fc 1 sigmoid", "fc classes softmax"])
@pytest.mark.parametrize("target", ["flag", "sold", "code"])
def test_one_output_learns_a_column_of_two_values(tmp_path: Path, target: str, layers: str) -> None:
    cells = (f"{i * i % 11},{i % 2},{i % 2 + 1},{'yes' if i % 2 else 'no'}" for i in range(40))
    (tmp_path / "d.csv").write_text("\n".join(["a,flag,code,sold", *cells, ""]), encoding="utf-8")
    drop = " ".join(sorted({"flag", "sold", "code"} - {target}))
    network(tmp_path, f'data "d.csv" {{ target {target}; drop {drop} }}\n{layers}')


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (f'data "none.txt" else "book.txt"\n{BODY}', (128,)),
        ('data "none.csv" else "d.csv" { target y }\nfc classes softmax', (2,)),
    ],
)
def test_what_stands_behind_else_is_looked_at_where_the_first_is_not_there(
    folder: Path, text: str, shape: tuple[int, ...]
) -> None:
    rows = (f"{i},{i * i % 7},{'yes' if i % 2 else 'no'}" for i in range(40))
    (folder / "d.csv").write_text("\n".join(["a,b,y", *rows, ""]), encoding="utf-8")
    assert network(folder, text).input == shape
    (folder / "d.csv").unlink()
    (folder / "book.txt").unlink()
    with pytest.raises(SpecError, match=r"(book\.txt|d\.csv) does not exist"):
        network(folder, text)


def test_names_of_the_file_are_values_of_its_data(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(40)), encoding="utf-8")
    path = tmp_path / "t.net"
    path.write_text(
        'let days = 4; let of = (days + 1)\ndata "t.csv" { target b; window (of - 1); test days }\nflatten; fc 1\n',
        encoding="utf-8",
    )
    assert ns.load(path).input == (2, 4)
    assert ns.load(path, let={"days": 6}).input == (2, 6)
