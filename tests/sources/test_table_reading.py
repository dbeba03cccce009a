"""Tables as people have them: what is read, what each column holds, which rows are for what; and what is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from netspec.compiler import analyze, load_source
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ir.text import resolved_text
from netspec.sources.preparation import Preparation
from netspec.sources.tables import table as tables
from netspec.sources.tables.columns import column_of
from netspec.sources.tables.fit import Fitted, fit_table
from netspec.sources.tables.notices import says_again
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.tables.table import Table, read_table, table_of_columns


def rows(count: int = 40, start: int = 0) -> str:
    """Return rows of two numbers, a color, and whether the first is odd."""
    lines = (f"{i},{i * i % 7},{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}" for i in range(start, count))
    return "".join(f"{line}\n" for line in lines)


GOOD = f"a,b,c,y\n{rows()}"


def read(content: str | bytes, name: str = "d.csv", folder: Path | None = None) -> Table:
    data = content.encode() if isinstance(content, str) else content
    if folder is None:
        return read_table(data, name)
    (folder / name).write_bytes(data)
    return read_table(folder / name, name)


@pytest.mark.parametrize(
    ("content", "name", "notice"),
    [
        (GOOD, "d.csv", ""),
        (GOOD.replace("\n", "\r\n"), "d.csv", ""),
        (b"\xef\xbb\xbf" + GOOD.encode(), "d.csv", ""),
        (GOOD.replace(",", " , "), "d.csv", ""),
        (GOOD.replace("red", '"red"'), "d.csv", ""),
        (GOOD.replace("\n", "\n\n"), "d.csv", ""),
        (GOOD.replace(",", ";"), "d.csv", "d.csv is separated by semicolons"),
        (GOOD.replace(",", "\t"), "d.csv", "d.csv is separated by tabs"),
        (GOOD.replace(",", "\t"), "d.tsv", ""),
        (
            "".join(
                f'{{"a": {a}, "b": {b}, "c": "{c}", "y": "{y}"}}\n'
                for a, b, c, y in (line.split(",") for line in rows().split())
            ),
            "d.jsonl",
            "",
        ),
    ],
    ids=["csv", "crlf", "bom", "spaces", "quotes", "empty lines", "semicolons", "tabs", "tsv", "jsonl"],
)
def test_one_table_is_read_in_all_its_forms(tmp_path: Path, content: str | bytes, name: str, notice: str) -> None:
    table = read(content, name, tmp_path)
    assert table.cells == {
        k: list(v) for k, v in zip("abcy", zip(*(r.split(",") for r in rows().split()), strict=True), strict=True)
    }
    assert " ".join(table.notices) == notice


@pytest.mark.parametrize(
    ("content", "cells", "says"),
    [
        ("x;y\n1,5;0\n-2,25;1\n", ["1.5", "-2.25"], "x has decimal commas: 1,5 is read as 1.5"),
        ('x,y\n"1,5",0\n"2,25",1\n', ["1.5", "2.25"], "x has decimal commas: 1,5 is read as 1.5"),
        (
            'x,y\n"1,500",0\n"2,250.5",1\n',
            ["1500", "2250.5"],
            "x has commas between thousands: 1,500 is read as 1500",
        ),
        ('x,y\n"a, b",0\n"say ""no""",1\n', ["a, b", 'say "no"'], ""),
    ],
)
def test_commas_within_cells(content: str, cells: list[str], says: str) -> None:
    table = read(content)
    assert table.cells["x"] == cells
    assert says in " ".join(table.notices)


