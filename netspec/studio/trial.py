"""An example tried on a run's model: its answer, what each layer makes of it, and what the answer hangs on."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from netspec.backends.jax import saliency
from netspec.backends.jax.inputs.prepare import prepare
from netspec.data.types import by_array
from netspec.runs.files import model_path
from netspec.serving.options import Options
from netspec.serving.requests import read_request
from netspec.serving.served import Served
from netspec.workflows.answer_facts import by_example, facts_of
from netspec.workflows.shown import upright
from netspec.workflows.tagging import facts_of_tagged, tagged
from netspec.workflows.trained import Run, open_run

__all__ = ["Trial"]

_LAYERS, _MAPS, _COLUMNS = 24, 16, 8
"""Layers that are shown, maps of each, and maps in a row."""
_SIDE = 36
"""Pixels of a map, about."""
_TOP = 6


class Trial:
    """The model of the run that is tried; opened again when its file is another one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: tuple[Path, int] | None = None
        self._served: Served | None = None

    def _open(self, folder: Path) -> Served:
        file = model_path(folder)
        known = (file, file.stat().st_mtime_ns)
        if self._served is None or self._known != known:
            self._served, self._known = Served(open_run(folder)), known
        return self._served

    def reads(self, folder: Path) -> dict[str, Any]:
        """Return what a model takes: `picture`, `sound`, `text`, `sentences`, `row`, `rows` or `array`; its parts."""
        with self._lock:
            served = self._open(folder)
        run, table = served.run, served.table
        if run.text_column:
            return {"kind": "sentences" if run.tags else "text"}
        if served.window:
            return {"kind": "rows", "rows": served.window}
        if table and not table.is_picture:
            columns = [
                {"name": feature.column, "kind": feature.kind, "levels": list(feature.levels)[:200]}
                for given in table.inputs.values()
                for feature in given.features
            ]
            columns += [{"name": i.text, "kind": i.form, "levels": []} for i in table.inputs.values() if i.text]
            return {"kind": "row", "columns": columns}
        if served.reads_sounds:
            return {"kind": "sound"}
        if served.reads_pictures and len(run.network.inputs) == 1:
            return {"kind": "picture", "channels": run.image_shape[0], "drawn": run.learned_from is not None}
        return {"kind": "array", "shape": [list(i.shape) for i in run.network.inputs]}

    def answer(self, folder: Path, body: bytes, media: str) -> dict[str, Any]:
        """Return the answer to one example, in the forms that `netspec serve` takes, and what the layers make of it.

        Of sentences, whose words get labels, all that are given are answered.

        Raises:
            NetspecError: the example does not fit the model.
            RequestError: the body is no such thing.
        """
        with self._lock:
            served = self._open(folder)
            run = served.run
            given = read_request(served, body, media, "", Options())
            # Of rows what is forecast behind the last one.
            at = slice(-1, None) if served.window else slice(1)
            one = by_array(lambda array: np.asarray(array[at]), given.array)
            found = served.predict(given.array if given.words else one)
            if given.words:
                answer = {"sentences": list(map(facts_of_tagged, tagged(run, given.words, found)))}
            else:
                answer = facts_of(by_example(found)[0], _TOP)
            return {
                "answer": answer,
                "notes": list(given.notes),
                "layers": self._layers(run, one),
                "saliency": "" if given.words else self._saliency(run, one, found),
            }

    def _layers(self, run: Run, one: Any) -> list[dict[str, Any]]:
        made = run.model.features(run.variables, run.checked(one))
        shown = []
        for name, value in list(made.items())[:_LAYERS]:
            values = np.asarray(value)[0]
            if values.dtype.kind != "f" or values.ndim > 3:
                continue
            count = len(values) if values.ndim == 3 else 1
            more = max(0, count - _MAPS)
            picture = _png(_tiles(upright(run.network, values)))
            shown.append(
                {
                    "name": name,
                    "shape": list(values.shape),
                    "more": more,
                    "picture": picture,
                }
            )
        return shown

    def _saliency(self, run: Run, one: Any, found: Any) -> str:
        """Return which pixels the answer hangs on, as a picture; empty where the input is none or there is no class."""
        output = run.model.graph.outputs[0]
        width = int(np.prod(run.model.graph.shape(output.logits)))
        shape = run.network.inputs[0].shape
        single = not isinstance(found, Mapping) and not isinstance(one, Mapping) and len(shape) == 3
        if not single or found[0].label is None or (width != max(len(run.output_names), 1) and width != 1):
            return ""
        index = list(run.output_names).index(found[0].label)
        score = saliency.score_of(run.model.graph, output, index, of_classes=True)
        x = np.asarray(prepare(one.reshape(1, *shape), run.network), np.float32)
        rises = np.abs(saliency.gradient(run.model, run.variables, x, score))[0].max(axis=0)
        pixels = np.asarray(x[0].mean(axis=0))
        low, high = float(pixels.min()), float(pixels.max())
        gray = (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)
        strength = np.clip(rises / (float(np.quantile(rises, 0.995)) or 1.0), 0, 1)
        colors = colormaps["inferno"](strength)[..., :3]
        blended = 0.35 * gray[..., None] + 0.65 * colors
        drawn = upright(run.network, blended.transpose(2, 0, 1)).transpose(1, 2, 0)
        return _png(_enlarged((255 * drawn).astype(np.uint8), 6))


def _tiles(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the maps of a layer side by side in colors, or a vector as a strip."""
    finite = np.nan_to_num(values.astype(np.float32))
    low, high = float(finite.min()), float(finite.max())
    scaled = (finite - low) / (high - low) if high > low else np.zeros_like(finite)
    if scaled.ndim < 3 or max(scaled.shape[1:]) == 1:
        rows = scaled.reshape(1, -1) if scaled.ndim != 2 else scaled[:, :512]
        rows = rows[:, :512]
        return _enlarged(_colored(rows), max(1, min(18, 360 // rows.shape[1])), max(1, min(18, 90 // len(rows))))
    maps = scaled[:_MAPS]
    factor = max(1, _SIDE // max(maps.shape[1:]))
    maps = maps[:, : 4 * _SIDE, : 4 * _SIDE]
    columns = min(_COLUMNS, len(maps))
    rows_count = -(-len(maps) // columns)
    height, width = (factor * n for n in maps.shape[1:])
    sheet = np.full((rows_count * (height + 2) - 2, columns * (width + 2) - 2, 3), 255, np.uint8)
    for i, each in enumerate(maps):
        top, left = i // columns * (height + 2), i % columns * (width + 2)
        sheet[top : top + height, left : left + width] = _enlarged(_colored(each), factor)
    return sheet


def _colored(values: NDArray[Any]) -> NDArray[np.uint8]:
    colors: NDArray[np.uint8] = (255 * colormaps["viridis"](values)[..., :3]).astype(np.uint8)
    return colors


def _enlarged(pixels: NDArray[np.uint8], across: int, down: int | None = None) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(pixels, down or across, axis=0), across, axis=1)


def _png(pixels: NDArray[np.uint8]) -> str:
    """Return pixels as the address of a picture."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode("ascii")
