"""A table in the terminal, and the spec that `netspec new` writes for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netspec.cli.output import print_json, print_table, say
from netspec.diagnostics.diagnostic import DataError, NetspecError, Source, listing, plural
from netspec.recipe.file_names import stem_of
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.tables.spec_lines import as_read
from netspec.syntax.formatter import format_file
from netspec.syntax.parser import parse

if TYPE_CHECKING:
    from netspec.sources.tables.facts import TableFacts
    from netspec.sources.tables.table import Table

__all__ = ["print_columns", "spec_of_table"]

_MOST = 8
"""So many columns that are one class are named."""


def print_columns(
    path: Path, target: str | None, picture: Path, how: HowRead = AS_IT_IS, *, as_json: bool = False
) -> None:
    """Print the columns of a table: what each holds, how much is missing, its levels or its range; and draw them.

    Args:
        path: of the table.
        target: the column that is learned, which the others are drawn with; none unless given.
        picture: the PNG file to write.
        how: which sheet, and in which encoding.
        as_json: whether an object for each column is printed instead, and nothing is drawn.
    """
    from netspec.sources.tables.columns import written  # noqa: PLC0415
    from netspec.sources.tables.doubts import sum_among  # noqa: PLC0415
    from netspec.sources.tables.facts import facts_of  # noqa: PLC0415
    from netspec.sources.tables.one_hot import one_hot_groups  # noqa: PLC0415
    from netspec.sources.tables.table import read_table  # noqa: PLC0415
    from netspec.sources.tables.text_columns import texts_of  # noqa: PLC0415
    from netspec.sources.tables.window_spec import LENGTH, ascending_date  # noqa: PLC0415
    from netspec.sources.texts.facts import lengths_text  # noqa: PLC0415
    from netspec.sources.texts.vocabulary import pieces  # noqa: PLC0415

    table = read_table(path, str(path), how)
    found = facts_of(table)
    if target is not None:
        several = target.split(",")
        if target not in table.cells and len(several) > 1 and all(name in table.cells for name in several):
            message = f"--target names {len(several)} columns, and the others are drawn by one"
            raise DataError(message, f"--target {several[0]}; `netspec new` takes several")
        table.require(target, ", which --target names")
    if as_json:
        for name, column in found.columns.items():
            print_json(
                {
                    "column": name,
                    "kind": column.kind,
                    "missing": column.missing,
                    "different": len(column.counts),
                    **({} if column.low is None else {"low": column.low, "high": column.high}),
                    "values": found.values[name],
                    "remark": found.remarks[name],
                }
            )
        return
    say(f"{path}: {plural(len(table), 'row')}, {plural(len(table.columns), 'column')}")
    for notice in table.notices:
        say(f"note: {notice}")
    headings = [("column", False), ("kind", False), ("missing", True), ("different", True), ("values", False)]
    rows = [
        (
            name,
            column.kind,
            f"{column.missing:,}" if column.missing else "",
            f"{len(column.counts):,}",
            found.values[name] + (f" ({found.remarks[name]})" if found.remarks[name] else ""),
        )
        for name, column in found.columns.items()
    ]
    print_table(headings, rows)
    if said := sum_among(table, found.columns):
        say(f"note: {said}")
    if twice := len(table) - len(set(zip(*table.cells.values(), strict=True))):
        repeat = "repeats" if twice == 1 else "repeat"
        say(f"note: {plural(twice, 'row')} {repeat} an earlier one: equal rows are all for one part")
    for group in one_hot_groups(table, found.columns):
        more = ["…"] if len(group) > _MOST else []
        said = listing([*group[:_MOST], *more], "and")
        say(f"note: one of {said} is 1 in every row: one class. To learn it: --target {','.join(group)}")
    for name in texts_of(found.columns):
        lengths = [len(pieces("words", cell)) for cell in table.cells[name] if cell]
        say(f"{name}: {lengths_text(lengths)}")
    say(_drawn(table, found, target, picture))
    said = (f' --sheet "{how.sheet}"' if how.sheet else "") + (f" --encoding {how.encoding}" if how.encoding else "")
    learn = f"netspec new --data {path}{said} --target {written(target) if target else 'NAME'}"
    say(f"\nnext: {learn}")
    if date := ascending_date(table, found.columns):
        say(f"its rows stand in the order of {date}: {learn} --window {LENGTH} forecasts from those before")


def _drawn(table: Table, found: TableFacts, target: str | None, picture: Path) -> Path:
    """Draw the columns of a table, and return the PNG file."""
    import numpy as np  # noqa: PLC0415

    from netspec import report  # noqa: PLC0415
    from netspec.sources.tables.cells import is_missing, number_of  # noqa: PLC0415
    from netspec.sources.tables.parts import could_be_classes  # noqa: PLC0415

    def values(name: str, *, classes: bool = False) -> report.ColumnValues:
        column, cells = found.columns[name], table.cells[name]
        lost = f", {column.missing:,} missing" if column.missing else ""
        remark = found.remarks[name] or f"{column.kind}, {len(column.counts):,} different{lost}"
        if column.low is None or classes:
            return report.ColumnValues(name, remark, texts=["" if is_missing(cell) else cell for cell in cells])
        numbers = [np.nan if is_missing(cell) else number_of(cell) for cell in cells]
        return report.ColumnValues(name, remark, numbers=np.array(numbers, np.float64))

    worth = [name for name, column in found.columns.items() if column.kind in {"number", "boolean", "category"}]
    learned = None
    if target is not None:
        learned = values(target, classes=could_be_classes(found.columns[target]))
        worth = [name for name in worth if name != target]
    columns = [*([learned] if learned else []), *map(values, worth)]
    others = len(found.columns) - len(columns)
    said = f"{plural(len(table), 'row')}, {plural(len(table.columns), 'column')}"
    said += f"; without {others:,} of texts, dates or ids" if others else ""
    said += f"; by {target}" if learned and learned.texts is not None else f"; {target} against each" if learned else ""
    return report.draw_columns(columns, picture, title=table.name, subtitle=said, target=learned)


def spec_of_table(
    path: Path, target: str | None, out: Path | None, stdout: bool, window: int | None = None, how: HowRead = AS_IT_IS
) -> tuple[Path, str, str]:
    """Return where the spec of a table goes, its text, and the column that it learns.

    Args:
        path: of the table.
        target: the column that is to be learned; the likeliest unless given.
        out: where the spec is to go; here, or beside the table where that lies outside, unless given.
        stdout: whether it is only printed.
        window: how many rows are an example, whose next one is forecast; each row is one unless given.
        how: which sheet, and in which encoding.

    Raises:
        NetspecError: the table lies outside the spec's folder, or cannot be learned from.
    """
    from netspec.sources.tables.spec import spec_for_table  # noqa: PLC0415
    from netspec.sources.tables.table import read_table  # noqa: PLC0415
    from netspec.sources.tables.window_spec import spec_for_windows  # noqa: PLC0415

    table = read_table(path, str(path), how)
    here = Path.cwd() if out is None or stdout else out.absolute().parent
    whole = path.resolve()
    inside = whole.is_relative_to(here.resolve())
    if not inside and out is not None and not stdout:
        fix = f"write it beside the table: -o {path.parent / out.name}"
        raise NetspecError(f"a spec reads no file outside its own folder, and {path} is outside {here}", fix)
    place = out or (Path() if inside else path.parent) / f"{_plain(stem_of(path.name))}.net"
    shown = whole.relative_to(here.resolve()).as_posix() if inside else path.name
    if window is None:
        text, learned, notes = spec_for_table(table, shown, target)
    else:
        text, learned, notes = spec_for_windows(table, shown, target, window)
    for note in notes:
        say(f"note: {note}", error=True)
    return place, format_file(parse(Source(str(place), as_read(text, how)))), learned


def _plain(stem: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in stem) or "table"
