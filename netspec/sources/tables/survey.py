"""A look at the table that a spec names: the inputs and classes that a network takes from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT, Input
from netspec.sources.compressed import is_larger
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.survey import Survey
from netspec.sources.tables.fit import Fitted, fit_table
from netspec.sources.tables.parts import could_be_classes
from netspec.sources.tables.table import Table, read_table
from netspec.system.files import kind_of

__all__ = ["LARGEST", "read_once", "survey_table"]

LARGEST = 64 * 2**20
"""Bytes of a table that a check reads, unpacked where it is compressed."""


def survey_table(data: DataSource, folder: Path, asked: Mapping[str, Sequence[str]] | None = None) -> Survey | None:
    """Return what a table is; None where it is too large to be looked at in a check.

    Raises:
        DataError: it is not there, or cannot be learned from.
    """
    path = folder / data.name
    if kind_of(path, DataError) == "file" and is_larger(path, LARGEST):
        return None
    named = tuple((name, tuple(columns)) for name, columns in (asked or {INPUT: ()}).items())
    fitted = _fitted(read_once(path, HowRead.of(data)), data, named, folder)
    inputs = tuple(
        Input(
            name=name,
            shape=given.shape,
            tokens=given.tokens,
            mask=0 if given.form == "text" else None,
            columns=tuple((asked or {}).get(name, ())),
        )
        for name, given in fitted.inputs.items()
    )
    # How large pictures are is said by the spec alone.
    tokens = {given.tokens for given in inputs if given.tokens}
    return Survey(
        data,
        inputs,
        next(iter(tokens)) if len(tokens) == 1 else None,
        fitted.classes,
        notices=fitted.notices,
        files=tuple(name for name, given in fitted.inputs.items() if given.form == "picture"),
        amounts=tuple(c.name for c in fitted.targets.values() if fitted.log or not could_be_classes(c)),
        targets=tuple(fitted.targets.values()),
        of_log=fitted.log,
    )


@lru_cache(maxsize=1)
def _fitted(table: Table, data: DataSource, asked: tuple[tuple[str, tuple[str, ...]], ...], folder: Path) -> Fitted:
    """Return what is fitted to a table by the settings of a spec; a check asks for it twice."""
    return fit_table(table, data, dict(asked), learns=data.target != "input", folder=folder)


def read_once(path: Path, how: HowRead = AS_IT_IS) -> Table:
    """Return the table in a file; what was read of it last is kept, unless the file has changed."""
    if kind_of(path, DataError) != "file":
        return read_table(path, path.name, how)
    facts = path.stat()
    return _read(path.absolute(), how, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1)
def _read(path: Path, how: HowRead, size: int, changed: int) -> Table:
    del size, changed
    return read_table(path, path.name, how)
