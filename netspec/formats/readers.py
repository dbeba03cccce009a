"""The formats that can be imported; a further one is entered here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netspec.diagnostics.diagnostic import listing
from netspec.formats.caffe.reader import Caffe
from netspec.formats.darknet.reader import Darknet
from netspec.formats.into_spec.weights import WeightsReader
from netspec.formats.keras.reader.files import Keras
from netspec.formats.onnx.read.reader import OnnxModels
from netspec.formats.reading import ModelImportError, Reader
from netspec.formats.torch.state import TorchWeights

__all__ = ["READERS", "WEIGHTS_READERS", "reader_of", "weights_reader_of"]

READERS: Sequence[Reader] = (Caffe(), Darknet(), Keras(), OnnxModels())
"""In the order of the reference page."""

WEIGHTS_READERS: Sequence[WeightsReader] = (TorchWeights(),)
"""The formats of weights alone, which go into a given spec."""

_WEIGHTS = tuple(ending for reader in WEIGHTS_READERS for ending in reader.endings)


def reader_of(files: Sequence[Path]) -> Reader:
    """Return the reader of some files, by how their names end; raises ModelImportError where none or two read them."""
    found: list[Reader] = []
    for path in files:
        readers = [reader for reader in READERS if path.name.lower().endswith(reader.endings)]
        if not readers and path.name.lower().endswith(_WEIGHTS):
            raise ModelImportError(
                f"{path} is weights, and says nothing of the network",
                f"give the spec of the network first: netspec import SPEC.net {path}",
            )
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


def weights_reader_of(path: Path) -> WeightsReader:
    """Return the reader of weights, by how the name of the file ends; raises ModelImportError where there is none."""
    for reader in WEIGHTS_READERS:
        if path.name.lower().endswith(reader.endings):
            return reader
    raise ModelImportError(
        f"{path} holds no weights for a spec", f"the names of those files end in {listing(list(_WEIGHTS))}"
    )
