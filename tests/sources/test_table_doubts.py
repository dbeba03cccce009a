"""What is likely a mistake in a table is said: numbers for no value, a sum among the rows, an answer given away."""

from __future__ import annotations

import random

import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.tables.columns import column_of
from netspec.sources.tables.doubts import several_in_cells, stands_for_none, sum_among, tells_alone, written_twice
from netspec.sources.tables.facts import facts_of
from netspec.sources.tables.fit import fit_table
from netspec.sources.tables.table import Table, read_table


def column(*cells: object) -> Table:
    return read_table(("a,b\n" + "".join(f"{cell},x\n" for cell in cells)).encode(), "d.csv")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((1.5, 2, 3, -999, -999), "-999 in 2 rows is far from 1.5 to 3"),
        ((0.1, 0.2, "999.0", 0.3), "999.0 in 1 row is far from 0.1 to 0.3"),
        ((1, 2, 3, -9), "-9 in 1 row is far from 1 to 3"),
        # Within reach of the others, or no such number, it is one of them.
        ((10, 50, 90, 99), ""),
        ((1, 2, 3, -1000), ""),
        ((0, 1, -99), "-99 in 1 row is far from 0 to 1"),
        ((900, 950, 999), ""),
        ((5, 5, 99), ""),
        (("a", "b", "-999"), ""),
    ],
)
def test_a_number_far_from_all_others_may_stand_for_no_value(cells: tuple[object, ...], said: str) -> None:
    table = column(*cells)
    assert stands_for_none(column_of(table, "a")) == said
    assert (said in facts_of(table).remarks["a"]) is bool(said) or not said


def test_values_that_differ_in_case_alone_are_said() -> None:
    table = column("Cat", "cat", "dog", "dog", "Cat")
    assert written_twice(column_of(table, "a")) == "'Cat' and 'cat'"
    assert written_twice(column_of(column("cat", "dog", "cat"), "a")) == ""
    assert written_twice(column_of(column("yes", "N", "no", "1", "yes"), "a")) == "'1', 'N', 'no' and 'yes'"
    assert written_twice(column_of(column("yes", "no", "yes"), "a")) == ""


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("a|b", "a", "b", "a|c", "b|c", "a|b"), "'a|b', 'a|c' and 'b|c'"),
        (("good food", "food", "good", "good staff", "food staff"), "'good food', 'good staff' and 'food staff'"),
        (("New York", "New Jersey", "Los Angeles", "Boston", "Los Altos"), ""),
        (("very bad", "bad", "good", "very good", "fair"), ""),
        (("a|b", "a", "b"), ""),
        (("a|a", "b|b", "a", "b", "||", "|a"), ""),
        (("red", "green", "blue"), ""),
    ],
)
def test_labels_one_behind_the_other_in_a_cell_are_said(cells: tuple[str, ...], said: str) -> None:
    table = read_table(("k\tb\n" + "".join(f"{cell}\tx\n" for cell in cells * 3)).encode(), "d.tsv")
    assert several_in_cells(column_of(table, "k")) == said
    assert ("several labels in a cell?" in facts_of(table).remarks["k"]) is bool(said)


def test_what_is_odd_in_a_target_is_said_beside_a_text_too() -> None:
    rows = [f"the {n} text is here,{n % 9},{'ab'[n % 2]}|{'xy'[n % 3 % 2]}\n" for n in range(40)]
    rows += [f"one more text is {n},{n},{'abxy'[n % 4]}\n" for n in range(40)]
    table = read_table(("text,count,kind\n" + "".join(rows)).encode(), "d.csv")
    for text in (None, Text(unit="words")):
        fitted = fit_table(table, DataSource(name="d.csv", target=("kind",), text=text))
        assert any("kind seems to have several labels in a cell" in note for note in fitted.notices), text


def measured(last: str = "", count: int = 60) -> Table:
    draw = random.Random(4)
    rows = [(draw.randint(1, 90), draw.random(), "pq"[i % 2]) for i in range(count)]
    told = {"p": "low", "q": "high"}
    lines = [f"{a},{b:.3f},{'1' if y == 'p' else '7'}{a % 9},{told[y]},{y}" for a, b, y in rows]
    return read_table("\n".join(["a,b,c,d,y", *lines, *([last] if last else [])]).encode(), "m.csv")