@pytest.mark.parametrize(
    ("content", "name", "message", "fix"),
    [
        (GOOD + "1,2\n", "d.csv", "d.csv: line 42 has 2 cells, and there are 4 columns", "an empty one is a missing"),
        ("Report of 2024\n\n" + GOOD, "d.csv", "d.csv: line 3 has 4 cells, and there is 1 column", "such as a title"),
        (GOOD + "1,2,red,no,7\n", "d.csv", "d.csv: line 42 has 5 cells, and there are 4 columns", "needs quotes"),
        (GOOD.replace("red", '"red', 1), "d.csv", "a quote that opens in line 3 is not closed", "close it"),
        (GOOD.replace("red", '"re"d', 1), "d.csv", "line 3 goes on behind the quote", "written twice"),
        (GOOD.replace("a,b", "b,b", 1), "d.csv", "columns of the same name: 'b' are columns 1 and 2", "rename one"),
        ("", "d.csv", "d.csv is empty", "a line with the names of the columns"),
        (" \n\n", "d.csv", "d.csv is empty", "a line with the names of the columns"),
        ("a,b,c,y\n", "d.csv", "d.csv has one line alone", "give rows below"),
        (
            GOOD.replace("red", "röd").encode("latin1"),
            "d.csv",
            "d.csv is no UTF-8: byte 0xf6 in line 3",
            "write `encoding windows_1252` in `data`, which reads `röd` there",
        ),
        (GOOD.replace("red", "r\0d"), "d.csv", "d.csv has bytes that no text has", "CSV in UTF-8"),
        (b"PK\x03\x04" + GOOD.encode(), "d.csv", "d.csv is a zip or Excel file", "save it as CSV"),
        (",".join(map(str, range(9_001))) + "\n", "d.csv", "d.csv has one line alone", ""),
        ("a,y\n" + "x" * 1_000_001 + ",1\n", "d.csv", "line 2 has more than 1,000,000 characters", "not closed"),
        ('{"a": 1}\n{"a"', "d.jsonl", "d.jsonl: line 2 is no JSON object", "each line is a row"),
        ('{"a": 1, "a": 2}', "d.jsonl", "d.jsonl: line 1 has 'a' twice", "one value"),
        ('{"a": 1, "a ": 2}', "d.jsonl", "has columns of the same name: 'a' are columns 1 and 2", "rename"),
        ('{"a": "\\ud800"}', "d.jsonl", "d.jsonl: 'a' has half a character", "whole"),
        (b"\x1f\x8b\x08\x00", "d.csv", "d.csv is a gzip file", "unpack it"),
        (b"\x89PNG\r\n", "d.csv", "d.csv is a picture", "save it as CSV"),
        (b"\xd0\xcf\x11\xe0" + bytes(8), "d.csv", "d.csv is an Excel or Word file", "save it as CSV"),
        (b"{\\rtf1 a,b}", "d.csv", "d.csv is an RTF file", "save it as CSV"),
        ('[{"a": 1}]', "d.jsonl", "d.jsonl: line 1 is no JSON object", "name it .json"),
        ('{"a": [1]}\n', "d.jsonl", "d.jsonl: 'a' in line 1 is a list", "one value a row"),
    ],
)
def test_what_is_no_table_is_one_error(tmp_path: Path, content: str | bytes, name: str, message: str, fix: str) -> None:
    with pytest.raises(DataError) as caught:
        read(content, name, tmp_path)
    assert message in caught.value.message
    assert fix in (caught.value.fix or "")


def test_a_column_may_be_called_as_a_kind_of_file_begins() -> None:
    assert read("PK,y\n1,2\n").columns == ("PK", "y")


def test_too_many_columns_are_refused() -> None:
    names = ",".join(f"c{i}" for i in range(100_000))
    with pytest.raises(DataError, match="100,000 columns, and a table has at most 10,000"):
        read(f"{names}\n{'1,' * 99_999}1\n")


@pytest.mark.parametrize(
    ("values", "kind", "missing"),
    [
        (["1", "2.5", "-3e2"], "number", 0),
        (["1", "", "NA", "?", "nan", "2"], "number", 4),
        (["True", "false", "TRUE"], "boolean", 0),
        (["yes", "no", ""], "boolean", 1),
        (["red", "blue", "red"], "category", 0),
        (["2020-01-02", "2020-02-03"], "date", 0),
        (["1.2.2020", "13.12.2021"], "date", 0),
        (["tom", "ann", "eve"], "text", 0),
        ([f"word {i}" for i in range(60)] * 2, "text", 0),
        (["", "NULL"], "empty", 2),
        (["1_000", "2_000", "1_000"], "category", 0),
    ],
)
def test_kinds_of_columns(values: list[str], kind: str, missing: int) -> None:
    column = column_of(table_of_columns({"x": values}, "t"), "x")
    assert (column.kind, column.missing) == (kind, missing)


