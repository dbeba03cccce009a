"""Do the data files that a spec names go with its network? Looked at without NumPy, and never for long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, Diagnostic, Place, Places, Related, plural
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph
from netspec.ir.network import DataSource, Network
from netspec.ops import Shape, format_shape
from netspec.recipe import catalog as datasets
from netspec.recipe.array_facts import (
    KEYS,
    ArrayFacts,
    LabelFacts,
    Wrong,
    classes_misfit,
    example_shape,
    examples_wrong,
    labels_wrong,
    looks_numeric,
    shape_misfit,
    unlike,
)
from netspec.recipe.data_headers import Contents, idx_contents, npz_contents
from netspec.recipe.losses import CrossEntropy, Loss
from netspec.sources.survey import survey
from netspec.system.files import kind_of

__all__ = ["look_at_data"]


def look_at_data(network: Network, graph: Graph | None, places: Places, folder: Path | None) -> Iterable[Diagnostic]:
    """Yield what is wrong with the files that `data` names: one is missing, or is not what the network takes.

    Args:
        network: names them.
        graph: of the network, where it has one.
        places: where in a text all was declared.
        folder: of the spec.
    """
    data, place = network.data, places.get("data")
    if data is None or folder is None:
        return
    names = [name for name in (data.name, data.fallback) if name]
    missing: list[Diagnostic] = []
    for name in names:
        if datasets.find(name):
            continue
        try:
            path = (folder / name).resolve()
            inside, kind = path.is_relative_to(folder.resolve()), kind_of(path, DataError)
        except (DataError, OSError, RuntimeError, ValueError) as error:
            yield _at(place, "E0314", (f"{name} cannot be looked for: {error}".splitlines()[0], "name a file"))
            continue
        if not inside:
            if not any(part == ".." for part in Path(name).parts) and not Path(name).is_absolute():
                wrong = f"{name} is a link that leads outside the spec's folder"
                yield _at(place, "E0403", (wrong, "put the file beside the spec, or give it with --data PATH"))
        elif kind is None:
            missing.append(_at(place, "E0314", (f"{name}: there is no such file", _near(path, name))))
        elif data.is_text:
            yield from _of_text(network, data, places, folder)
        elif len(network.inputs) == 1 and len(network.all_outputs) == 1:
            # Arrays by other names are looked at when the training begins.
            yield from _misfits(network, graph, places, name, _contents(path, kind, name))
    # What comes first may be missing where there is something to take instead.
    if len(missing) == len(names):
        yield missing[0]


def _of_text(network: Network, data: DataSource, places: Places, folder: Path) -> Iterator[Diagnostic]:
    """Yield what is wrong with a text, or with how many tokens the network says that it has."""
    try:
        found = survey(data, folder)
    except DataError as error:
        yield _at(places.get("data"), "E0314", (error.message, error.fix))
        return
    if found and network.tokens and network.tokens != found.tokens:
        given = network.inputs[0]
        message = f"the text has {found.tokens} tokens, but the input has {network.tokens}"
        fix = f"say `tokens={found.tokens}`, or leave `input` out: it follows from the text"
        yield _at(places.get(given.name), "E0308", (message, fix), places.get("data"))


def _contents(path: Path, kind: str, name: str) -> Contents:
    """Return what the files at a path say of themselves; they are chosen as they are when they are loaded."""
    npz = path.suffix.lower() == ".npz"
    if npz and kind == "file":
        return npz_contents(path, name)
    if npz or kind != "folder":
        wrong = "is not a file" if npz else "is neither a .npz file nor a folder"
        return Contents((f"{name} {wrong}", "give a .npz file, or a folder with the four IDX files"))
    try:
        return idx_contents(path, name)
    except DataError as error:
        return Contents((error.message, error.fix))


def _near(path: Path, name: str) -> str:
    """Return a hint naming a file of nearly the same name in the same folder, or what is looked for."""
    try:
        beside = [p.name for p in path.parent.iterdir() if p.suffix.lower() == ".npz" or p.is_dir()]
    except OSError:
        beside = []
    # Of names that end alike, what is before tells them apart.
    near = nearest(path.stem, [Path(other).stem for other in beside])
    if near:
        meant = next(other for other in beside if Path(other).stem == near)
        return f'did you mean "{(Path(name).parent / meant).as_posix()}"?'
    return "paths begin at the spec's folder: put it there, or train with --data PATH"


def _misfits(
    network: Network, graph: Graph | None, places: Places, name: str, contents: Contents
) -> Iterator[Diagnostic]:
    """Yield the first thing that is wrong with files that are there, as it would be told when they are loaded."""
    place, tokens = places.get("data"), network.tokens
    aim = _Aim.of(network, graph)
    wrong = contents.wrong or (_array_wrong(name, contents, tokens, aim) if contents.arrays else None)
    if not wrong and contents.names and contents.labels and contents.labels.most >= contents.names:
        wrong = f"{name} has a label {contents.labels.most}, but {contents.names} class_names", "name every class"
    if wrong:
        yield _at(place, "E0314", wrong)
        return
    train = contents.arrays.get("x_train")
    if train is None:
        return
    held_out, count = network.data.validation if network.data else 0, train.shape[0]
    if held_out >= count:
        message = f"`validation {held_out}` leaves nothing to train on: {name} has {plural(count, 'example')}"
        yield _at(place, "E0311", (message, "hold out fewer"))
    wrong = shape_misfit(name, example_shape(train, tokens), network.input)
    if wrong:
        yield _at(places.get(network.inputs[0].name), "E0308", wrong, place)
    elif graph and network.classifies:
        outputs, last = graph.shape(graph.output), places.get(network.nodes[-1].name)
        targets = contents.arrays.get("y_train")
        if aim.is_free or (targets and targets.shape[1:] not in {(), (1,)} and aim.takes(targets)):
            return
        if len(outputs) != 1:
            message = f"an example has one label, but the network ends in {format_shape(outputs)}"
            fix = "end with `globalpool`, `flatten` or `fc CLASSES`, or learn the input again: `target input`"
            yield _at(last, "E0305", (message, fix), place)
            return
        classes = contents.names or (contents.labels.most + 1 if contents.labels else None)
        labels = None if contents.names else contents.labels
        if contents.labels and aim.numeric(contents.labels):
            return
        wrong = classes_misfit(name, outputs[0], classes, labels) if classes else None
        # Where it is one of two, the outputs may be for the other.
        one_of_two = network.data and network.data.fallback
        if wrong and not (one_of_two and classes and classes < outputs[0]):
            yield _at(last, "E0304", wrong, place)


@dataclass(frozen=True, slots=True)
class _Aim:
    """What targets a network takes, as far as types and shapes say it; an output of None where that is not known."""

    output: Shape | None = None
    loss: Loss | None = None
    stated: bool = False

    @classmethod
    def of(cls, network: Network, graph: Graph | None) -> _Aim:
        """Return that of a network."""
        if graph is None or network.reconstructs:
            return cls()
        return cls(graph.shape(graph.output), graph.loss, network.recipe.loss is not None or bool(graph.ends_in))

    @property
    def is_free(self) -> bool:
        """Whether nothing can be said of targets here: sequences, pairs, none at all, or labels that do not count."""
        if self.loss is None:
            return False
        ignores = isinstance(self.loss, CrossEntropy) and self.loss.ignore is not None
        return ignores or self.loss.targets[0] in {"sequence", "pair", "nothing"}

    def takes(self, targets: ArrayFacts) -> bool:
        """Return whether targets have the shape of the output, or that of its positions."""
        if self.output is None or targets.kind not in "buif":
            return False
        return targets.shape[1:] in {self.output, self.output[1:], (1, *self.output[1:])}

    def numeric(self, labels: LabelFacts | None) -> bool:
        """Return whether whole numbers, or any where none are given, may be amounts."""
        if self.loss is None or self.output is None or self.output[0] != 1:
            return self.loss is not None and "class" not in self.loss.targets
        if self.stated:
            return not self.loss.absorbs and (labels is None or labels.most > 1 or labels.least < 0)
        return labels is None or looks_numeric(labels.different, labels.count)


def _array_wrong(name: str, contents: Contents, tokens: int | None, aim: _Aim) -> Wrong | None:
    """Return what is wrong with the arrays by themselves."""
    found: list[Wrong | None] = []
    for x, y in (KEYS[:2], KEYS[2:]):
        examples, labels = contents.arrays.get(x), contents.arrays.get(y)
        found += [examples_wrong(examples, tokens)] if examples else []
        if labels and examples and not found[-1] and not aim.is_free:
            same = labels.shape[:1] == examples.shape[:1]
            found += [] if same and aim.takes(labels) else [labels_wrong(labels, examples)]
    train, test = contents.arrays.get("x_train"), contents.arrays.get("x_test")
    if train and test and not any(found):
        found.append(unlike(train, test, tokens))
    odd = None if aim.is_free or aim.numeric(None) else contents.odd
    first = next((wrong for wrong in (*found, odd) if wrong), None)
    return (f"{name}: {first[0]}", first[1]) if first else None


def _at(place: Place | None, code: str, wrong: Wrong, data: Place | None = None) -> Diagnostic:
    related = (Related(data.span, "the data is named here"),) if place and data else ()
    uses = tuple(reversed(place.uses)) if place else ()
    span = place.span if place else data.span if data else None
    return Diagnostic(code, wrong[0], span, fix=wrong[1], related=(*related, *uses))
