"""Which rows of a table are for training, for validation and for the test: drawn by a hash of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.sources.draws import RULE, TEST_SHARE, Rule, chosen, drawn, drawn_by_class
from netspec.sources.tables.cells import class_name
from netspec.sources.tables.columns import MOST_LEVELS, Column
from netspec.sources.tables.table import Table

__all__ = ["could_be_classes", "parts_of_table"]


def could_be_classes(target: Column) -> bool:
    """Return whether a column may be classes: texts, or whole numbers of which few are different, unless it is said."""
    if target.kind not in {"number", "id"}:
        return True
    if target.said:
        return False
    # Each of them is there twice at least, in the mean.
    return target.is_whole and len(target.counts) <= min(MOST_LEVELS, sum(target.counts.values()) / 2)


def parts_of_table(
    table: Table,
    data: DataSource,
    targets: Sequence[str],
    known: Mapping[str, Column],
    text: str | None = None,
    rule: Rule = RULE,
) -> dict[str, list[int]]:
    """Return which rows are for training, validation and test, in the order of the table.

    A row is drawn by a hash of its cells apart from the targets, or of what `group` names: equal ones are on one side.

    Args:
        table: all rows.
        data: says how many are drawn, and by what.
        targets: the columns that are learned.
        known: what is in them.
        text: the column of texts that alone is read, by which rows are drawn then.
        rule: how they are drawn.
    """
    alone = data.group or text
    own = [alone] if alone else [name for name in table.columns if name not in targets]
    own = own or list(targets)
    rows = zip(*(table.cells[name] for name in own), strict=True)
    identities = ["\x1f".join(row).encode() for row in rows]
    classes = _classes(table, known)
    left = list(range(len(table)))
    found: dict[str, list[int]] = {}
    shares = {"test": TEST_SHARE if data.test is None else data.test, "validation": data.validation}
    for name, share in shares.items():
        draw = drawn(name)
        places = {identity: draw(identity) for identity in {identities[i] for i in left}}
        at = [places[identities[i]] for i in left]
        if not isinstance(share, float) and share >= len(left):
            rows_left = plural(len(left), "row")
            message = f"{share:,} rows are drawn of {rows_left}, which leaves none to learn from"
            raise DataError(message, "say a smaller number")
        if rule == 1:
            kept = chosen(at, share)
        else:
            kept = drawn_by_class(name, [identities[i] for i in left], [classes[i] for i in left], share)
        for target in known.values() if not data.group else ():
            _keep_classes(kept, at, [table.cells[target.name][i] for i in left], target)
        if share and not any(kept):
            # Of few rows a share may draw none: then it is what would be drawn first.
            kept = [value == min(at) for value in at]
        if all(kept):
            kept = [value != max(at) for value in at]
        found[name] = [i for i, drawn_out in zip(left, kept, strict=True) if drawn_out]
        left = [i for i, drawn_out in zip(left, kept, strict=True) if not drawn_out]
        if share and not found[name]:
            fix = "give more rows that differ"
            raise DataError(f"`{name} {_text(share)}` of {plural(len(table), 'row')} draws none for it", fix)
    found["train"] = left
    return found


def _classes(table: Table, known: Mapping[str, Column]) -> list[str]:
    """Return the class of each row: of several targets that may be classes all of them together."""
    columns = [table.cells[name] for name, target in known.items() if could_be_classes(target)]
    if not columns:
        return [""] * len(table)
    return ["\x1f".join(map(class_name, row)) for row in zip(*columns, strict=True)]


def _keep_classes(drawn_out: list[bool], places: Sequence[float], cells: Sequence[str], target: Column) -> None:
    """Leave an example of each class among those that are not drawn: the one that is drawn last, and its equals."""
    if not could_be_classes(target):
        return
    rows = defaultdict(list)
    names = {cell: class_name(cell) for cell in set(cells)}
    for at, cell in enumerate(cells):
        rows[names[cell]].append(at)
    for own in rows.values():
        if all(drawn_out[at] for at in own):
            last = max(places[at] for at in own)
            for at, place in enumerate(places):
                if place == last:
                    drawn_out[at] = False


def _text(share: float) -> str:
    return f"{100 * share:g}%" if isinstance(share, float) else str(share)
