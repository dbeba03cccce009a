"""The canvas of every picture: one style, places in inches, an atomic write."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from netspec.diagnostics.diagnostic import RunError
from netspec.system.files import atomic_path, kind_of

__all__ = [
    "BLUE",
    "COLORS",
    "GREEN",
    "INK",
    "MARGIN",
    "MUTED",
    "ORANGE",
    "PALE",
    "captured",
    "fit",
    "heading",
    "note",
    "panel",
    "picture",
    "write_text",
]

# From Okabe and Ito's palette, which people with any of the common color vision deficiencies can tell apart.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
COLORS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#666666", "#6A3D9A", "#111111")
"""Of the classes, in their order."""

INK = "#222222"
MUTED = "#6B6B6B"
PALE = "#D9D9D9"

DPI = 150
MARGIN = 0.3
"""Inches left free at each edge."""

_BOLD = 1.12
"""How much wider bold letters are."""

_STYLE = {
    "font.family": "DejaVu Sans",  # travels with matplotlib, so pictures look the same everywhere
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a class called `$5` is a name, not a formula
    "axes.edgecolor": "#9A9A9A",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": PALE,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "netspec",
    "pdf.fonttype": 42,
    "agg.path.chunksize": 10_000,  # a run may log a million steps
}


FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
"""The formats of pictures by the ends of their names; a name without one is a PNG file."""

# Without the date of the day: the same picture is the same file.
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": "netspec"},
    "svg": {"Creator": "netspec", "Date": None},
    "pdf": {"Creator": "netspec", "CreationDate": None},
}


_captured: ContextVar[list[Figure] | None] = ContextVar("captured", default=None)


class ShownFigure(Figure):
    """A figure that a notebook shows, whatever its settings are."""

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        self.savefig(content, format="png", metadata=_METADATA["png"])
        return content.getvalue()


@contextmanager
def captured() -> Iterator[list[Figure]]:
    """Yield a list that the figures drawn within the block are added to; none of them is written to a file."""
    figures: list[Figure] = []
    token = _captured.set(figures)
    try:
        yield figures
    finally:
        _captured.reset(token)


@contextmanager
def picture(path: str | os.PathLike[str], width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure; when the block ends without an error, write it to `path` as PNG, SVG or PDF.

    Args:
        path: the file to write; an existing one is replaced.
        width: in inches.
        height: in inches.

    Yields:
        The figure, in the common style whatever the user's own matplotlib settings are.

    Raises:
        RunError: the folder does not exist, the file cannot be written, or its name is that of another format.
    """
    target = Path(path)
    kept = _captured.get()
    if kept is None:
        _check_target(target)
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]
        # Class names may be in a script the font lacks: boxes in the picture are better than none at all.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = ShownFigure(figsize=(width, height), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure
        if kept is None:
            _save(figure, target)
        else:
            kept.append(figure)


def _check_target(target: Path) -> None:
    if kind_of(target.parent, RunError) != "folder":
        raise RunError(f"cannot write {target}: the folder {target.parent} does not exist", "create the folder first")
    if kind_of(target, RunError) == "folder":
        raise RunError(f"cannot write {target}: it is a folder", f"name a file, such as {target / 'picture.png'}")
    if target.suffix.lower() not in ("", *FORMATS):
        raise RunError(
            f"cannot write {target}: pictures are PNG, SVG or PDF files", f"name it {target.with_suffix('.png').name}"
        )


def write_text(target: Path, text: str) -> Path:
    """Write a picture that is text already, whole or not at all, and return its path."""
    _check_target(target)
    try:
        with atomic_path(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(target, error) from error
    return target


def _unwritable(target: Path, error: OSError) -> RunError:
    return RunError(f"cannot write {target}: {error.strerror or error}", "choose a folder that can be written to")


def _save(figure: Figure, target: Path) -> None:
    try:
        with atomic_path(target) as temporary:
            kind = FORMATS.get(target.suffix.lower(), "png")
            figure.savefig(temporary, format=kind, metadata=_METADATA[kind])
    except OSError as error:
        raise _unwritable(target, error) from error


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return new axes whose corner is `left` and `top` inches from the figure's upper left corner."""
    full_width, full_height = figure.get_size_inches()
    bottom = full_height - top - height
    return figure.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def heading(figure: Figure, title: str, subtitle: str = "") -> None:
    """Write the title, and a muted line under it, into the upper 0.8 inches."""
    # A long title is rather smaller than cut.
    room = figure.get_size_inches()[0] - 1.5 * MARGIN
    whole = fit(title, 1e6, 1)
    size = next((s for s in (13, 12, 11, 10) if fit(title, room, s * _BOLD) == whole), 9)
    note(figure, title, MARGIN, 0.25, size=size, color=INK, weight="bold")
    note(figure, subtitle, MARGIN, 0.53, size=9)


def note(
    figure: Figure,
    text: str,
    left: float,
    top: float,
    *,
    size: float = 9,
    color: str = MUTED,
    weight: str = "normal",
) -> None:
    """Write one line, cut to what fits, from `left` inches on; `top` inches down is its upper edge."""
    full_width, full_height = figure.get_size_inches()
    room = full_width - left - MARGIN / 2
    shown = fit(text, room, size * (_BOLD if weight == "bold" else 1.0))
    figure.text(
        left / full_width,
        1 - top / full_height,
        shown,
        size=size,
        color=color,
        weight=weight,
        va="top",
        ha="left",
    )


def fit(text: str, inches: float, size: float) -> str:
    """Return `text` on one line, cut with an ellipsis if wider than `inches` at `size` points."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    # An average letter of the font is 0.56 of its size wide; measuring every label would be much slower.
    most = max(1, int(inches * 72 / (0.56 * size)))
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
