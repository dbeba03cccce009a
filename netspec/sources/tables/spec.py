"""A commented spec to begin with, for a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.tables.cells import shown, zero_or_one
from netspec.sources.tables.columns import Column, column_of, written
from netspec.sources.tables.facts import class_counts, facts_of, likely_target
from netspec.sources.tables.file_spec import spec_for_column_files
from netspec.sources.tables.fit import Fitted, fit_table
from netspec.sources.tables.notices import counts_rows, said_of_amounts, says_again
from netspec.sources.tables.one_hot import one_hot_with
from netspec.sources.tables.spec_lines import commented, of_training
from netspec.sources.tables.table import Table
from netspec.sources.tables.text_columns import mean_words, texts_of
from netspec.sources.tables.window_spec import forecasting_hint
from netspec.sources.texts.facts import length_for, lengths_text
from netspec.sources.texts.spec import WORDS
from netspec.sources.texts.vocabulary import pieces

__all__ = ["spec_for_table"]

_WIDE = 60
"""A row of more numbers gets a wider network."""

_CODES = 12
"""Whole numbers of no more different values may be codes."""

_PROSE = 5
"""Words in the mean from which on a column of texts says more than the others do."""

_CLASSES, _LISTED = 20, 6
"""A column of whole numbers with more of them is learned as an amount; of so many classes the counts are listed."""


def spec_for_table(table: Table, path: str, target: str | None = None) -> tuple[str, str, list[str]]:
    """Return the text of a spec that learns a column of a table, that column, and what the user should know.

    Args:
        table: it.
        path: of the file, as the spec is to name it.
        target: the column, or several with commas between them; the one that is likely to be meant unless given.

    Raises:
        DataError: there is no such column, or it cannot be learned.
    """
    found = facts_of(table)
    guessed = target is None
    columns = {name: _as_number(table, column) for name, column in found.columns.items()}
    targets, beside, notes = _learned(table, columns, target)
    own = columns[targets[0]]
    together = _of_several(table, [columns[name] for name in targets]) if len(targets) > 1 else None
    others = {name: column for name, column in columns.items() if name not in targets}
    dropped = _dropped(table, {name: columns[name] for name in targets}, others, beside)
    files = [name for name, column in others.items() if column.kind == "file"]
    if files and together is None:
        own = found.columns[own.name]
        _require_no_written_numbers(table, own)
        return spec_for_column_files(table, path, own, files, others), own.name, notes
    data = DataSource(name=path, target=targets, drop=(*dropped,), test=0.2, validation=0.15)
    text = _prose(others, [*dropped])
    if text is not None:
        data = data.model_copy(update={"columns": (text,), "text": Text(unit="words"), "drop": ()})
    amounts = [c for n, c in columns.items() if c.form and n not in dropped and (text is None or n in targets)]
    fitted = fit_table(table, data.model_copy(update={"number": tuple(column.name for column in amounts)}))
    classes = class_counts(own) if together is None else []
    classes = [] if own.kind == "number" and len(classes) > _CLASSES else classes
    lines = [f"# {path.rpartition('/')[2]}: {plural(len(table), 'row')} of {plural(len(table.columns), 'column')}."]
    lines += [
        f"# What is learned is a guess: `netspec new --data {path} --target NAME` learns another column."
    ] * guessed
    lines += ["", f'data "{path}" {{']
    said = _of_target(own, classes) if together is None else together[0]
    settings = [(f"target {' '.join(map(written, targets))}", said)]
    if text is not None:
        settings += _of_text(table, text, fitted)
    elif dropped:
        settings.append((f"drop {' '.join(map(written, dropped))}", "; ".join(dict.fromkeys(dropped.values()))))
    settings += _of_amounts(amounts)
    settings.append(("validation 15%", "held out of the training, to see when to stop"))
    settings.append(("test 20%", "drawn by a hash of each row, of every class about its share"))
    lines += commented([(f"  {setting}", comment) for setting, comment in settings])
    lines += ["}"]
    read = fitted.inputs["input"]
    left_out = [n for n in others if n not in read.columns and (text is not None or n not in dropped)]
    lines += _not_read(columns, left_out, text)
    lines += forecasting_hint(table, path, columns, own) if together is None and text is None else []
    lines += _maybe_codes([n for n in read.columns if n in others and _could_be_codes(columns[n])])
    width = 128 if read.shape[0] > _WIDE and classes else 64
    what = f"a row becomes {plural(read.shape[0], 'number')}: numbers standardized, categories one-hot"
    end = ("fc classes softmax", "a probability for each class") if classes else ("fc 1", "a number")
    end = together[1] if together else end
    layers = [(f"fc {width} relu", what)]
    layers += [] if classes else [(f"fc {width} relu", "")]
    layers += [("dropout 0.2", "in training only: of a small table a network learns rows by heart")]
    lines += ["", *commented([*(_TEXT_LAYERS if text is not None else layers), end])]
    lines += ["", "train {", *of_training(len(fitted.rows["train"])), "}"]
    return "\n".join(lines) + "\n", " ".join(map(written, targets)), [*notes, *map(said_of_amounts, amounts)]


def _as_number(table: Table, column: Column) -> Column:
    """Return a column as the spec will say that it is: numbers, where it has these with a sign or a unit."""
    clear = column.amount is not None and column.amount.is_clear and column.kind != "file"
    return column_of(table, column.name, said="number") if clear else column


def _of_amounts(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """Return the setting that reads columns as numbers, and how the first is read; none where there are none."""
    if not columns:
        return []
    first = said_of_amounts(columns[0]).removeprefix(f"{columns[0].name} is read as numbers: ")
    return [(f"number {' '.join(written(column.name) for column in columns)}", first)]


def _learned(
    table: Table, columns: Mapping[str, Column], asked: str | None
) -> tuple[tuple[str, ...], list[str], list[str]]:
    """Return the columns that are learned, those that would give them away as inputs, and what the user should know."""
    targets = _named(table, asked or likely_target(table, columns))
    group = one_hot_with(table, columns, targets[0])
    notes = list(table.notices)
    if group and asked is None:
        targets = group
    beside = [name for name in group if name not in targets]
    if beside:
        would = f"{listing(beside, 'and')} would give {listing(targets, 'and')} away, and"
        notes.append(
            f"{listing(group, 'and')} are one class: one of them is 1 in every row. {would} "
            f"{'is' if len(beside) == 1 else 'are'} dropped; --target {','.join(group)} learns all"
        )
    if len(targets) == 1:
        _require_no_written_numbers(table, columns[targets[0]])
    others = [column for name, column in columns.items() if name not in targets and column.how_written]
    notes += [
        f"{c.name} is {'a category' if c.kind == 'category' else 'left out'}: its {c.how_written}" for c in others
    ]
    return targets, beside, notes


def _dropped(
    table: Table, targets: Mapping[str, Column], others: Mapping[str, Column], beside: Sequence[str]
) -> dict[str, str]:
    """Return the columns that are dropped, each with why; none where no other would be left."""
    found = {}
    for name, column in others.items():
        again = next((target for target, own in targets.items() if says_again(table, column, own)), None)
        if again and name not in beside:
            found[name] = f"{name} says {again} again"
    found |= {
        name: f"{name} counts the rows"
        for name, column in others.items()
        if name not in found and counts_rows(table, column)
    }
    if beside:
        found |= dict.fromkeys(beside, f"with {' and '.join(targets)} one of them is 1 in every row")
    return {} if len(found) == len(others) else found


def _named(table: Table, target: str) -> tuple[str, ...]:
    """Return the columns that a name stands for: several where commas are between them, and no column is called so."""
    names = [name.strip() for name in target.split(",")]
    if target in table.cells or len(names) == 1 or not all(names):
        names = [target]
    for name in names:
        table.require(name, ", which --target names")
    return tuple(dict.fromkeys(names))


def _require_no_written_numbers(table: Table, target: Column) -> None:
    """Raise DataError where numbers that are read as text would be so many classes."""
    if target.amount and len(target.counts) > _CLASSES:
        message = f"{table.name}: {target.name} has numbers such as {shown(target.amount.cell)}, which are read as text"
        raise DataError(message, f"{target.how_read}, without signs, units and marks between thousands")


def _of_several(table: Table, targets: Sequence[Column]) -> tuple[str, tuple[str, str]]:
    """Return what is said of columns that are learned together, and the layer that ends their network."""
    count = len(targets)
    if all(column.counts and all(zero_or_one(cell) is not None for cell in column.counts) for column in targets):
        return "labels: each is 0 or 1", (f"fc {count} sigmoid", "a probability for each of them")
    names = [column.name for column in targets if column.kind != "number"]
    if names:
        message = f"{table.name}: {listing(names, 'and')} {'is' if len(names) == 1 else 'are'} classes, "
        message += "and columns that are learned together are numbers, or all of 0 and 1"
        raise DataError(message, "name one column; in the spec, give each an output of its own: docs/tables.md")
    return f"{count} numbers, each in its unit", (f"fc {count}", "a number for each of them")


def _could_be_codes(column: Column) -> bool:
    """Return whether the numbers of a column may stand for categories."""
    return column.kind == "number" and not column.said and column.is_whole and 2 < len(column.counts) <= _CODES


def _maybe_codes(coded: Sequence[str]) -> list[str]:
    """Return the comment that names columns whose numbers may stand for categories."""
    if not coded:
        return []
    some = ", ".join(coded[:_LISTED]) + (", …" if len(coded) > _LISTED else "")
    say = f"`category {written(coded[0])}` in `data` reads it as a category"
    return [f"# Numbers of few different values: {some}. If one is a code, {say}."]


def _not_read(columns: Mapping[str, Column], left_out: Sequence[str], text: str | None) -> list[str]:
    """Return the comment that names the columns that are not read, and how they could be beside a text."""
    if not left_out:
        return []
    shown = [f"{name} ({columns[name].kind})" for name in left_out[:_LISTED]]
    shown += ["…"] * (len(left_out) > _LISTED)
    # Both are read where each is an input of its own.
    fact = next((name for name in left_out if columns[name].kind in {"number", "boolean", "category"}), "")
    more = " …" if len(left_out) > 1 else ""
    own = (
        f" To read more: `input {written(text)} as words; input {written(fact)}{more} as facts`."
        if text and fact
        else ""
    )
    return [f"# Not read: {', '.join(shown)}.{own}"]


_TEXT_LAYERS = [
    ("embedding 64", "a vector for each word"),
    ("globalpool", "the mean over the words of the text; `lstm 64 last` reads their order too"),
    ("dropout 0.5", ""),
]


def _prose(columns: Mapping[str, Column], without: Sequence[str]) -> str | None:
    """Return the column of texts that says more than the others do; None where there is none."""
    found = [name for name in texts_of(columns, without) if mean_words(columns[name]) >= _PROSE]
    return max(found, key=lambda name: mean_words(columns[name])) if found else None


def _of_text(table: Table, text: str, fitted: Fitted) -> list[tuple[str, str]]:
    """Return the settings of a column of texts that is read alone."""
    lengths = [len(pieces("words", cell)) for cell in table.cells[text] if cell]
    size = f" size={WORDS}" if len(fitted.inputs["input"].vocabulary or ()) > WORDS else ""
    return [
        (f"columns {written(text)}", lengths_text(lengths)),
        (f"text words length={length_for(lengths)}{size}", "of longer ones the rest is not read"),
    ]


def _of_target(column: Column, classes: Sequence[tuple[str, int]]) -> str:
    if classes:
        shown = [f"{name} {count:,}" for name, count in classes[:_LISTED]] + ["…"] * (len(classes) > _LISTED)
        return f"{len(classes)} classes: {', '.join(shown)}"
    far = column.low is not None and column.high is not None and column.low > 0 and column.high > 100 * column.low
    more = f"; `target {written(column.name)} log` learns the logarithm" if far else ""
    return f"a number, {column.low:g} to {column.high:g}{more}"
