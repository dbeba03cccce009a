"""The contract of a format: what it can hold, how it is written, and how another program runs what was written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from netspec.formats.program import Program
from netspec.ops import Op
from netspec.system.packages import installed_version

__all__ = ["TOLERANCE", "Difference", "Format", "NotInstalledError", "Options", "difference"]

TOLERANCE = 1e-5
"""How far what was exported may be from what netspec computes, relative to the largest value: both in float32."""


class NotInstalledError(Exception):
    """The program that would run an export is not on this machine."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may be asked of a writer beside the format: weights by PyTorch's names."""

    torch_names: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest difference between two results, as it is and relative to the largest value."""

    absolute: float
    relative: float

    @property
    def accepted(self) -> bool:
        """Whether it is rounding; no number is greater than NaN, so this is not written the other way round."""
        return self.relative <= TOLERANCE


class Format(ABC):
    """One format. A further one is a subclass in a file of its own, listed in `FORMATS` of `formats/__init__.py`.

    Attributes:
        name: as `--to` has it.
        summary: what it is, for people.
        file: the name of the file unless another is given; `suffixes` of further files that belong to it.
        checker: the Python package of the program that runs it again.
        extra: what `pip install` must get for writing; empty where nothing is missing.
        folded: whether it is written from a graph in which normalizations are part of the kernels near them.
        computes: whether it holds operations, and not weights alone.
        holds: the operations that it can hold.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    file: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    checker: ClassVar[str]
    extra: ClassVar[str] = ""
    folded: ClassVar[bool] = False
    computes: ClassVar[bool] = True
    holds: ClassVar[frozenset[type[Op]]] = frozenset()

    def files(self, target: Path) -> tuple[Path, ...]:
        """Return all files that an export consists of, `target` first."""
        return (target, *(target.with_suffix(suffix) for suffix in self.suffixes))

    def unheld(self, program: Program) -> Mapping[str, Sequence[str]]:
        """Return the names of the operations that it cannot hold, with the nodes that need them."""
        found: dict[str, list[str]] = {}
        for operation in program.graph.operations if self.computes else ():
            if type(operation.op) not in self.holds:
                nodes = found.setdefault(type(operation.op).__name__, [])
                if operation.node not in nodes:
                    nodes.append(operation.node)
        return found

    @abstractmethod
    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the files; raises NotInstalledError where what writes them is missing."""

    @abstractmethod
    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what another program computes with the written files; raises NotInstalledError where it is missing.

        Of weights alone that is the arrays, as they are read back, in the order of their names.
        """

    def checked_by(self) -> str:
        """Return the program that runs it, with its version."""
        found = installed_version(self.checker)
        return f"{self.checker} {found}" if found else self.checker


def difference(found: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]]) -> Difference:
    """Return the largest difference; infinite where shapes differ, or one has numbers where the other has none."""
    if [a.shape for a in found] != [b.shape for b in expected]:
        return Difference(float("inf"), float("inf"))
    worst = [
        _difference(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in zip(found, expected, strict=True)
    ]
    return max(worst, key=lambda each: each.relative, default=Difference(0.0, 0.0))


def _difference(found: NDArray[np.float64], expected: NDArray[np.float64]) -> Difference:
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True) or not np.isfinite(found[finite]).all():
        return Difference(float("inf"), float("inf"))
    absolute = float(np.abs(found[finite] - expected[finite]).max(initial=0))
    largest = float(np.abs(expected[finite]).max(initial=0))
    return Difference(absolute, absolute / largest if largest else absolute)