@pytest.mark.parametrize(("name", "kind"), [("id", "id"), ("passenger_id", "id"), ("age", "number")])
def test_an_id_is_known_by_its_name_and_that_it_never_repeats(name: str, kind: str) -> None:
    assert column_of(table_of_columns({name: range(30)}, "t"), name).kind == kind
    assert column_of(table_of_columns({name: [1, *range(29)]}, "t"), name).kind == "number"


def fitted(content: str = GOOD, settings: str = "target y") -> Fitted:
    return fit_table(read(content), source(settings))


def source(settings: str) -> DataSource:
    found = analyze(Source("s.net", f'input 9\nfc 2 softmax\ndata "d.csv" {{ {settings} }}\n'))
    assert found.network is not None, found.diagnostics
    assert found.network.data is not None
    return found.network.data


def side(found: Fitted) -> dict[str, str]:
    """Return the part of each row, by its cells."""
    cells = found.table.cells
    return {"|".join(cells[c][i] for c in cells if c != "y"): part for part, rows in found.rows.items() for i in rows}


def test_a_column_with_missing_values_says_another_again_where_these_are_missing_too() -> None:
    towns = {"S": "Southampton", "C": "Cherbourg", "": ""}
    codes = ["S", "C", "", "S"] * 10
    for town, again in ((towns["S"], True), ("", False)):
        own = [towns[code] for code in codes]
        own[0], own[2] = town, "" if again else "Southampton"
        table = table_of_columns({"code": codes, "town": own}, "t")
        assert says_again(table, column_of(table, "town"), column_of(table, "code")) is again


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "hole.csv").open("wb") as file:
        file.write(GOOD.encode())
        file.truncate(5 * 2**30)
    with pytest.raises(DataError, match="larger than 2 GiB"):
        read_table(tmp_path / "hole.csv", "hole.csv")
    monkeypatch.setattr(tables, "free_memory", lambda: 10_000)
    with pytest.raises(DataError, match="has about 164 cells: they take") as caught:
        read(GOOD)
    assert caught.value.fix == "take fewer rows or columns"


def test_the_names_of_a_million_columns_are_refused_before_the_rows() -> None:
    with pytest.raises(DataError, match="has 20,000 columns, and a table has at most 10,000"):
        read(",".join(f"c{i}" for i in range(20_000)) + '\n"')


def test_a_spec_says_what_a_column_is() -> None:
    content = "id,zip,when,y\n" + "".join(
        f"{i},{i % 3 + 90}{'.0' * (i % 2)},2020-01-0{i % 4 + 1},{i % 4}\n" for i in range(40)
    )
    plain = fitted(content, "target y").inputs["input"]
    assert [(f.column, f.kind) for f in plain.features] == [("zip", "number")]
    found = fitted(content, "target y; category zip when; number id")
    kinds = [(f.column, f.kind, f.levels) for f in found.inputs["input"].features]
    dates = tuple(f"2020-01-0{i}" for i in range(1, 5))
    assert kinds == [("id", "number", ()), ("zip", "category", ("90", "91", "92")), ("when", "category", dates)]
    assert (fitted(content, "target y").classes, fitted(content, "target y; number y").classes) == (4, None)
    many = "x,y\n" + "".join(f"{i},{i % 45}\n" for i in range(60))
    assert (fitted(many, "target y").classes, fitted(many, "target y; category y").classes) == (None, 45)


def test_where_no_class_is_far_from_its_share_rows_that_are_added_move_no_other() -> None:
    settings = "target y; test 20%"
    before = side(fitted(f"a,b,c,y\n{rows(2000)}", settings))
    after = side(fitted(f"a,b,c,y\n{rows(2400, 2000)}{rows(2000)}", settings))
    assert before.items() <= after.items()


