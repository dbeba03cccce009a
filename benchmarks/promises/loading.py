"""Pictures of a folder or an archive, loaded as a training loads them; and what came of it."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import netspec as ns
from netspec.data import Dataset
from netspec.data.for_network import load_data
from netspec.diagnostics.diagnostic import DataError

__all__ = ["Outcome", "loaded", "network_for"]


class Outcome(NamedTuple):
    """What came of pictures.

    Attributes:
        said: `refused`, `read`, or what was wrong with what came of them.
        trained: how many pictures there are, in all parts.
        named: how many are said to be left out, or to be damaged.
        dataset: what was read.
    """

    said: str
    trained: int = 0
    named: int = 0
    dataset: Dataset | None = None


@lru_cache
def network_for(bad: str, classes: int = 2) -> ns.Network:
    """Return a network that learns from pictures; `bad` says what happens to such: `stop` or `skip`."""
    return ns.parse(f'input 3x8x8; fc {classes} softmax\ndata "./x" {{ test 20%; on_bad {bad} }}')


def loaded(path: Path, network: ns.Network) -> Outcome:
    """Return what came of the pictures in a folder or an archive."""
    try:
        dataset = load_data(network, path)
    except DataError as error:
        text = f"{error.message} {error.fix or ''}"
        if not error.fix or len(text) > 800:
            return Outcome(f"the error is not clear: {text[:200]!r}")
        return Outcome("refused", named=_number(error.message))
    except BaseException as error:  # what else comes out is what the promise is about
        return Outcome(f"{type(error).__name__}: {error}"[:200])
    named = sum(_number(notice) for notice in dataset.notices if "left out" in notice)
    return Outcome("read", sum(map(len, dataset.splits.values())), named, dataset)


def _number(text: str) -> int:
    """Return how many pictures a message says are bad; 0 where it says nothing of that."""
    found = re.match(r"([\d,]+) (?:pictures? of .* cannot be read|of [\d,]+ pictures)", text, re.DOTALL)
    return int(found[1].replace(",", "")) if found else 0
