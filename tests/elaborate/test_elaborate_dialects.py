"""Names of other programs: what is said of them is right, and is said."""

from __future__ import annotations

import re

import pytest

from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source
from netspec.elaborate import dialects
from netspec.elaborate.vocabulary import COMMANDS
from netspec.layers import LAYERS

WORDS = {*LAYERS, *COMMANDS, "a", "b", "ns.train", "netspec predict", 'include "file.net"'}
"""What a sentence may mention, besides lines of a spec."""


def errors(text: str) -> list[tuple[str, str]]:
    return [(d.code, str(d.fix)) for d in analyze(Source("s.net", text)).diagnostics]


def pieces(said: str) -> list[str]:
    """Return the lines that a sentence shows."""
    found = [piece.replace("LABEL", "c") for piece in re.findall("`([^`]+)`", said)]
    return [piece for piece in found if piece not in WORDS and "…" not in piece]


def understood(*texts: str) -> bool:
    """Return whether every word of one of the texts is known; its shapes need not fit."""
    return any(all(not code.startswith(("E01", "E02")) for code, _ in errors(text)) for text in texts)


def after(piece: str) -> str:
    """Return a spec that ends in some lines; the labels of other lines are there."""
    labels = "".join(f"identity as {name}\n" for name in "abc" if f"as {name}" not in piece)
    return f"include blocks\ninput 64x20\n{labels}{piece}\n"


@pytest.mark.parametrize("name", dialects.LAYERS)
def test_what_is_said_of_a_layer_can_be_written(name: str) -> None:
    assert name not in LAYERS, "it is understood"
    for piece in pieces(dialects.LAYERS[name]):
        assert understood(after(piece), piece), piece


@pytest.mark.parametrize("name", [*dialects.SETTINGS, *dialects.MEMBERS])
def test_what_is_said_of_a_recipe_can_be_written(name: str) -> None:
    for piece in pieces({**dialects.SETTINGS, **dialects.MEMBERS}[name]):
        output, data = f"fc 1 as c\noutput c {piece}", f'data "t.csv" {{ {piece} }}'
        assert understood(after(f"train {{ {piece} }}"), after(output), after(piece), after(data)), piece


def test_it_is_said() -> None:
    assert errors("input 8\nrope") == [("E0201", dialects.LAYERS["rope"])]
    assert errors("input 8\nfc 3 softmax\ntrain { l1 0.1 }") == [("E0202", dialects.SETTINGS["l1"])]
    for member in ("loss gaussian_nll", "schedule ReduceLROnPlateau"):
        assert errors(f"input 8\nfc 3\ntrain {{ {member} }}") == [("E0204", dialects.MEMBERS[member.split()[1]])]
