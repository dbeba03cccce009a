"""The weights of Darknet: a header, then floats of 32 bits, layer after layer, with no names and no shapes.

They are read as a view of the file; what a layer takes is compared with what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from netspec.formats.reading import Array, ModelImportError

__all__ = ["Weights"]


class Weights:
    """The floats of a file, taken from the front.

    Attributes:
        transposed: whether the kernels of connected layers are stored inputs x outputs, as old versions did.
        seen: examples that the training had seen.
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.file = file
        if len(data) < 16:
            raise ModelImportError(
                f"{file} is shorter than the header of Darknet's weights", "copy it again from where it was whole"
            )
        major, minor, revision = (int(n) for n in np.frombuffer(data, "<i4", 3))
        # As in darknet: since version 0.2 what was seen has 8 bytes.
        wide = major * 10 + minor >= 2 and major < 1000 and minor < 1000
        header = 12 + (8 if wide else 4)
        if not (0 <= major < 10_000 and 0 <= minor < 10_000 and 0 <= revision < 10_000) or len(data) < header:
            raise ModelImportError(
                f"{file} does not begin as Darknet's weights do", "is it a .weights file of Darknet?"
            )
        self.transposed = major > 1000 or minor > 1000
        self.seen = int(np.frombuffer(data, "<u8" if wide else "<u4", 1, 12)[0])
        if (len(data) - header) % 4:
            raise ModelImportError(f"{file} ends within a number", "copy it again from where it was whole")
        self.values: Array = np.frombuffer(data, "<f4", (len(data) - header) // 4, header)
        self.at = 0

    @property
    def left(self) -> int:
        """How many floats were not taken yet."""
        return len(self.values) - self.at

    def take(self, shape: Sequence[int]) -> Array | None:
        """Return the next array of a shape; None where not so many are left."""
        count = prod(shape)
        if count > self.left:
            return None
        found: Array = self.values[self.at : self.at + count].reshape(shape)
        self.at += count
        return found
