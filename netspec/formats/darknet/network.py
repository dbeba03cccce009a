"""A network of Darknet while it is read: its values by their numbers, and where in the weights we are."""

from __future__ import annotations

from netspec.formats.darknet.sections import Section
from netspec.formats.darknet.weights import Weights
from netspec.formats.reading import Piece, Place
from netspec.formats.sketch import Sketch
from netspec.layers.base import Layer

__all__ = ["Network", "RefusedError"]


class RefusedError(Exception):
    """A section that is not understood: what of it, what could stand for it, and where that is said."""

    def __init__(self, what: str, instead: str = "", place: Place | None = None) -> None:
        super().__init__(what)
        self.what, self.instead, self.place = what, instead, place


class Network:
    """What the functions of `layers.py` add layers to."""

    def __init__(self, name: str, weights: Weights | None) -> None:
        self.weights = weights
        self.sketch = Sketch(name)
        self.sketch.made.title = f"{name}, from Darknet"
        self.made: list[str] = []
        """The value of each section, by Darknet's own numbers."""
        self.lost = False
        """Whether it is no longer known where in the weights we are."""
        self.current = ""
        """The value that the next section reads."""

    def add(self, layer: Layer, index: int, section: Section, *inputs: str, suffix: str = "") -> Piece:
        """Add a layer of a section, which reads what is before it unless something else is given."""
        return self.sketch.add(layer, inputs or (self.current,), f"layer_{index}{suffix}", section.place)

    def named(self, index: int, number: float, section: Section, key: str) -> str:
        """Return the value of a section by its number, or by how many come back to it."""
        at = int(number) + (index if number < 0 else 0)
        if number != int(number) or not 0 <= at < index:
            raise RefusedError(
                f"{key}={number:g} is no layer before it",
                "layers count from 0, or from here with a minus",
                section.at(key),
            )
        return self.made[at]
