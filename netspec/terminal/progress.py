"""Progress of a training: a live bar at a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.text import Text

from netspec.backends.jax.autotune import Tuning
from netspec.data.types import Decoding
from netspec.diagnostics.diagnostic import plural
from netspec.diagnostics.visible import visible
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.catalog import find
from netspec.recipe.metrics import METRICS
from netspec.terminal.charts import Charts
from netspec.terminal.live import LiveBar, why_no_charts
from netspec.terminal.numbers import loss_text, metric_text, percent, seconds_text
from netspec.terminal.places import from_here
from netspec.training.events import Epoch, Evaluated, Event, Finished, Notice, Rewound, Started, Step, Stopped, Weights

__all__ = ["Progress"]

_ROWS = 20
"""Of the table of weights that were not taken, at most."""

_LITTLE = 0.01
"""Of the time, waiting for examples that is not spoken of."""

_MANY = 1000
"""Pictures whose reading is announced in a pipe: fewer take no time."""


class _Time(ProgressColumn):
    """The remaining time; the elapsed time where there is no estimate yet, as while compiling."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """Return `0:42 left`, or `0:07` so far."""
        left = task.time_remaining
        seconds = int(left if left is not None else task.elapsed or 0)
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
        return Text(clock if left is None else f"{clock} left", style="progress.remaining")


class Progress:
    """Prints events as they come; a context manager, so that the terminal is left as it was found.

    Args:
        quiet: print notices and the last line only.
        plot: draw charts above the bar, where the terminal can show them; else say why there are none.
        before: of a run that is resumed, the records of its metrics.jsonl.
    """

    def __init__(self, *, quiet: bool, plot: bool = False, before: Iterable[Mapping[str, Any]] = ()) -> None:
        self.quiet = quiet
        self.console = Console(highlight=False, soft_wrap=True)
        self.live = self.console.is_terminal and not quiet
        self.no_charts = why_no_charts(self.console) if plot and not quiet else ""
        self.charts = Charts(before) if plot and self.live and not self.no_charts else None
        self.bar = LiveBar(
            self.charts,
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("{task.fields[state]}"),
            _Time(),
            console=self.console,
            transient=True,
            refresh_per_second=4 if self.charts else 8,
        )
        self.task: Any = None
        self.measuring: Any = None
        self.decoding: Any = None
        self.started: Started | None = None
        self.downloading = ""

    def __enter__(self) -> Progress:
        if self.live:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_bar()

    def _stop_bar(self) -> None:
        """Take the bar away, and leave the charts where they are read on."""
        if self.live:
            self.bar.stop()
        if self.charts:
            self.charts.finish()
            self.console.print(self.charts)
            self.charts = None

    def show(self, event: Event) -> None:
        """Print one event, or move the bar."""
        if self.charts:
            self.charts.add(event)
        match event:
            case Notice():
                self._line(f"note: {from_here(event.text)}", style="yellow", always=True)
            case Weights():
                self._weights(event)
            case Started():
                self._begin(event)
            case Step():
                self._step(event)
            case Epoch():
                self._epoch(event)
            case Finished():
                self._end(event)
            case Rewound():
                self._line(
                    f"note: {event.reason} at step {event.step:,}: back to step {event.to:,}, that batch is left out",
                    style="yellow",
                    always=True,
                )
            case Stopped():
                self._stop(event)
            case Evaluated() if self.live and self.task is not None:
                self.bar.update(self.task, state=f"{event.split} {percent(event.accuracy)}")
            case _:
                pass

    def download(self, file: str, done: int, total: int | None) -> None:
        """Show a download, or that pictures are decoded: one line a file in a pipe, a bar at a terminal."""
        if self.quiet:
            return
        if isinstance(file, Decoding):
            self._decoding(file, done, total or 0)
            return
        if file != self.downloading:
            self.downloading = file
            self._line(f"downloading {file}" + (f" ({total / 1e6:.1f} MB)" if total else ""))
        del done

    def _decoding(self, name: str, done: int, total: int) -> None:
        if self.live:
            if self.decoding is None:
                self.decoding = self.bar.add_task("reading pictures", total=total, state="")
            self.bar.update(self.decoding, completed=done, total=total)
            if done >= total:
                self.bar.remove_task(self.decoding)
                self.decoding = None
        elif not done and total >= _MANY:
            self._line(f"reading {plural(total, 'picture')} of {from_here(name)}")

    def tuning(self, tuning: Tuning) -> None:
        """Show the progress of autotuning: a line before and after it in a pipe, a bar at a terminal."""
        if self.live and tuning.operation:
            if self.measuring is None:
                self.measuring = self.bar.add_task("measuring", total=tuning.total, state=tuning.operation)
            self.bar.update(self.measuring, completed=tuning.done, state=tuning.operation)
        elif tuning.operation:
            if not tuning.done:
                self._line(f"autotune: measuring {plural(tuning.total, 'operation')} on this device")
        else:
            if self.measuring is not None:
                self.bar.remove_task(self.measuring)
                self.measuring = None
                self.bar.refresh()
            self._line(f"autotune: {plural(tuning.total, 'operation')} measured in {seconds_text(tuning.seconds)}")
            if tuning.note:
                self._line(f"note: the times cannot be kept: {tuning.note}", style="yellow", always=True)

    def _weights(self, event: Weights) -> None:
        """Print how much of trained weights was taken, and a table of what was not."""
        count = len(event.taken) + len(event.fresh) + len(event.missing)
        self._line(f"weights of {event.source}: {len(event.taken)} of {plural(count, 'array')} taken")
        rows = [
            *(
                (p, format_shape(s["shape"]), f"begins fresh: {format_shape(s['found'])} there")
                for p, s in event.fresh.items()
            ),
            *((path, "", "begins fresh: not there") for path in event.missing),
            *((path, "", "not used: not in this network") for path in event.unused),
        ]
        for path, shape, what in rows[:_ROWS]:
            self._line(
                "  " + "  ".join([path.ljust(max(len(r[0]) for r in rows[:_ROWS])), *([shape] if shape else []), what])
            )
        if len(rows) > _ROWS:
            self._line(f"  and {len(rows) - _ROWS} more: --json and the run's lock.json have all")

    def _begin(self, event: Started) -> None:
        self.started = event
        held = f", {event.validation:,} for validation" if event.validation else ""
        self._line(
            f"{event.name}: {plural(event.parameters, 'parameter')}"
            + (f", {event.frozen:,} of them frozen" if event.frozen else "")
            + "; "
            f"{from_here(event.dataset)}: {event.train:,} training{held} and {event.test:,} test {event.reads}; "
            f"batch {event.batch}, {plural(event.epochs, 'epoch')}, seed {event.seed}, "
            f"on {event.device}" + (f" ({', '.join(event.devices)})" if len(event.devices) > 1 else "")
        )
        if self.no_charts:
            elsewhere = f"; curves.png of {event.folder} will have them" if event.folder else ""
            self._line(f"note: no charts: {self.no_charts}{elsewhere}", style="yellow")
        epoch, done = event.step // event.steps_per_epoch + 1, event.step % event.steps_per_epoch
        if event.step:
            self._line(f"resumed after step {event.step:,}, in epoch {min(epoch, event.epochs)}")
        if self.live:
            self.task = self.bar.add_task(
                f"epoch {epoch}", total=event.steps_per_epoch, completed=done, state="compiling"
            )

    def _step(self, event: Step) -> None:
        if not self.live or self.started is None:
            return
        done = (event.step - 1) % self.started.steps_per_epoch + 1
        accuracy = "" if event.accuracy is None else f"  accuracy {percent(event.accuracy)}"
        self.bar.update(
            self.task,
            completed=done,
            description=f"epoch {event.epoch}/{self.started.epochs}",
            state=f"loss {loss_text(event.loss)}{accuracy}  {event.examples_per_second:,.0f} {self._unit}/s"
            + _waiting(event.data_wait),
        )

    @property
    def _unit(self) -> str:
        return "img" if self.started is None or self.started.reads == "images" else "examples"

    def _epoch(self, event: Epoch) -> None:
        assert self.started is not None
        width = len(str(self.started.epochs))
        parts = [f"epoch {event.epoch:>{width}}/{self.started.epochs}"]
        parts.append(_figures("train", event.train_loss, event.train_accuracy, event.metrics))
        if event.validation_loss is not None:
            parts.append(_figures("validation", event.validation_loss, event.validation_accuracy, event.metrics))
        parts.append(_figures("test", event.test_loss, event.test_accuracy, event.metrics))
        parts.append(seconds_text(event.seconds) + _waiting(event.data_wait) + ("  best" if event.best else ""))
        self._line("   ".join(parts))
        for name, found in event.outputs.items():
            splits = [split for split in ("train", "validation", "test") if found.get(f"{split}_loss") is not None]
            rest = {key: value for key, value in found.items() if not key.endswith(("_loss", "_accuracy"))}
            each = [_figures(s, found[f"{s}_loss"] or 0.0, found.get(f"{s}_accuracy"), rest) for s in splits]
            self._line("   ".join([f"  {name}", *each]))
        if self.live:
            self.bar.reset(self.task, total=self.started.steps_per_epoch, state="")

    def _end(self, event: Finished) -> None:
        self._stop_bar()
        r = event.result
        figure = (
            f"test accuracy {percent(r.test_accuracy)}"
            if r.test_accuracy is not None
            else f"test loss {r.test_loss:.5f}"
        )
        best = percent(r.best_test_accuracy) if r.best_test_accuracy is not None else f"loss {r.best_test_loss:.5f}"
        self._line(
            f"{figure} (best epoch {r.best_epoch}: {best}) on {from_here(r.dataset)} in {seconds_text(r.seconds)}",
            style="bold",
            always=True,
        )
        if r.stopped != "epochs":
            why = "early stopping" if r.stopped == "early_stop" else "the time limit"
            self._line(f"ended by {why} after step {r.steps:,}, in epoch {r.epochs}")
        asked = {name: value for name, value in r.metrics.items() if name.startswith("test_")}
        if asked:
            self._line("   ".join(f"{n.replace('_', ' ', 1)} {metric_text(n[5:], v)}" for n, v in asked.items()))
        if event.folder:
            after = _next_command(event.model.network, r.dataset, event.folder)
            self._line(f"saved in {event.folder}; next: netspec {after}", always=not self.quiet)

    def _stop(self, event: Stopped) -> None:
        self._stop_bar()
        self._line(f"interrupted after step {event.step:,}, in epoch {event.epoch}", style="bold", always=True)
        if event.folder:
            self._line(f"saved; to go on: netspec resume {event.folder}", always=True)

    def _line(self, text: str, *, style: str = "", always: bool = False) -> None:
        if self.quiet and not always:
            return
        # Names, and what a run says of itself, may come from somebody else: none of them is to steer the terminal.
        shown = "\n".join(visible(line) for line in text.split("\n"))
        self.bar.print_above(Text(shown, style=style))
        if not self.console.is_terminal:
            sys.stdout.flush()


def _next_command(network: Network, dataset: str, folder: Path) -> str:
    """Return the command that uses a trained model, with a file of the kind it takes."""
    if network.data and (network.data.has_classes_of_texts or network.data.is_tagged):
        return f'predict {folder} --text "…"'
    if network.data and network.data.is_text:
        return f"generate {folder}"
    if network.data and network.data.is_table:
        return f"predict {folder} rows.csv -o " + ("again.npy" if network.reconstructs else "predicted.csv")
    info = find(dataset)
    picture = "digit.png" if info and info.framing else "picture.png"
    picture = "sound.wav" if network.reads_sounds else picture
    file = (
        picture
        if network.reads_images or network.reads_sounds
        else f"examples.{'npy' if len(network.inputs) == 1 else 'npz'}"
    )
    return f"predict {folder} {file}" + (" -o again.npy" if network.reconstructs else "")


def _waiting(share: float) -> str:
    """Return what to say of the time in which the device waited for examples; nothing where it is little."""
    return f"  waiting for data {100 * share:.0f} %" if share >= _LITTLE else ""


def _figures(split: str, loss: float, accuracy: float | None, metrics: Mapping[str, float | None]) -> str:
    asked = {name.removeprefix(f"{split}_"): value for name, value in metrics.items() if name.startswith(f"{split}_")}
    # Those of each of several columns are said at the end.
    more = "".join(f" {name} {metric_text(name, value)}" for name, value in asked.items() if name in METRICS)
    return f"{split} loss {loss:.4f}" + ("" if accuracy is None else f" accuracy {percent(accuracy)}") + more
