"""Networks, runs and datasets as HTML for notebooks: a picture and the facts."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.diagnostic import NetspecError
from netspec.drawing.draw import draw
from netspec.drawing.svg import svg
from netspec.graph.graph import Graph
from netspec.ops import format_shape

if TYPE_CHECKING:
    from netspec.data.types import Dataset
    from netspec.ir.network import Network

__all__ = ["dataset_html", "graph_html", "network_html", "picture_html", "table_html", "text_html"]

_MOST_LAYERS = 200
"""Of a larger network blocks are drawn as one box each."""
_MOST_ROWS, _MOST_CLASSES, _FIRST = 400, 30, 12


def network_html(network: Network, graph: Graph | None = None, title: str = "", facts: Iterable[str] = ()) -> str:
    """Return a network drawn, under a title and some facts.

    Args:
        network: it.
        graph: what was traced from it, where that is known.
        title: its name unless given.
        facts: a line each.
    """
    try:
        graph = network.graph() if graph is None else graph
    except NetspecError as error:
        return text_html(f"{network.name or 'network'}: {error}")
    drawing = draw(network, graph, 1 if len(network.nodes) > _MOST_LAYERS else None)
    lines = "".join(f"<div>{escape(fact)}</div>" for fact in [drawing.description, *facts])
    shown = picture_html(svg(drawing).encode(), "image/svg+xml", f"{title or drawing.title}, drawn", drawing.width)
    return f"<div><b>{escape(title or drawing.title)}</b>{lines}{shown}</div>"


def graph_html(graph: Graph) -> str:
    """Return the layers of a graph as a table: what each makes, and how many numbers it has learned."""
    learned = Counter[str]()
    for parameter in graph.parameters.values():
        learned[parameter.path.rpartition("/")[0]] += parameter.size if parameter.trainable else 0
    rows = [(name, format_shape(graph.shape(index)), f"{learned[name]:,}") for name, index in graph.nodes.items()]
    more = text_html(f"and {len(rows) - _MOST_ROWS:,} more") if len(rows) > _MOST_ROWS else ""
    return table_html(("name", "output", "parameters"), rows[:_MOST_ROWS], left=2) + more


def dataset_html(dataset: Dataset) -> str:
    """Return what a dataset is in words, how many examples of each class it has, and its first pictures."""
    import numpy as np  # noqa: PLC0415

    parts = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    known = {name: part for name, part in parts.items() if part is not None}
    labels = dataset.labels[:_MOST_CLASSES]
    rows: list[Sequence[Any]] = [("all", *(f"{len(part):,}" for part in known.values()))]
    if labels and all(not isinstance(part.labels, dict) and part.labels.ndim == 1 for part in known.values()):
        counts = [
            np.bincount(np.asarray(part.labels, np.int64), minlength=len(dataset.labels)) for part in known.values()
        ]
        rows += [(name, *(f"{int(count[k]):,}" for count in counts)) for k, name in enumerate(labels)]
    more = (
        text_html(f"and {len(dataset.labels) - len(labels):,} more classes")
        if len(dataset.labels) > len(labels)
        else ""
    )
    return text_html(repr(dataset)) + _first_pictures(dataset.train.images) + table_html(("class", *known), rows) + more


def _first_pictures(images: Any) -> str:
    """Return the first pictures in a row; nothing where examples are none."""
    if isinstance(images, dict) or images.ndim != 4 or images.shape[1] not in {1, 3} or not len(images):
        return ""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    some = np.asarray(images[:_FIRST])
    if some.dtype != np.uint8:
        some = (255 * np.clip(some, 0, 1)).astype(np.uint8)
    row = np.concatenate([np.pad(each, ((0, 0), (0, 0), (0, 2)), constant_values=255) for each in some], axis=2)
    pixels = row.transpose(1, 2, 0)
    content = BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(content, format="png")
    return f"<div>{picture_html(content.getvalue(), 'image/png', f'the first {len(some)} examples')}</div>"


def picture_html(content: bytes, kind: str, alt: str, width: float | None = None) -> str:
    """Return a picture within a page: its text names what it shows."""
    # As an image its styles and names are its own, whatever else the page holds.
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    size = f"width:{width:.0f}px;" if width else ""
    return f'<img src="{source}" alt="{escape(alt)}" style="{size}max-width:100%">'


def table_html(head: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1) -> str:
    """Return a table whose first columns are texts, and the others numbers."""

    def cells(tag: str, row: Sequence[Any]) -> str:
        sides = ["left" if i < left else "right" for i in range(len(row))]
        return "".join(
            f'<{tag} style="text-align:{side}">{escape(str(cell))}</{tag}>'
            for cell, side in zip(row, sides, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


def text_html(text: str) -> str:
    """Return a text as it is, in letters of one width."""
    return f"<pre>{escape(text)}</pre>"
