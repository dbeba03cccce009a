"""Weights by name, as a reader finds them in a file that says nothing of the network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from netspec.formats.reading import Array
from netspec.ops import Shape

__all__ = ["State", "Weight", "WeightsReader"]


class Weight(Protocol):
    """One array of a file: its shape, and its numbers when they are asked for."""

    @property
    def name(self) -> str:
        """What the file calls it."""
        ...

    @property
    def shape(self) -> Shape:
        """Its shape as the file has it."""
        ...

    def array(self) -> Array:
        """Return its numbers as float32."""
        ...

    @property
    def place(self) -> Hashable:
        """Where in the file its numbers are: the same place is one array, as of tied weights."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """What a file of weights holds.

    Attributes:
        file: its name.
        weights: by name.
        ordered: whether they stand in the order in which the layers were defined.
        notes: what was left out, for the terminal.
    """

    file: str
    weights: Mapping[str, Weight]
    ordered: bool
    notes: list[str] = field(default_factory=list)


class WeightsReader(Protocol):
    """Reads weights of one format. A further one is listed in `WEIGHTS_READERS` of `formats/readers.py`."""

    name: str
    endings: tuple[str, ...]

    def read(self, path: Path, load: Callable[[Path, int], bytes]) -> State:
        """Return the weights of a file.

        Args:
            path: of the file.
            load: returns its bytes, which are refused beyond a size.

        Raises:
            ModelImportError: when it is damaged, or holds something else.
        """
        ...
