"""The formats that can be imported; a further one is entered here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netspec.diagnostics.diagnostic import listing
from netspec.formats.caffe.reader import Caffe
from netspec.formats.darknet.reader import Darknet
from netspec.formats.keras.reader.files import Keras
from netspec.formats.onnx.read.reader import OnnxModels
from netspec.formats.reading import ModelImportError, Reader

__all__ = ["READERS", "reader_of"]

READERS: Sequence[Reader] = (Caffe(), Darknet(), Keras(), OnnxModels())
"""In the order of the reference page."""


def reader_of(files: Sequence[Path]) -> Reader:
    """Return the reader of some files, by how their names end; raises ModelImportError where none or two read them."""
    found: list[Reader] = []
    for path in files:
        readers = [reader for reader in READERS if path.name.lower().endswith(reader.endings)]
        if not readers:
            known = listing([ending for reader in READERS for ending in reader.endings])
            raise ModelImportError(
                f"{path} is of no format that can be imported", f"the names of those files end in {known}"
            )
        found += [reader for reader in readers if reader not in found]
    if len(found) > 1:
        raise ModelImportError(
            f"these are files of {listing([reader.name for reader in found], 'and')}", "import one network at a time"
        )
    return found[0]
