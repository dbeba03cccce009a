"""Tables that are damaged or made to do harm: each is one clear error or is read, in little memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

from netspec.data.tables.examples import examples_of
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.sources.tables.fit import fit_table
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.tables.table import read_table
from promises.bad_tables import corpus, mutated
from promises.frame import Effort, Found
from promises.memory import outcomes

__all__ = ["measure"]

_MOST = 512.0
"""MiB that refusing may take: five times the longest line."""

_AT_ONCE = 500


def measure(effort: Effort) -> Found:
    """Read all of the corpus, and then tables with changes at random, in processes whose memory is looked at."""
    bad = [(what, effort.folder / f"{i}{ending}", write) for i, (what, ending, write) in enumerate(corpus())]
    if effort.short:
        bad = [each for each in bad if "million" not in each[0] and "100 MB" not in each[0]]
    for _, path, write in bad:
        write(path)
    said, slowest, grown = outcomes(_outcome, [path for _, path, _ in bad])
    wrong = [f"{what}: {own}" for (what, _, _), own in zip(bad, said, strict=False) if own != "refused"]
    count, read = effort.of(20_000, 200), 0
    for start in range(0, count, _AT_ONCE):
        at_random = partial(_of_seed, effort.folder)
        seeds = [f"{effort.seed}:{i}" for i in range(start, min(start + _AT_ONCE, count))]
        own, seconds, memory = outcomes(at_random, seeds)
        slowest, grown = max(slowest, seconds), max(grown, memory)
        read += own.count("read")
        wrong += [f"seed {seeds[i]}: {each}" for i, each in enumerate(own) if each not in {"read", "refused"}]
    return Found(
        done=f"{len(bad)} bad tables: ragged, of other encodings and formats, a million columns, a line of 100 MB, "
        f"5 GiB; {count:,} CSV, TSV and JSONL files with changes at random in cells, rows and bytes",
        figure=f"{len(wrong)} errors that were not clear{_listed(wrong)}; all {len(bad)} refused, {count - read:,} of "
        f"the others too, {read:,} read as what they are; memory grew by {grown:.0f} MiB at most, the slowest took "
        f"{slowest:.1f} s",
        kept=not wrong and grown < _MOST,
    )


def _of_seed(folder: Path, seed: str) -> str:
    ending, data = mutated(Random(seed))
    path = folder / f"random{ending}"
    path.write_bytes(data)
    return _outcome(path)


def _outcome(path: Path) -> str:
    """Return what came of a table from which `y` is learned."""
    try:
        table = read_table(path, path.name)
        fitted = fit_table(table, DataSource(name=path.name, target=("y",), test=0.25, validation=0.1))
        examples_of(fitted.table, TablePreparation(inputs=fitted.inputs))
    except DataError as error:
        text = f"{error.message} {error.fix or ''}"
        if not error.fix or "Traceback" in text or len(text) > 600:
            return f"the error is not clear: {text[:200]!r}"
        return "refused"
    except BaseException as error:  # what else comes out is what the promise is about
        return f"{type(error).__name__}: {error}"[:200]
    return "read"


def _listed(wrong: list[str]) -> str:
    return f" ({'; '.join(wrong[:5])})" if wrong else ""
