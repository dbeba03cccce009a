"""The parser as tables that are read, not worked out: building it from the grammar costs a tenth of a check's time.

The tables are `tables.json`, Lark's own serialization as plain data. They hold for one text of the grammar and one
version of Lark; where either differs, the parser is built from the grammar. Written anew by

    python -m netspec.syntax.tables
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import lark
import lark.lexer
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from netspec.system.resources import grammar_text

__all__ = ["TABLES", "build", "load", "serialized"]

TABLES = Path(__file__).with_name("tables.json")


def load(**options: Any) -> Lark:
    """Return the parser, from the tables where they fit.

    Args:
        options: Lark's `transformer` and `lexer_callbacks`, which no table holds.
    """
    try:
        found = json.loads(TABLES.read_text(encoding="utf-8"))
        if found["made_for"] == _made_for():
            parser = found["data"]["parser"]["parser"]
            # JSON's keys are text; Lark numbers its tokens and states.
            parser["tokens"] = {int(key): name for key, name in parser["tokens"].items()}
            parser["states"] = {
                int(state): {int(token): action for token, action in row.items()}
                for state, row in parser["states"].items()
            }
            # What Lark's own standalone parsers do; its public way, `Lark.load`, wants a pickle.
            memo = {int(key): value for key, value in found["memo"].items()}
            return Lark._load_from_dict(found["data"], memo, **options)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return build(**options)


def build(**options: Any) -> Lark:
    """Return the parser, built from the grammar."""
    # Where interegular is installed, Lark compares all terminals with each other at every start, which takes a second;
    # that is what the strict build in the tests is for.
    found, lark.lexer.has_interegular = lark.lexer.has_interegular, False
    try:
        return Lark(grammar_text(), parser="lalr", **options)
    finally:
        lark.lexer.has_interegular = found


def serialized() -> str:
    """Return what `tables.json` must hold."""
    data, memo = build().memo_serialize([TerminalDef, Rule])
    return json.dumps({"made_for": _made_for(), "data": data, "memo": memo}, separators=(",", ":")) + "\n"


def _made_for() -> list[str]:
    return [lark.__version__, sha256(grammar_text().encode()).hexdigest()]


if __name__ == "__main__":
    TABLES.write_text(serialized(), encoding="utf-8")
