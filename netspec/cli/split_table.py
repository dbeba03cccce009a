"""What `netspec data show --split` prints and writes: which examples are for training, for validation, for the test."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netspec.cli.output import print_json, print_table, say
from netspec.diagnostics.diagnostic import DataError, NetspecError, RunError, plural
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.recipe.catalog import find
from netspec.recipe.settings import Text
from netspec.sources.files.pictures import holds_pictures
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.missing import missing_data
from netspec.sources.tables.zipped import holds_table
from netspec.sources.texts.facts import are_texts
from netspec.sources.texts.trees import holds_files
from netspec.system.files import atomic_write, expanded, kind_of
from netspec.terminal.numbers import percent

__all__ = ["show_split"]

_MOST_CLASSES = 20
"""Of more classes no counts are printed."""

_VALIDATION = 0.15
"""What `netspec new` writes, where a table is looked at without a spec."""


@dataclass(frozen=True, slots=True)
class _Division:
    """Examples by their part.

    Attributes:
        heading: what identifies an example.
        parts: of each part its examples.
        classes: of each part the classes of these; an empty one where there is none.
        notices: what to say first.
        groups: of each part the groups of these, where something says what stays together.
        windows: of the rows of a table in the order of time, how many windows have their target in each part.
        spans: what the column that orders them says first and last in each part.
    """

    heading: Sequence[str]
    parts: Mapping[str, Sequence[Sequence[str]]]
    classes: Mapping[str, Sequence[str]]
    notices: Sequence[str] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    windows: Mapping[str, int] = field(default_factory=dict)
    spans: Mapping[str, str] = field(default_factory=dict)


def show_split(name: str, target: str | None, out: Path | None, how: HowRead = AS_IT_IS, *, as_json: bool) -> None:
    """Print how many examples each part has, of which classes, and write each with its part.

    Args:
        name: of a table, of pictures or texts in folders, or of a spec that names one of these.
        target: of a table without a spec the column that is learned.
        out: the CSV file to write; none unless given.
        how: of a table without a spec which sheet, and in which encoding.
        as_json: whether an object for each part is printed instead.

    Raises:
        NetspecError: there is nothing that is divided, or it cannot be.
    """
    if out is not None and out.suffix.lower() != ".csv":
        raise NetspecError(
            f"the parts of {name} are written as CSV, and {out} is none", "name a .csv file: -o parts.csv"
        )
    division = _division(name, target, how)
    if out is not None:
        _write(division, out)
    if as_json:
        for part, rows in division.parts.items():
            counts = Counter(c for c in division.classes[part] if c)
            grouped = {"groups": len(set(division.groups[part]))} if division.groups else {}
            rows_too = {"rows": len(rows)} if division.windows else {}
            examples = division.windows.get(part, len(rows))
            facts = {"part": part, "examples": examples, "classes": dict(sorted(counts.items()))}
            print_json({**facts, **grouped, **rows_too})
        return
    for notice in division.notices:
        say(f"note: {notice}")
    total = sum(map(len, division.parts.values()))
    names = sorted({c for own in division.classes.values() for c in own if c})
    shown = names if len(names) <= _MOST_CLASSES else []
    say(f"{name}: {plural(total, 'row' if division.windows else 'example')}")
    rows_of = [
        (
            part,
            f"{len(rows):,}",
            percent(len(rows) / total),
            *([f"{division.windows[part]:,}"] if division.windows else []),
            *([division.spans[part]] if division.spans else []),
            *([f"{len(set(division.groups[part])):,}"] if division.groups else []),
            *(f"{division.classes[part].count(each):,}" for each in shown),
        )
        for part, rows in division.parts.items()
    ]
    headings = [("part", False), ("rows" if division.windows else "examples", True), ("share", True)]
    headings += [("windows", True)] if division.windows else []
    headings += [("from and to", False)] if division.spans else []
    headings += [*([("groups", True)] if division.groups else []), *((each, True) for each in shown)]
    print_table(headings, rows_of)
    if out is not None:
        say(out)


def _division(name: str, target: str | None, how: HowRead = AS_IT_IS) -> _Division:
    path = expanded(name, DataError)
    network, folder = None, Path()
    if name.endswith(".net"):
        if target is not None:
            raise NetspecError("a spec says what is learned", "leave --target out")
        network, folder = _network(path)
        if network.data is None:
            raise NetspecError(f"{name} names no data", 'add `data "FILE" { target NAME }` to it')
        path = folder / network.data.name
    data = network.data if network else None
    tagged = data is not None and data.is_tagged
    if not tagged and (holds_table(path) or (data and data.is_table)):
        return _of_table(path, network, target, folder, HowRead.of(data) if data else how)
    if target is not None:
        raise NetspecError("--target names a column of a table", f"{name} is none: leave --target out")
    built_in = find(data.name if data else name)
    fix = "name a table, or pictures or texts in folders or an archive"
    if built_in:
        raise NetspecError(f"{built_in.name} has a test part of its own: nothing is drawn", fix)
    if kind_of(path, DataError) is None:
        raise missing_data(path, str(path), fix)
    return _of_arrays(network, folder) if network and data and data.group_array else _of_place(path, data, fix)


def _of_place(path: Path, data: DataSource | None, fix: str) -> _Division:
    """Return the division of texts, sentences or pictures; raises NetspecError for other data."""
    if data and data.is_tagged:
        return _of_sentences(path, data)
    if data.has_classes_of_texts if data else holds_files(path) and are_texts(path):
        return _of_texts(path, data or DataSource(name=path.name, text=Text(unit="words", whole=True)))
    if data and data.is_text:
        raise NetspecError(f"{path} is read as one text: there are no examples to list", fix)
    if not holds_pictures(path):
        raise NetspecError(f"{path} is no table, and no pictures or texts in folders or an archive", fix)
    from netspec.data.files.picture_draws import parts_of_pictures  # noqa: PLC0415

    return _of_files(parts_of_pictures(path, str(path), data))


def _of_files(parts: Mapping[str, Sequence[tuple[str, ...]]], what: str = "file") -> _Division:
    """Return the division of files, or other examples, with their classes, and with their groups if they have some."""
    classes = {part: [row[1] for row in rows] for part, rows in parts.items()}
    grouped = any(len(row) > 2 for rows in parts.values() for row in rows)
    groups = {part: [row[2] for row in rows] for part, rows in parts.items()} if grouped else {}
    return _Division((what, "class", *(["group"] if grouped else [])), parts, classes, groups=groups)


def _network(path: Path) -> tuple[Network, Path]:
    from netspec.compiler import analyze, load_source, require  # noqa: PLC0415

    source = load_source(path)
    network, _ = require(analyze(source))
    return network, path.absolute().parent


def _of_arrays(network: Network, folder: Path) -> _Division:
    from netspec.data.for_network import load_data  # noqa: PLC0415

    dataset = load_data(network, base=folder)
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    parts: dict[str, list[tuple[str, ...]]] = {}
    for part, split in splits.items():
        if split is None:
            continue
        labels = split.labels
        named = not isinstance(labels, Mapping) and labels.ndim == 1 and labels.dtype.kind == "i" and dataset.labels
        classes = [dataset.labels[label] for label in labels] if named else [""] * len(split)
        places = dataset.groups["val" if part == "validation" else part]
        parts[part] = [(place, label, group) for (place, group), label in zip(places, classes, strict=True)]
    return _of_files(parts, "example")


def _of_sentences(path: Path, data: DataSource) -> _Division:
    from netspec.sources.texts.tagged import parts_of_sentences, read_sentences  # noqa: PLC0415

    found = read_sentences(path, path.name, how=HowRead.of(data))
    drawn = parts_of_sentences(found, data)
    rows = [(str(line), " ".join(words)) for line, words in zip(found.lines, found.words, strict=True)]
    there = [part for part in ("train", "validation", "test") if part in drawn]
    parts: dict[str, list[tuple[str, str]]] = {part: [rows[i] for i in drawn[part]] for part in there}
    return _Division(("line", "sentence"), parts, {part: [""] * len(own) for part, own in parts.items()})


def _of_texts(path: Path, data: DataSource) -> _Division:
    from netspec.sources.texts.classes import LABEL, divided_texts, labelled_texts  # noqa: PLC0415

    found = labelled_texts(path, test=data.test, how=HowRead.of(data))
    drawn = divided_texts(found, data)
    groups = [found.groups(data.group)] if data.group else []
    named = [*zip(found.files, found.table.cells[LABEL], *groups, strict=True)]
    there = [part for part in ("train", "validation", "test") if part in drawn]
    return _of_files({part: sorted(named[i] for i in drawn[part]) for part in there})


def _of_table(path: Path, network: Network | None, target: str | None, folder: Path, how: HowRead) -> _Division:
    from netspec.data.tables.tables import divided_table  # noqa: PLC0415
    from netspec.sources.tables.cells import class_name  # noqa: PLC0415
    from netspec.sources.tables.facts import facts_of, likely_target  # noqa: PLC0415
    from netspec.sources.tables.fit import fit_table  # noqa: PLC0415
    from netspec.sources.tables.parts import could_be_classes  # noqa: PLC0415
    from netspec.sources.tables.table import read_table  # noqa: PLC0415

    table = read_table(path, path.name, how)
    notices = []
    if network and network.data:
        fitted, _ = divided_table(table, network, network.data, folder=folder)
    else:
        learned = target or likely_target(table, facts_of(table).columns)
        table.require(learned, ", which --target names")
        data = DataSource(name=path.name, target=(learned,), test=0.2, validation=_VALIDATION)
        notices = [f"with `target {learned}; validation 15%; test 20%`; a spec instead of the table says otherwise"]
        fitted = fit_table(table, data)
    lines = fitted.table.lines
    rows = [fitted.table.cells[name] for name in fitted.table.columns]
    classes = [fitted.table.cells[n] for n, c in fitted.targets.items() if could_be_classes(c) and not fitted.log]
    parts = {part: sorted(fitted.rows[part]) for part in ("train", "validation", "test") if fitted.rows.get(part)}
    group = network.data.group if network and network.data else None
    grouped = fitted.table.cells[group] if group else []
    order = fitted.windows.windows.order if fitted.windows else ""
    ordered = fitted.table.cells[order] if order and not group else []
    return _Division(
        ("line", *fitted.table.columns),
        {part: [(str(lines[i]), *(column[i] for column in rows)) for i in at] for part, at in parts.items()},
        {part: [" ".join(class_name(cells[i]) for cells in classes) for i in at] for part, at in parts.items()},
        notices,
        {part: [grouped[i] for i in at] for part, at in parts.items()} if grouped else {},
        {part: len(fitted.windows.last[part]) for part in parts} if fitted.windows else {},
        {part: f"{ordered[at[0]]} to {ordered[at[-1]]}" for part, at in parts.items()} if ordered else {},
    )


def _write(division: _Division, out: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    part = "part"
    while part in division.heading:
        part += "_"
    writer.writerow([*division.heading, part])
    for name, rows in division.parts.items():
        writer.writerows([*row, name] for row in rows)
    try:
        atomic_write(out, text.getvalue())
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"cannot write {out}: {reason}", "choose a folder that can be written to") from None