def test_each_class_gives_about_its_share() -> None:
    content = "x,y\n" + "".join(f"{i},{'few' if i % 6 == 0 else 'many'}\n" for i in range(120))
    found = fitted(content, "target y; test 25%")
    drawn = Counter(found.table.cells["y"][i] for i in found.rows["test"])
    assert drawn["few"] in {4, 5, 6}
    assert 22 <= drawn["many"] <= 28


def test_what_an_earlier_rule_drew_is_drawn_again() -> None:
    table, data = read(GOOD), source("target y; test 20%; validation 10%")
    first = fit_table(table, data, rule=1).rows
    # Far from 8 and 3 of 40, as it was.
    assert {part: len(chosen) for part, chosen in first.items()} == {"test": 11, "validation": 6, "train": 23}


def test_equal_rows_and_groups_are_on_one_side() -> None:
    found = fitted(f"a,b,c,y\n{rows(60) * 3}")
    assert sum(map(len, found.rows.values())) == 180
    assert len(side(found)) == 60
    parts: dict[str, set[str]] = {}
    found = fitted(settings="target y; group b")
    for part, chosen in found.rows.items():
        for i in chosen:
            parts.setdefault(found.table.cells["b"][i], set()).add(part)
    assert all(len(each) == 1 for each in parts.values())
    assert "b" not in found.inputs["input"].columns


def test_each_class_has_an_example_to_learn_from() -> None:
    # Drawn by the hash alone, some of these would be for the test only.
    content = "x,y\n" + "".join(f"{i},{'rare' + str(i) if i < 20 else 'usual'}\n" for i in range(60))
    found = fitted(content, "target y; test 40%; validation 30%")
    trained = {found.table.cells["y"][i] for i in found.rows["train"]}
    assert trained == {*(f"rare{i}" for i in range(20)), "usual"}


def test_a_number_of_rows_is_drawn() -> None:
    found = fitted(settings="target y; test 7; validation 5")
    assert {part: len(chosen) for part, chosen in found.rows.items()} == {"test": 7, "validation": 5, "train": 28}


def test_few_rows_have_a_part_of_each_kind_nevertheless() -> None:
    for count in range(2, 12):
        found = fitted(f"a,b,c,y\n{rows(max(count, 3))}", "target b; test 20%")
        assert found.rows["test"]
        assert found.rows["train"]


@pytest.mark.parametrize(
    ("content", "settings", "message", "fix"),
    [
        (GOOD, "target z", "d.csv has no column 'z'", "it has a, b, c and y"),
        (GOOD.replace("y\n", "survived\n", 1), "target survive", "no column 'survive'", "did you mean `survived`?"),
        (GOOD, "test 20%", "does not say what is to be learned", 'data "d.csv" { target y }'),
        (GOOD, "target y; category d", "no column 'd', which `category` names", "it has a, b, c and y"),
        (GOOD, "target y; number c", "says that c is a number, and line 2 has 'blue'", "out of `number`"),
        (GOOD, "target y; number a; category a", "`category` and `number` both name a", "keep one"),
        (GOOD, "target y; drop a; category a", "`drop` and `category` both name a", "keep one"),
        (GOOD.replace(",no", ",yes"), "target y", "y is 'yes' in every row", "learn another column"),
        (GOOD.replace(",no", ",").replace(",yes", ","), "target y", "y is missing in every row", "another column"),
        ("x,y\n" + "".join(f"{i},name{i}\n" for i in range(99)), "target y", "it names the rows", "says something"),
        ("x,y\n" + "".join(f"{i},2020-01-{i + 1:02}\n" for i in range(28)), "target y", "y is a date", "days since"),
        (GOOD.replace("17,", "inf,", 1), "target y", "a in line 19 is inf, which is no finite number", "empty"),
        (GOOD.replace("\n17,", "\nmany,", 1), "target a", "but line 19 has 'many'", "write a number there"),
        (GOOD, "target y; drop aa", "no column 'aa', which `drop` names", "it has"),
        (GOOD, "target y; drop y", "y is learned, and `drop` names it too", "leave it out"),
        (GOOD, "target y; columns a; drop a", "`columns` and `drop` both name a", "keep one"),
        (GOOD, "target y; drop a b c", "d.csv has no column to learn from", "takes a column of numbers"),
        (GOOD, "target y; test 40", "40 rows are drawn of 40 rows", "smaller"),
        (GOOD.split("\n", 1)[1], "target y", "columns of the same name: '0'", "rename"),
        ("1.5,2.5\n3,4\n5,6\n", "target y", "no column 'y'", "the first row of a table has the names"),
    ],
)
def test_what_cannot_be_learned_is_one_error(content: str, settings: str, message: str, fix: str) -> None:
    with pytest.raises(DataError) as caught:
        fitted(content, settings)
    assert message in caught.value.message
    assert fix in (caught.value.fix or "")