@pytest.mark.parametrize("first", ["Total", "SUM:", "Grand total", "Summe"])
def test_a_row_that_sums_up_the_others_is_said(first: str) -> None:
    table = measured(f"3,0.5,10,low,{first}")
    columns = {name: column_of(table, name) for name in table.columns}
    assert sum_among(table, columns) == (
        f"the last row, line 62, has {first!r} in y: if it sums up the others, remove it"
    )


def test_a_sum_is_told_by_its_numbers_too() -> None:
    plain = measured()
    total = sum(map(int, plain.cells["a"])), sum(map(float, plain.cells["b"]))
    for last, found in (
        (f"{total[0]},{total[1]:.3f},10,low,p", True),
        (f"{total[0]},0.5,10,low,p", False),
        ("", False),
    ):
        table = measured(last)
        said = sum_among(table, {name: column_of(table, name) for name in table.columns})
        assert said == ("the last row, line 62, is the sum of all others in a and b: remove it" if found else "")


def test_a_column_that_alone_tells_the_classes_is_said() -> None:
    table = measured()
    columns = {name: column_of(table, name) for name in table.columns}
    told = [name for name in ("a", "b", "c", "d") if tells_alone(table, columns[name], columns["y"])]
    assert told == ["c", "d"]
    notices = fit_table(table, DataSource(name="m.csv", target=("y",), test=0.2)).notices
    assert "c alone tells y: is it known before? If not, `drop c`" in notices
    # So are classes that are numbers.
    coded = read_table("\n".join(["c,y", *(f"{i % 2 + i / 1000},{i % 2}" for i in range(80))]).encode(), "m.csv")
    assert tells_alone(coded, column_of(coded, "c"), column_of(coded, "y"))
    # Of few rows they may go together by chance.
    few = table.take(range(20))
    assert not tells_alone(few, column_of(few, "c"), column_of(few, "y"))


def test_a_title_above_the_names_is_said_also_where_commas_fill_it_up() -> None:
    table = read_table(b"Sales 2024,,\nsize,kind,price\n1,a,2\n3,b,4\n", "d.csv")
    assert any(
        note.startswith("the first line of d.csv has 'Sales 2024' alone for 3 columns") for note in table.notices
    )
    assert not read_table(b",a,b\n0,1,2\n1,3,4\n", "d.csv").notices


def test_decimal_commas_of_many_columns_are_said_once() -> None:
    names = [f"c{i}" for i in range(12)]
    text = "\n".join([";".join(names), *(";".join(f"{i},{row}" for i in range(12)) for row in range(3))])
    (_, said) = read_table(text.encode(), "d.csv").notices
    assert said == "c0 has decimal commas: 0,0 is read as 0.0; likewise in 11 other columns"


def test_what_excel_and_r_write_is_read_or_named() -> None:
    table = read_table(b"sep=;\r\na;b\r\n1;x\r\n2;y\r\n", "d.csv")
    assert (table.columns, list(table.lines), table.notices) == (("a", "b"), [3, 4], ())
    for content, fix in ((b"a,b\n1,2,\n", "ends in a separator"), (b"a,b\nr1,1,2\n", "as R writes them")):
        with pytest.raises(DataError, match="line 2 has 3 cells") as refused:
            read_table(content, "d.csv")
        assert fix in (refused.value.fix or "")
    with pytest.raises(DataError, match="has no rows"):
        read_table(b"sep=,\n", "d.csv")


def test_names_within_the_rows_and_blanks_between_cells_are_said() -> None:
    (said,) = read_table(b"a,b\n1,2\na,b\n3,4\n", "d.csv").notices
    assert said == "line 3 of d.csv has the names of the columns again: remove it"
    (said,) = read_table(b"a  b\n1  2\n3 4\n", "d.csv").notices
    assert said == "d.csv is one column, 'a  b': if blanks separate its cells, write commas for them"
