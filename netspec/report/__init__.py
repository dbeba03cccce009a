"""Pictures (PNG, SVG or PDF files) of datasets, runs and models; matplotlib is imported only when one is drawn.

| picture | function | shows |
|---|---|---|
| grid | `draw_grid` | labeled examples |
| columns | `draw_columns` | a histogram or bars for each column of a table |
| dataset | `draw_dataset` | the first 40 examples, class counts, shapes and value range |
| curves | `draw_curves` | loss and accuracy over the steps of a run |
| kernels | `draw_kernels` | the first layer's weights |
| features | `draw_features` | what every layer makes of one image |
| confusion | `draw_confusion` | which classes are taken for which |
| network | `draw_network` | the layers, blocks and shapes of a network |
| labels | `draw_labels` | how each of several labels does |
| mistakes | `draw_mistakes` | the most confident wrong predictions |
| scatter | `draw_scatter` | predicted numbers against the true ones |
| roc | `draw_roc` | ROC curves, and precision against recall |
| learning_rate | `draw_learning_rate` | the learning rate over the steps of a run |
| embeddings | `draw_embeddings` | examples as points, alike where they are near |
| saliency | `draw_saliency`, `draw_shares` | which pixels, columns or words an answer hangs on |
| examples | `draw_examples` | examples beside what is true and what is predicted |

Every function takes the path of the file it writes and returns it. The file appears whole or not at all, an
existing one is replaced, and a folder that does not exist is a `RunError`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netspec.report.columns import ColumnValues, draw_columns
    from netspec.report.confusion import draw_confusion
    from netspec.report.curves import draw_curves
    from netspec.report.embedding import draw_embeddings, principal_components
    from netspec.report.examples import Column, draw_examples, mask_colors
    from netspec.report.features import draw_features
    from netspec.report.grid import draw_dataset, draw_grid
    from netspec.report.kernels import draw_kernels
    from netspec.report.labels import draw_labels
    from netspec.report.mistakes import draw_mistakes
    from netspec.report.network import draw_network
    from netspec.report.rate import draw_learning_rate
    from netspec.report.roc import draw_roc
    from netspec.report.saliency import HeatMap, draw_saliency, draw_shares
    from netspec.report.scatter import draw_scatter

__all__ = [
    "Column",
    "ColumnValues",
    "HeatMap",
    "draw_columns",
    "draw_confusion",
    "draw_curves",
    "draw_dataset",
    "draw_embeddings",
    "draw_examples",
    "draw_features",
    "draw_grid",
    "draw_kernels",
    "draw_labels",
    "draw_learning_rate",
    "draw_mistakes",
    "draw_network",
    "draw_roc",
    "draw_saliency",
    "draw_scatter",
    "draw_shares",
    "mask_colors",
    "principal_components",
]

_MODULES = {
    "Column": "examples",
    "ColumnValues": "columns",
    "HeatMap": "saliency",
    "draw_columns": "columns",
    "draw_confusion": "confusion",
    "draw_curves": "curves",
    "draw_dataset": "grid",
    "draw_embeddings": "embedding",
    "draw_examples": "examples",
    "draw_features": "features",
    "draw_grid": "grid",
    "draw_kernels": "kernels",
    "draw_labels": "labels",
    "draw_learning_rate": "rate",
    "draw_mistakes": "mistakes",
    "draw_network": "network",
    "draw_roc": "roc",
    "draw_saliency": "saliency",
    "draw_scatter": "scatter",
    "draw_shares": "saliency",
    "mask_colors": "examples",
    "principal_components": "embedding",
}


def __getattr__(name: str) -> object:
    """Import the drawing module of a public name when the name is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names, which are not in the module's dictionary before their first use."""
    return sorted(__all__)
