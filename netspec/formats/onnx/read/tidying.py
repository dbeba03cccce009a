"""A sketch while its layers are joined: which piece reads which, and how one takes in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netspec.formats.reading import Array, Piece, Stored
from netspec.formats.sketch import Sketch, make

__all__ = ["Tidying", "kind_of"]


class Tidying:
    """What rules change: pieces and outputs, with the readers of each value."""

    def __init__(self, sketch: Sketch, outputs: Sequence[str]) -> None:
        self.sketch = sketch
        self.outputs = list(outputs)
        self.readers: dict[str, list[Piece]] = {}
        """Of each value, as often as they read it."""
        for piece in sketch.made.pieces:
            for name in piece.inputs:
                self.readers.setdefault(name, []).append(piece)

    def before(self, piece: Piece, at: int = 0) -> Piece | None:
        """Return the piece that a piece reads, where nothing else reads it."""
        name = piece.inputs[at]
        alone = len(self.readers[name]) == 1 and name not in self.outputs
        return self.sketch.by_name.get(name) if alone else None

    def drop(self, piece: Piece, name: str) -> None:
        """Take a piece out; what read it reads another value."""
        self.remove(piece)
        for reader in self.readers.pop(piece.name, []):
            reader.inputs = tuple(name if source == piece.name else source for source in reader.inputs)
            self.readers.setdefault(name, []).append(reader)
        if piece.name in self.outputs:
            self.outputs = [name if output == piece.name else output for output in self.outputs]

    def remove(self, piece: Piece) -> None:
        """Take a piece out that nothing reads any longer."""
        for name in piece.inputs:
            self.readers[name].remove(piece)
        del self.sketch.by_name[piece.name]

    def change(self, piece: Piece, arrays: Mapping[str, Array], inputs: Sequence[str] = (), **fields: Any) -> None:
        """Give a piece other arguments, arrays or inputs; those that it keeps stay."""
        kind = fields.pop("kind", "")
        layer = make(kind, **fields) if kind else piece.layer.model_copy(update=fields)
        before = piece.inputs
        self.sketch.change(piece, layer, inputs or before)
        if inputs:
            for name in before:
                self.readers[name].remove(piece)
            for name in piece.inputs:
                self.readers.setdefault(name, []).append(piece)
        source = next((s.source for s in piece.arrays.values()), piece.place.file)
        changed = {name: Stored(np.ascontiguousarray(a, np.float32), source) for name, a in arrays.items()}
        piece.arrays = {name: each for name, each in {**piece.arrays, **changed}.items() if name in piece.weights}


def kind_of(piece: Piece | None) -> str:
    """Return what layer a piece is; nothing where there is none."""
    return "" if piece is None else piece.layer.canonical()
