"""Darknet: the sections of a `.cfg`, one after the other, and its weights in the same order."""

from __future__ import annotations

from pydantic import ValidationError

from netspec.formats.darknet.layers import INSTEAD, REFUSED, SECTIONS
from netspec.formats.darknet.network import Network, RefusedError
from netspec.formats.darknet.recipe import add_recipe
from netspec.formats.darknet.sections import MAX_TEXT, Section, read_sections
from netspec.formats.darknet.weights import Weights
from netspec.formats.reading import Description, Given, ModelImportError, Output, Place, Unknown
from netspec.formats.sketch import MAX_PIECES, reason_of
from netspec.ops import Shape

__all__ = ["Darknet"]

_MAX_WEIGHTS = 4_000_000_000

_SHORT = {
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
    "deconv": "deconvolutional",
}

_WITHOUT_WEIGHTS = {
    "yolo",
    "region",
    "detection",
    "gaussian_yolo",
    "route",
    "shortcut",
    "softmax",
    "iseg",
    "reorg",
}
"""Sections that may be refused while it stays known where in the weights we are."""


class Darknet:
    """Reads `.cfg` and `.weights`."""

    name = "darknet"
    endings: tuple[str, ...] = (".cfg", ".weights", ".backup")

    def read(self, given: Given) -> Description:
        """Return what the files say."""
        texts = [path for path in given.files if path.suffix.lower() == ".cfg"]
        stored = [path for path in given.files if path.suffix.lower() != ".cfg"]
        if len(texts) != 1 or len(stored) > 1:
            raise ModelImportError("Darknet's networks are one .cfg and at most one .weights", "give the .cfg first")
        sections = read_sections(given.load(texts[0], MAX_TEXT), texts[0].name)
        if len(sections) > MAX_PIECES // 3:
            raise ModelImportError(
                f"{texts[0].name} has {len(sections):,} sections; at most {MAX_PIECES // 3:,} can be"
            )
        weights = Weights(given.load(stored[0], _MAX_WEIGHTS), stored[0].name) if stored else None
        return _Reading(sections, weights, given.shape, texts[0].stem).description()


class _Reading(Network):
    def __init__(self, sections: list[Section], weights: Weights | None, shape: Shape | None, name: str) -> None:
        super().__init__(name, weights)
        self.net, *self.sections = sections
        self.shape = shape

    def description(self) -> Description:
        """Read everything."""
        self.current = self.input()
        for index, section in enumerate(self.sections):
            before = len(self.sketch.made.pieces)
            try:
                self.current = self.section(index, section)
            except RefusedError as error:
                # What was added of it before is no more than a part of it.
                del self.sketch.made.pieces[before:]
                self.refuse(index, section, error)
            except ValidationError as error:
                self.refuse(index, section, RefusedError(reason_of(error)))
            self.made.append(self.current)
            for problem in section.problems:
                self.sketch.unknown(problem.place, problem.what, problem.instead)
            if len(self.sketch.made.pieces) > before and not all(p.shape for p in self.sketch.made.pieces[before:]):
                self.lost = True
        self.finish()
        return self.sketch.made

    def refuse(self, index: int, section: Section, error: RefusedError) -> None:
        place = error.place or section.place
        self.sketch.unknown(
            place, f"[{section.name[:60]}]: {error.what}" if error.what else f"[{section.name}]", error.instead
        )
        self.current = f"(unknown {index})"
        self.sketch.shapes[self.current] = ()
        if section.name not in _WITHOUT_WEIGHTS:
            self.lost = True

    def input(self) -> str:
        net = self.net
        size = tuple(net.whole(key, 0) for key in ("channels", "height", "width"))
        shape: Shape = self.shape or (size if all(n > 0 for n in size) else (net.whole("inputs", 0),))
        if any(n < 1 for n in shape):
            self.sketch.unknown(net.place, "[net] does not say the size of the input", "say it: --shape CxHxW")
            self.sketch.shapes["input"] = ()
            return "input"
        return self.sketch.input("input", shape)

    def section(self, index: int, section: Section) -> str:
        """Add one section and return its value."""
        name = section.name = _SHORT.get(section.name, section.name)
        if name in REFUSED:
            raise RefusedError(REFUSED[name], INSTEAD.get(name, ""))
        builder = SECTIONS.get(name)
        if builder is None:
            raise RefusedError("a section that is not known", "write what it does with netspec's layers")
        if name not in {"route", "shortcut"} and not self.sketch.shapes[self.current]:
            # What it reads was not understood: it is left out, and so is what it would read of the weights.
            self.lost = self.lost or name in {"convolutional", "connected", "deconvolutional", "batchnorm"}
            return self.current
        made = builder(self, index, section)
        if self.sketch.shapes[made]:
            for key in section.unread():
                self.sketch.unknown(
                    section.at(key),
                    f"[{name}]: {key[:60]}={section.options[key][:60]}",
                    "nothing is known of this value: take the line out if it changes nothing",
                )
        return made

    def finish(self) -> None:
        """Say the outputs and the recipe; all weights must have been read."""
        made = self.sketch.made
        for problem in self.net.problems:
            self.sketch.unknown(problem.place, problem.what, problem.instead)
        if self.weights is not None:
            made.has_weights = True
            if not self.lost and self.weights.left:
                place = Place(self.weights.file)
                self.sketch.unknown(
                    place, f"{self.weights.left:,} numbers are left over", "these are the weights of another network"
                )
        last = self.sketch.by_name.get(self.current)
        read = {source for piece in made.pieces for source in piece.inputs}
        ends = [piece.name for piece in made.pieces if piece.shape and piece.name not in read]
        if len(ends) > 1:
            made.outputs = [Output(name) for name in ends]
        classes = last.shape[0] if last is not None and len(last.shape) == 1 else 0
        known = len(made.unknown)
        add_recipe(self.sketch, self.net, classes)
        for problem in self.net.problems:
            entry = Unknown(problem.place, problem.what, problem.instead)
            if entry not in made.unknown[:known]:
                self.sketch.unknown(problem.place, problem.what, problem.instead)
