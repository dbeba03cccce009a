"""Spreadsheets are read as the CSV files that they could be; what is unclear, or made to do harm, is one error."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import Date, Raw, letters, ods, sheet_xml, xlsb, xlsx

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.how_read import HowRead
from netspec.sources.tables.table import Table, read_table
from netspec.sources.tables.workbook_parts import letters_of

PLANTS = [["height", "leaves", "soil"], [33.5, 26, "bog"], [12, None, "sand"]]
CELLS = {"height": ["33.5", "12"], "leaves": ["26", ""], "soil": ["bog", "sand"]}

XLS = (Path(__file__).parent / "plants.xls").read_bytes()
"""Written by xlwt 1.3."""


def table(content: bytes, **how: Any) -> Table:
    return read_table(content, "w.xlsx", HowRead(**how))


def cells(found: Table) -> dict[str, list[str]]:
    return {name: list(column) for name, column in found.cells.items()}


def fails(content: bytes, **how: Any) -> str:
    with pytest.raises(DataError) as error:
        table(content, **how)
    return f"{error.value.message} | {error.value.fix}"


# --- what cells are read as -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [xlsx(PLANTS), xlsb(PLANTS), ods(PLANTS)], ids=["xlsx", "xlsb", "ods"])
def test_each_format_is_the_same_table(content: bytes) -> None:
    assert cells(table(content)) == CELLS


def test_an_xls_file_is_the_same_table() -> None:
    found = read_table(XLS, "plants.xls")
    assert cells(found) == {**CELLS, "day": ["2024-03-05", "2024-03-06"]}


def test_the_library_is_found_wherever_this_program_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As with a library in a folder of the user: here one that says of every file that it is encrypted.
    names = "CalamineWorkbook SheetTypeEnum SheetVisibleEnum"
    lines = ["class PasswordError(Exception): pass", *(f"class {name}: pass" for name in names.split())]
    lines += ["def from_filelike(_): raise PasswordError", "CalamineWorkbook.from_filelike = from_filelike"]
    (tmp_path / "python_calamine.py").write_text("\n".join(lines))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "is encrypted" in fails(xlsx(PLANTS))


def test_cells_keep_what_they_mean() -> None:
    rows = [
        ["whole", "part", "day", "moment", "yes", "text", "lost", "code"],
        [3.0, 0.1, Date(45356), Date(45356.5), True, " a b ", "#N/A", "007"],
        [-2, 1e20, Date(45357), Date(45357), False, "x\ny", None, "NA"],
    ]
    found = table(xlsx(rows))
    assert cells(found) == {
        "whole": ["3", "-2"],
        "part": ["0.1", "1e+20"],
        "day": ["2024-03-05", "2024-03-06"],
        "moment": ["2024-03-05 12:00:00", "2024-03-06 00:00:00"],
        "yes": ["True", "False"],
        "text": ["a b", "x\ny"],
        "lost": ["", ""],
        "code": ["007", "NA"],
    }
    assert found.notices == ("1 cell is an error in w.xlsx, such as #N/A or #DIV/0!: it is read as a missing value",)
    assert list(found.lines) == [2, 3]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(-(2**52), 2**52), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_numbers_are_those_of_a_csv_file(numbers: list[tuple[int, float]]) -> None:
    found = table(xlsx([["n", "x"], *numbers]))
    text = "n,x\n" + "".join(f"{n},{x!r}\n" for n, x in numbers)
    of_csv = read_table(text.encode(), "w.csv")
    assert found.cells["n"] == of_csv.cells["n"]
    assert [float(x) for x in found.cells["x"]] == [float(x) for x in of_csv.cells["x"]]


# --- where the table is -----------------------------------------------------------------------------------------------


def test_titles_above_the_table_are_left_out() -> None:
    rows = [["Plants of 2024"], ["measured by", "Ada"], [], *[[None, *row] for row in PLANTS]]
    found = table(xlsx(rows))
    assert cells(found) == CELLS
    assert list(found.lines) == [5, 6]
    assert found.notices == (
        "rows 1 to 2 of w.xlsx stand above the names of the columns and are left out: 'Plants of 2024'",
    )


def test_a_blank_row_below_the_names_does_not_make_them_a_title() -> None:
    found = table(xlsx([PLANTS[0], [], *PLANTS[1:]]))
    assert (cells(found), list(found.lines), found.notices) == (CELLS, [3, 4], ())


def test_blank_rows_and_columns_are_none() -> None:
    rows = [[a, None, b, c] for a, b, c in PLANTS]
    assert cells(table(xlsx([*rows[:2], [], rows[2]]))) == CELLS


def test_what_stands_beside_and_below_is_left_out() -> None:
    rows = [[*PLANTS[0]], [*PLANTS[1], None, "see below"], PLANTS[2], [], ["Source: the garden"]]
    found = table(xlsx(rows))
    assert cells(found) == CELLS
    assert found.notices == (
        "E2 of w.xlsx and what else stands beside the table, with no name above it, is left out",
        "row 5 of w.xlsx, below the table, is left out: a remark",
    )


def test_a_column_without_a_name_beside_others_is_kept() -> None:
    # As pandas writes the index of a frame.
    rows = [[None, *PLANTS[0]], [0, *PLANTS[1]], [1, *PLANTS[2]]]
    assert cells(table(xlsx(rows))) == {"column_1": ["0", "1"], **CELLS}


def test_a_name_in_two_lines_is_one_line() -> None:
    assert table(xlsx([["price\nin euros"], [5]])).columns == ("price in euros",)


def test_merged_cells_are_the_value_of_each_row() -> None:
    rows = [["region", "sales"], ["north", 1], [None, 2], [None, 3], ["south", 4]]
    found = table(xlsx(rows, merged=["A2:A4"]))
    assert found.cells["region"] == ["north", "north", "north", "south"]
    assert found.notices == ("1 merged cell of w.xlsx has one value for several rows: each row gets it",)


@pytest.mark.parametrize("area", ["A1:B1", "A1:A2"])
def test_merged_names_are_refused(area: str) -> None:
    rows = [["region", "sales", "price"], ["north", 1, 2], ["south", 3, 4]]
    assert fails(xlsx(rows, merged=[area])) == (
        f"w.xlsx: the names of the columns have merged cells in them, {area} | "
        "unmerge them, and give each column one name, all in one row"
    )


@given(st.integers(0, 16_383))
def test_columns_are_called_as_in_a_spreadsheet(column: int) -> None:
    assert letters_of(column) == letters(column)


# --- which sheet ------------------------------------------------------------------------------------------------------


def test_the_only_sheet_with_rows_is_the_table() -> None:
    content = xlsx([], others={"Data": PLANTS, "Lists": [["a"]]}, hidden=["Lists"])
    assert cells(table(content)) == CELLS


def test_of_several_sheets_the_spec_says_which() -> None:
    content = xlsx(PLANTS, name="Plants & trees", others={"Notes": [["what", "why"], ["a", "b"]]})
    assert cells(table(content, sheet="Plants & trees")) == CELLS
    assert fails(content) == (
        'w.xlsx has 2 sheets with rows: "Plants & trees" and "Notes" | '
        'say which one is the table: `sheet "Plants & trees"` in `data`; without a spec --sheet "Plants & trees"'
    )
    assert fails(content, sheet="notes") == "w.xlsx has no sheet 'notes' | did you mean `sheet \"Notes\"`?"
    # Of a file to answer for, which may have been made otherwise.
    assert cells(table(xlsx(PLANTS), sheet="Notes", like=True)) == CELLS


# --- what is refused --------------------------------------------------------------------------------------------------


def test_formulas_that_no_program_has_computed_are_refused() -> None:
    formula = Raw("<c><f>A2*2</f><v></v></c>")
    assert fails(xlsx([["a", "b"], [1, formula], [2, formula]])) == (
        "w.xlsx has 2 formulas without a value: the program that wrote it has computed none | "
        "open it in Excel or LibreOffice, and save it"
    )
    # Computed to an empty text, as `=IF(A2>0;A2;"")`.
    empty = Raw('<c t="str"><f>A2</f><v></v></c>')
    assert table(xlsx([["a", "b"], [1, empty], [2, 5]])).cells["b"] == ["", "5"]


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="XFD1048576"><v>1</v></c>',
        '<c a=">" r="XFD1048576"><v>1</v></c>',
        '<c r="XFD1048576"><!-- --><v>1</v></c>',
        '<c r="XFD1048576">1<v>1</v></c>',
        '<c r="XFC1048576"/><c><v>1</v></c>',
    ],
)
def test_cells_that_are_far_apart_are_no_table(cell: str) -> None:
    # The library would make room for 17 billion cells, and end the process.
    sheet = sheet_xml(PLANTS).replace("</sheetData>", f'<row r="1048576">{cell}</row></sheetData>')
    said = fails(xlsx(sheet))
    assert "cells in an area that reaches to XF" in said
    assert said.endswith("| delete what stands far from the table, or save the table as CSV")


def test_cells_outside_of_any_sheet_are_refused() -> None:
    sheet = sheet_xml(PLANTS).replace("</sheetData>", '<row r="4000000000"><c><v>1</v></c></row></sheetData>')
    assert fails(xlsx(sheet)) == "w.xlsx has cells outside of its sheet | save its table as CSV"


def test_far_cells_of_binary_workbooks_are_refused() -> None:
    assert "reaches to XFD1048576" in fails(xlsb(PLANTS, {(1_048_575, 16_383): 1.0}))


def test_cells_that_are_formatted_alone_do_not_count() -> None:
    sheet = sheet_xml(PLANTS).replace("</sheetData>", '<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>')
    assert cells(table(xlsx(sheet))) == CELLS


def test_a_declared_size_is_not_believed() -> None:
    sheet = sheet_xml(PLANTS).replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    assert cells(table(xlsx(sheet))) == CELLS


def test_a_bomb_is_not_unpacked() -> None:
    content = xlsx(PLANTS, more={"xl/bomb.xml": bytes(300_000_000)})
    assert "bytes and holds more than" in fails(content)


def test_a_part_that_says_to_be_small_is_read_no_further() -> None:
    # Both headers of the part say that it has ten bytes.
    content = bytearray(xlsx(PLANTS, more={"xl/large.xml": b"<a>" + bytes(1_000_000)}))
    size = struct.pack("<I", 1_000_003)
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = struct.pack("<I", 10)
    assert fails(bytes(content)).startswith("w.xlsx is damaged: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "w.xlsx is empty | give a sheet with the names of the columns, then the rows"),
        (b"a,b\n1,2\n", "w.xlsx is no spreadsheet, as its name says | it looks like text: name it .csv"),
        (
            b"<html><table><tr><td>a</td></tr></table></html>",
            "w.xlsx is no spreadsheet, as its name says | "
            "it is a web page, as some programs export tables: open it, and save it as .xlsx or CSV",
        ),
        (bytes(100), "w.xlsx is no spreadsheet, as its name says | save it again as .xlsx, or its table as CSV"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "w.xlsx is encrypted | save it without a password, or its table as CSV",
        ),
        (
            ods(PLANTS, manifest="<encryption-data/>"),
            "w.xlsx is encrypted | save it without a password, or its table as CSV",
        ),
        (xlsx([]), "w.xlsx is empty | give a sheet with the names of the columns, then the rows"),
        (
            xlsx(PLANTS[:1]),
            "w.xlsx has one line alone, the names of its columns, and no rows | "
            "give rows below the names of the columns",
        ),
    ],
)
def test_what_is_no_table_is_one_error(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(path, "w.xlsx")
    assert f"{error.value.message} | {error.value.fix}" == said


def test_a_zip_of_other_things_is_no_spreadsheet(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.xlsx", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(DataError, match="is a zip, and no spreadsheet"):
        read_table(tmp_path / "w.xlsx", "w.xlsx")


@settings(max_examples=20)
@given(st.data())
def test_a_damaged_workbook_is_one_error(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([xlsx(PLANTS), xlsb(PLANTS), XLS])))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    # Some of these end the process of the library; that of the tests goes on.
    with suppress(DataError):
        read_table(bytes(content[: data.draw(st.integers(8, len(content)))]), "w")


def test_without_the_library_one_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    assert fails(xlsx(PLANTS)) == (
        "w.xlsx: spreadsheets are read by python-calamine, which is not installed | "
        "install what reads them: pip install 'netspec[sheets]'; or save the table as CSV"
    )


def test_a_compressed_workbook_and_one_in_a_zip_are_read(tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415

    (tmp_path / "w.xlsx.gz").write_bytes(gzip.compress(xlsx(PLANTS)))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("plants.xlsx", xlsx(PLANTS))
    (tmp_path / "w.zip").write_bytes(stream.getvalue())
    for name in ("w.xlsx.gz", "w.zip"):
        assert cells(read_table(tmp_path / name, name)) == CELLS


@pytest.mark.parametrize("ending", ["feather", "arrow"])
def test_arrow_files_are_tables(tmp_path: Path, ending: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, ipc  # noqa: PLC0415

    columns = pyarrow.table({"height": [33.5, 12.0], "leaves": [26, None], "soil": ["bog", "sand"]})
    path = tmp_path / f"w.{ending}"
    feather.write_feather(columns, path)
    assert cells(read_table(path, path.name)) == {**CELLS, "height": ["33.5", "12.0"]}
    if ending == "arrow":
        with path.open("wb") as stream, ipc.new_stream(stream, columns.schema) as writer:
            writer.write_table(columns)
        assert cells(read_table(path, path.name)) == {**CELLS, "height": ["33.5", "12.0"]}
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="cannot be read as"):
        read_table(path, path.name)
