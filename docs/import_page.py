"""The page of models from elsewhere: the prose of templates/import.md, with lists that are made from the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from netspec.formats.caffe.layers import LAYERS
from netspec.formats.caffe.layers import REFUSED as CAFFE_REFUSED
from netspec.formats.darknet.layers import ACTIVATIONS, REFUSED, SECTIONS
from netspec.formats.keras.reader import tables as keras
from netspec.formats.keras.reader.activations import ACTIVATIONS as KERAS_ACTIVATIONS
from netspec.formats.keras.reader.activations import OPERATIONS as KERAS_OPERATIONS
from netspec.formats.keras.reader.shapes import MERGES as KERAS_MERGES
from netspec.formats.onnx.read.reader import OPERATORS
from netspec.formats.onnx.read.reader import REFUSED as ONNX_REFUSED

TEMPLATE = Path(__file__).parent / "templates" / "import.md"


def import_page() -> str:
    """Return the page; a marker without a maker, or a maker without a marker, is an error."""
    text = TEMPLATE.read_text(encoding="utf-8")
    made = {
        "caffe": _listed([*LAYERS, "Slice", "Split"]),
        "caffe_refused": _listed(CAFFE_REFUSED),
        "darknet": _listed(SECTIONS),
        "darknet_activations": _listed(ACTIVATIONS),
        "darknet_refused": _listed(REFUSED),
        "keras": _listed([*keras.LAYERS.keys() - KERAS_OPERATIONS, *KERAS_MERGES, "MultiHeadAttention"]),
        "keras_activations": _listed(KERAS_ACTIVATIONS),
        "keras_refused": _listed(keras.REFUSED),
        "onnx": _listed(["Constant", *(name for name in OPERATORS if not name.startswith("netspec."))]),
        "onnx_refused": _listed(ONNX_REFUSED),
    }
    if sorted(re.findall(r"\{\{(\w+)\}\}", text)) != sorted(made):
        raise ValueError("templates/import.md and import_page.py have other markers")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: made[found[1]], text)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names, key=str.lower))
