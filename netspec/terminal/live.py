"""What stands below the printed lines of a training: charts and a bar, also where the window is resized."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderResult
from rich.live import Live
from rich.progress import Progress as RichProgress
from rich.progress import ProgressColumn
from rich.segment import ControlType, Segment
from rich.text import Text

from netspec.terminal.charts import LEAST_COLUMNS, LEAST_ROWS, Charts

__all__ = ["LiveBar", "why_no_charts"]

_KEPT = 200
"""Printed lines that are kept, to be printed again: as many as a window may have."""


class LiveBar(RichProgress):
    """A bar; charts above it, where there are some.

    Args:
        charts: what stands above the bar.
        columns: of the bar.
        settings: as for Rich's own.
    """

    def __init__(self, charts: Charts | None, *columns: ProgressColumn, **settings: Any) -> None:
        self._charts = charts
        super().__init__(*columns, **settings)
        if charts:
            self.live = _Redrawn(
                console=settings["console"],
                transient=settings["transient"],
                refresh_per_second=settings["refresh_per_second"],
                get_renderable=self.get_renderable,
            )

    def print_above(self, text: Text) -> None:
        """Print a line above the display."""
        # The thread that draws the display keeps it meanwhile as high as the cursor is moved up by.
        with self.live._lock:
            self.console.print(text)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the charts and the bar."""
        if self._charts:
            yield self._charts
        yield from super().get_renderables()


class _Redrawn(Live):
    """A live display that clears the window, and prints its last lines again, where the window got another size.

    Terminals wrap the lines of a narrower window anew, or cut them off, and get lines back that had left a higher one:
    where those of the display are then, nobody knows.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._last_size = self.console.size
        self._printed: deque[Text] = deque(maxlen=_KEPT)

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return what is printed, and around it what keeps the display below it."""
        size = self.console.size
        shown = super().process_renderables(renderables)
        if size != self._last_size:
            self._last_size = size
            # Behind what moves the cursor up, which clears lines that are cleared anyway.
            again: list[ConsoleRenderable] = [_Cleared(), *self._last_lines(*size)]
            shown[1:1] = again
        self._printed += [each for each in renderables if isinstance(each, Text)]
        return shown

    def _last_lines(self, width: int, height: int) -> list[Text]:
        """Return the printed lines for which there is room above the display."""
        lines = self.console.render_lines(self.renderable, self.console.options, pad=False)
        room, found = height - len(lines), 0
        for number, text in enumerate(reversed(self._printed)):
            room -= sum(max(1, -(-line.cell_len // width)) for line in text.split(allow_blank=True))
            if room < 0:
                break
            found = number + 1
        return list(self._printed)[len(self._printed) - found :]


class _Cleared:
    """Clears the window; what has left it at its top stays as it is."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment("\x1b[H\x1b[J", None, [(ControlType.HOME,)])


def why_no_charts(console: Console) -> str:
    """Return why a terminal shows no charts; an empty text where it does."""
    if not (console.is_terminal and console.file.isatty()):
        return "the output is not a terminal"
    if console.is_dumb_terminal:
        return "this terminal cannot move its cursor (TERM)"
    if not console.is_interactive:
        return "this terminal is said to be not interactive"
    width, height = console.size
    if width < LEAST_COLUMNS or height < LEAST_ROWS:
        return (
            f"they need a terminal of {LEAST_COLUMNS} columns and {LEAST_ROWS} lines, this one has {width} and {height}"
        )
    return ""