@pytest.mark.parametrize(
    ("content", "settings", "notice"),
    [
        (
            "x,again,y\n" + "".join(f"{i % 7},{'ab'[i % 2]},{i % 2}\n" for i in range(40)),
            "target y",
            "again says y again: drop it? `drop again`",
        ),
        ("x,y\n" + "".join(f"{i * 3.7:.2f},{i}\n" for i in range(40)), "target y", "x says y again"),
        (GOOD, "target y", "a counts the rows: drop it? `drop a`"),
        (GOOD.replace("a,b", "höhe,b", 1), "target y", 'höhe counts the rows: drop it? `drop "höhe"`'),
        (GOOD.replace("a,b", "id,b", 1), "target y", "id is left out: it names the rows"),
        (GOOD.replace("blue", "red"), "target y", "c is left out: it is 'red' in every row"),
        (
            GOOD.replace("\n17,", "\nmany,", 1),
            "target y",
            "a is left out: nearly all its values are numbers, but line 19",
        ),
        (GOOD.replace(",no", ",NaN", 5), "target y", "5 rows of d.csv without y are left out"),
        (GOOD, "target y", "for the test: `test 20%`"),
    ],
)
def test_what_is_odd_is_a_notice(content: str, settings: str, notice: str) -> None:
    assert notice in "\n".join(fitted(content, settings).notices)


def test_what_is_fitted_is_of_the_training_part_and_travels_as_json() -> None:
    content = GOOD.replace("\n3,", "\n,", 1)
    found = fitted(content)
    read_, train = found.inputs["input"], found.rows["train"]
    assert read_.columns == ("a", "b", "c")
    values = [float(found.table.cells["b"][i]) for i in train]
    assert read_.features[1].mean == pytest.approx(sum(values) / len(values))
    made = Preparation(table=TablePreparation(inputs=found.inputs))
    assert Preparation.model_validate_json(made.model_dump_json()) == made
    assert Preparation.model_validate(made.model_dump(mode="json")) == made


# --- in a spec ----------------------------------------------------------------------------------------------------


def checked(
    folder: Path, text: str, content: str = GOOD, name: str = "d.csv"
) -> tuple[Network | None, list[str], list[str]]:
    (folder / name).write_text(content, encoding="utf-8")
    (folder / "s.net").write_text(text, encoding="utf-8")
    found = analyze(load_source(folder / "s.net"), files=True)
    return (
        found.network,
        [f"{d.code} {d.message} ({d.fix})" for d in found.diagnostics],
        [n.message for n in found.notes],
    )


def test_a_row_becomes_one_vector_and_classes_are_counted(tmp_path: Path) -> None:
    net, errors, notes = checked(tmp_path, 'data "d.csv" { target y; drop a; test 20% }\nfc 8 relu; fc classes softmax')
    assert net is not None, errors
    assert net.input == (3,)  # b, and red and blue of c
    assert net.graph().shape(net.graph().output) == (2,)
    assert notes == []


