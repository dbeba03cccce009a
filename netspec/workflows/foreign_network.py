"""The network in a file of another program, as `netspec import` would write it; nothing is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netspec.formats.readers import READERS, WEIGHTS_READERS, reader_of
from netspec.formats.reading import Given
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ops import Shape
from netspec.workflows.import_model import load_bytes, require_understood, spec_of

__all__ = ["is_foreign", "read_foreign"]


def is_foreign(path: Path) -> bool:
    """Return whether the name of a file ends as those of another program do; model files are of netspec."""
    networks = {ending for reader in READERS for ending in reader.endings}
    weights = {ending for reader in WEIGHTS_READERS for ending in reader.endings} - {".safetensors"}
    return path.name.lower().endswith((*networks, *weights))


def read_foreign(path: Path, shape: Shape | None = None) -> tuple[Network, Graph]:
    """Return the network of a file of another program, and its graph.

    Args:
        path: of the file; its ending says what it is.
        shape: of the input, where the file does not say it.

    Raises:
        NetspecError: when it is damaged, or not everything in it is understood.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        made = reader_of([path]).read(Given([path], shape, load_bytes))
    require_understood(made, partial=False)
    _, network, graph, _ = spec_of(made, Path(f"{path.stem}.net"))
    return network, graph
