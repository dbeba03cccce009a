"""Tables that are not what they should be: in the ways of spreadsheets, exports and disks, and made to do harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TypeAlias

from promises.damage import KINDS, damaged

__all__ = ["corpus", "good", "mutated"]

Write: TypeAlias = Callable[[Path], object]
"""Puts a bad table at a path."""

HEAD = "size,color,note,day,y"


def good(seed: int = 0, count: int = 60) -> list[list[str]]:
    """Return the cells of a table of every kind of column, the names first; the last one is learned."""
    rng = Random(seed)
    rows = [HEAD.split(",")]
    for i in range(count):
        size = "" if rng.random() < 0.1 else f"{rng.gauss(10, 3):.2f}"
        note = f"row {i} is {rng.choice(['fine', 'so so', 'bad'])}"
        rows.append([size, rng.choice(["red", "blue", "green"]), note, f"2020-01-{i % 28 + 1:02}", str(i % 2)])
    return rows


def _text(rows: list[list[str]], mark: str = ",", end: str = "\n") -> str:
    return "".join(mark.join(row) + end for row in rows)


def _content(data: bytes | str) -> Write:
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data.encode())


def _hole(start: str, size: int) -> Write:
    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(start.encode())
            stream.truncate(size)

    return write


def _long_line(path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(b"a,y\n")
        for _ in range(100):
            stream.write(b"1" * 1_000_000)
        stream.write(b",1\n")


def corpus() -> Iterator[tuple[str, str, Write]]:
    """Yield what is wrong with a table, how its name ends, and how it is written; each must be refused."""
    rows = good()
    text = _text(rows)
    yield "no file", ".csv", lambda path: None
    yield "a folder", ".csv", lambda path: path.mkdir()
    yield "a link to itself", ".csv", lambda path: path.symlink_to(path)
    for what, content in {
        "nothing": "",
        "blank lines": "\n\n \n",
        "the names alone": HEAD + "\n",
        "a row too short": text + "1,red\n",
        "a row too long": text + "1,red,a,2020-01-01,1,1\n",
        "a quote that is not closed": text + '1,"red,a,2020-01-01,1\n',
        "text behind a quote": text + '1,"red"x,a,2020-01-01,1\n',
        "two columns of one name": text.replace("color", "size", 1),
        "two targets of one name": text.replace("day", "y", 1),
        "no names": _text(rows[1:]),
        "no such target": text.replace(",y\n", ",why\n", 1),
        "a target that is missing everywhere": text.replace(",0\n", ",\n").replace(",1\n", ",NA\n"),
        "a target that is the same everywhere": text.replace(",0\n", ",1\n"),
        "a target that names the rows": _text([rows[0], *([*r[:-1], f"n{i}"] for i, r in enumerate(rows[1:] * 2))]),
        "an infinite number": text + "inf,red,a,2020-01-01,1\n",
        "a number of 400 digits": text + "9" * 400 + ",red,a,2020-01-01,1\n",
        "nothing to learn from": "y\n" + "0\n1\n" * 20,
        "a character that no text has": text.replace("red", "r\0d"),
        "a cell of two million characters": text + "1," + "r" * 2_000_000 + ",a,2020-01-01,1\n",
        "20,000 columns": ",".join(f"c{i}" for i in range(20_000)) + ",y\n" + "1," * 20_000 + "1\n",
        "a million columns": ",".join(f"c{i}" for i in range(1_000_000)) + ",y\n",
    }.items():
        yield what, ".csv", _content(content)
    for what, data in {
        "UTF-16 without its mark": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32"),
        "Latin-1": text.replace("red", "röd").encode("latin-1"),
        "a zip file": b"PK\x03\x04" + bytes(100),
        "a gzip file": b"\x1f\x8b\x08\x00" + bytes(100),
        "an old Excel file": b"\xd0\xcf\x11\xe0" + bytes(500),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "zeros": bytes(10_000),
    }.items():
        yield what, ".csv", _content(data)
    yield "a line of 100 MB", ".csv", _long_line
    yield "5 GiB, nearly all hole", ".csv", _hole(text, 5 * 2**30)
    objects = _objects(rows)
    for what, content in {
        "no JSON": "{size: 1}\n",
        "a list of rows": "[" + ",".join(objects) + "]",
        "an object in a cell": objects[0] + '\n{"size": {"a": 1}, "y": 1}\n',
        "a key twice": '{"size": 1, "size": 2, "y": 1}\n' * 4,
        "keys that differ by a space": '{"size": 1, "size ": 2, "y": 1}\n' * 4,
        "half a character": '{"size": "\\ud800", "y": 1}\n' * 4,
        "100,000 brackets": '{"size": ' + "[" * 100_000 + "]" * 100_000 + "}\n",
        "a number of 5,000 digits": '{"size": ' + "9" * 5_000 + ', "y": 1}\n',
        "half a line": "\n".join(objects)[:-5],
    }.items():
        yield what, ".jsonl", _content(content)
    for what, data in {"no Parquet": b"hello", "Parquet at its ends alone": b"PAR1" + bytes(99) + b"PAR1"}.items():
        yield what, ".parquet", _content(data)


def _objects(rows: list[list[str]]) -> list[str]:
    return [json.dumps(dict(zip(rows[0], row, strict=True))) for row in rows[1:]]


# --- at random -----------------------------------------------------------------------------------------------------

_CELLS = (
    "",
    "NA",
    "?",
    "-",
    "1e999",
    "nan",
    "-inf",
    "1_000",
    "1,5",
    "1.234,5",
    "0x10",
    "yes",
    "True",
    "2020-13-45",
    '"',
    '""',
    '"a,b"',
    "a\tb",
    "a;b",
    "\ufeff",
    "\u202e",
    "\x1b[2J",
    "é",
    "a" * 5_000,
    "9" * 400,
    "=1+1",
    "\r",
    "'",
    "١٢",
    "½",
)
_LINES = ("", ",", ",,,,,,,", '"', "\r", "sep=;", "# comment", "{}", "[]", "null", "\0", ";;;;", HEAD)


def mutated(rng: Random) -> tuple[str, bytes]:
    """Return how the name of a table ends and what is in it: good rows in some form, with some changes at random."""
    rows = [list(row) for row in good(rng.randrange(20), rng.choice((4, 20, 60, 60)))]
    for _ in range(rng.choice((0, 1, 1, 3))):
        row = rng.randrange(len(rows))
        rows[row][rng.randrange(len(rows[row]))] = rng.choice(_CELLS)
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        _change_shape(rows, rng)
    ending = rng.choice((".csv", ".csv", ".csv", ".tsv", ".jsonl"))
    if ending == ".jsonl":
        width = len(rows[0])
        full = [row[:width] + [""] * (width - len(row)) for row in rows]
        lines = _objects(full)
    else:
        mark = "\t" if ending == ".tsv" else rng.choice((",", ",", ";", "|", "\t"))
        lines = [mark.join(row) for row in rows]
    for _ in range(rng.choice((0, 0, 0, 0, 0, 1))):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(_LINES))
    text = rng.choice(("\n", "\n", "\r\n", "\r")).join(lines) + rng.choice(("\n", "", "\n\n"))
    data = text.encode(rng.choice((*["utf-8"] * 10, "utf-8-sig", "utf-16", "cp1252")), errors="replace")
    for _ in range(rng.choice((0, 0, 0, 1))):
        data = damaged(data, rng.choice(KINDS), rng)
    return ending, data


def _change_shape(rows: list[list[str]], rng: Random) -> None:
    match rng.randrange(6):
        case 0:
            del rows[rng.randrange(len(rows))][-1]
        case 1:
            rows[rng.randrange(len(rows))].append("more")
        case 2:
            rows[0][rng.randrange(len(rows[0]))] = rng.choice(rows[0])
        case 3:
            at = rng.randrange(len(rows[0]))
            for row in rows[1:]:
                if at < len(row):
                    row[at] = rng.choice(("", "same", "1"))
        case 4:
            rows.extend(list(row) for row in rows[1:])
        case _:
            rng.shuffle(rows)
    rows[:] = [row or [""] for row in rows]