def test_columns_are_inputs_of_their_own(tmp_path: Path) -> None:
    text = """
data "d.csv" { target y; text words }
input numbers as facts
input c as color
input "a note" as remark
from color; embedding 3; flatten as p
from remark; embedding 4; lstm 5; take last as q
from facts; concat p q; fc classes softmax
"""
    content = "a,b,c,y,a note\n" + "".join(f"{line},is {line.replace(',', ' ')}\n" for line in rows().split())
    net, errors, _ = checked(tmp_path, text, content)
    assert net is not None, errors
    assert [(i.name, i.shape, i.columns, i.mask) for i in net.inputs[:2]] == [
        ("facts", (2,), ("numbers",), None),
        ("color", (1,), ("c",), None),
    ]
    assert net.inputs[1].tokens == 3  # red, blue, and one for what is neither
    assert (net.inputs[2].columns, net.inputs[2].mask) == (("a note",), 0)


def test_what_is_resolved_needs_no_table(tmp_path: Path) -> None:
    text = """
data "d.csv" { target "label" y; test 20% }
input b as n
fc 4 relu as t; fc 2 softmax as y
from t; fc 1 as label
output y; output label
"""
    net, errors, _ = checked(tmp_path, text, GOOD.replace("a,b", "label,b", 1))
    assert net is not None, errors
    (tmp_path / "d.csv").unlink()
    (tmp_path / "s.net").write_text(resolved_text(net), encoding="utf-8")
    assert analyze(load_source(tmp_path / "s.net")).network == net
    assert Network.model_validate_json(net.model_dump_json()) == net


def test_a_column_called_as_a_word_of_netspec_asks_for_nothing(tmp_path: Path) -> None:
    content = GOOD.replace("c,y", "classes,input", 1)
    net, errors, _ = checked(
        tmp_path, 'data "d.csv" { target "input"; drop classes }\nfc 4 relu; fc 2 softmax', content
    )
    assert net is not None, errors
    assert net.data is not None
    assert net.data.target == ("input",)
    (tmp_path / "d.csv").unlink()
    (tmp_path / "s.net").write_text(resolved_text(net), encoding="utf-8")
    assert analyze(load_source(tmp_path / "s.net")).network == net


def test_a_let_is_a_number_and_no_column(tmp_path: Path) -> None:
    net, errors, _ = checked(tmp_path, 'let b = 4\ninput b\nfc classes softmax\ndata "d.csv" { target y }')
    assert net is not None, errors
    assert (net.input, net.inputs[0].columns) == ((4,), ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'input 7\nfc 2 softmax\ndata "d.csv" { target y }',
            "E0308 a row of d.csv becomes 4 numbers, but the input is 7",
        ),
        ('fc classes\ndata "d.csv" { target input }', "E0406 `classes` is not known: `target input` learns the input"),
        ('fc 3 softmax\ndata "d.csv" { target y }', "E0304 the network has 3 outputs, but d.csv has 2 classes"),
        (
            'fc 3 softmax\ndata "d.csv" { target a; drop b }',
            "E0304 the network has 3 outputs, but a of d.csv is one number",
        ),
        (
            'fc classes\ndata "d.csv" { target a }',
            "E0406 `classes` is not known: a of d.csv is a number (end with `fc 1`",
        ),
        (
            'input bb as n\nfc 2 softmax\ndata "d.csv" { target y }',
            "E0314 d.csv has no column 'bb', which the input `n` names",
        ),
        ('input y as n\nfc 2 softmax\ndata "d.csv" { target y }', "E0314 the input `n` names y, which is learned"),
        (
            'fc 2 softmax\ndata "d.csv" { target y; normalize mean=0.5 }',
            "E0308 the numbers of a table are standardized",
        ),
        ('fc 2 softmax\ndata "d.csv" { target y; test 0 }', "E0207 a table needs rows for the test"),
        ('fc 2 softmax\ndata "d.csv" { target 3 }', "E0207 `target` takes names of columns, and `3` is none"),
        ('fc 2 softmax\ndata "d.csv" { target y y }', "E0209 `target` names y twice"),
        ('fc 2 softmax\ndata "none.csv" { target y }', "E0314 none.csv does not exist"),
    ],
)
def test_what_does_not_fit_a_table_is_one_error(tmp_path: Path, text: str, says: str) -> None:
    _, errors, _ = checked(tmp_path, text)
    assert len(errors) == 1
    assert says in errors[0]
