"""What the arrays of a dataset have to be: rules on their names, types and shapes, without their values.

A file's header says as much as an array in memory, so that both are refused in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from netspec.diagnostics.diagnostic import listing, plural
from netspec.ops import Shape

__all__ = [
    "KEYS",
    "KEYS_VAL",
    "MOST_CLASSES",
    "NAMES_KEY",
    "NUMBERING",
    "REGRESSION",
    "ArrayFacts",
    "LabelFacts",
    "Wrong",
    "classes_misfit",
    "example_shape",
    "examples_wrong",
    "labels_wrong",
    "looks_numeric",
    "no_class",
    "no_numbers",
    "renumbering",
    "shape_misfit",
    "shape_text",
    "unlike",
]

KEYS = ("x_train", "y_train", "x_test", "y_test")
"""The arrays of a `.npz` dataset, as Keras names them."""

KEYS_VAL = ("x_val", "y_val")
"""The arrays for validation, which it may have."""

NAMES_KEY = "class_names"
"""The array of class names, which a `.npz` dataset may have."""

MOST_CLASSES = 65_536
"""Beyond it a label is surely a mistake, and one name per class would fill the memory."""

REGRESSION = "numbers to be predicted (regression) go with one output for each, `fc 1`"

Wrong: TypeAlias = "tuple[str, str]"
"""What is wrong, and what would be right."""

NUMBERING = (
    "names, y = np.unique(np.r_[y_train, y_test], return_inverse=True); "
    "y_train, y_test = y[:len(y_train)], y[len(y_train):]"
)
"""Class labels of any kind as numbers from 0."""


@dataclass(frozen=True, slots=True)
class ArrayFacts:
    """What is known of an array without its values.

    Attributes:
        name: such as `y_train`.
        shape: its own.
        kind: NumPy's letter: `u` and `i` whole numbers, `f` floats, `b` bool, `U` and `S` texts, `O` objects …
        type: in words, such as `float32`.
        size: bytes of one value.
    """

    name: str
    shape: Shape
    kind: str
    type: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What is known of whole numbers given for labels: least, most, how many different ones and how many in all."""

    least: int
    most: int
    different: int
    count: int


_FEW, _EACH = 20, 5
"""So many different values are classes in any case; of more, each should have so many examples in the mean."""


def looks_numeric(different: int, count: int) -> bool:
    """Return whether whole numbers are rather amounts than classes: of `count` examples so many are different."""
    # Ages, years, prices: nearly as many values as examples, and more than most problems have classes.
    return different > max(_FEW, count // _EACH)


def renumbering(name: str, labels: LabelFacts, fits: str = "") -> str:
    """Return what to do with labels that are beyond a network's outputs, or no class numbers.

    Args:
        name: of the array.
        labels: what is known of them.
        fits: what to do where they are numbered from 0 as they should be.
    """
    if looks_numeric(labels.different, labels.count):
        return f"{REGRESSION}; if these are {labels.different:,} classes, number them 0, 1, 2 and so on: {NUMBERING}"
    if fits and labels.least == 0 and labels.most < 2 * labels.different:
        return fits
    if labels.least == 1 and labels.most == labels.different:
        return f"labels count from 0: give {name} - 1"
    return f"number the classes 0, 1, 2 and so on: {NUMBERING}"


def shape_text(shape: Shape) -> str:
    """Return a shape as people write it in a spec: `1x28x28`."""
    return "x".join(map(str, shape)) or "a single number"


def no_numbers(array: ArrayFacts, *, targets: bool = False) -> Wrong | None:
    """Return what is wrong with an array that does not hold numbers; None where it does.

    Args:
        array: the array.
        targets: whether it should be targets, not examples.
    """
    if array.kind in "buif":
        return None
    name, is_x = array.name, not targets
    message = f"{name} has the type {array.type}, which is not numbers"
    kind = {"S": "U", "T": "U", "m": "M"}.get(array.kind, array.kind)
    fixes = _FIXES_OF_EXAMPLES if is_x else _FIXES_OF_LABELS
    return message, fixes.get(kind, "give uint8 or float32" if is_x else "give whole numbers from 0").format(name)


_FIXES_OF_EXAMPLES = {
    "U": "number the words and give {} as whole numbers, for a network with `input LENGTH tokens=COUNT`",
    "O": "where all of it is numbers, give {}.astype('float32')",
    "c": "give real and imaginary part as channels (or features) of their own: .real and .imag",
    "M": "make numbers of it: ({0} - {0}.min()) / np.timedelta64(1, 'D')",
    "V": "give its fields as columns, as numpy.lib.recfunctions.structured_to_unstructured makes them",
}
"""What to do with examples of other types, by NumPy's letter for them."""

_FIXES_OF_LABELS = {
    "U": f"number the classes: {NUMBERING}",
    "O": "names of classes are texts, {0}.astype(str); their numbers are whole numbers, {0}.astype(int)",
    "M": f"number the classes: {NUMBERING}; a time to be predicted is a number: (y - y.min()) / np.timedelta64(1, 'D')",
    "V": "give the one field that has the classes: {}['FIELD']",
}
"""What to do with labels of other types."""


def examples_wrong(array: ArrayFacts, tokens: int | None = None, *, takes: Shape | None = None) -> Wrong | None:
    """Return what is wrong with the type or shape of examples; None where nothing is.

    Args:
        array: the examples.
        tokens: how many there are, where the network reads token numbers.
        takes: the shape of the network's input, where that is known: it says what whole numbers are.
    """
    found = no_numbers(array)
    if found:
        return found
    name, shape = array.name, array.shape
    if 0 in shape:
        return f"{name} is empty: its shape is {shape}", "give at least one example"
    if tokens:
        if array.kind not in "iu":
            return (
                f"{name} has the type {array.type}, but token numbers are whole numbers",
                f"give {name}.astype('int32')",
            )
        wanted = len(shape) == 2
        return None if wanted else (f"{name} has the shape {shape}", "give token numbers as (N, length)")
    if array.type != "uint8" and array.kind != "f" and not (takes and array.kind in "bui"):
        pixels = f"for pixels of 0 to 255, which are scaled to 0..1, give {name}.astype('uint8'); "
        return (
            f"{name} has the type {array.type}",
            f"{'' if array.kind == 'b' else pixels}for values used as they are, give {name}.astype('float32')"
            + ("" if array.kind == "b" else "; for token numbers the spec says `input 64 tokens=1000`"),
        )
    if len(shape) not in {2, 3, 4, 5} and not (takes == (1,) and len(shape) == 1):
        one = f"; one number an example is {name}[:, None]" if len(shape) == 1 else ""
        return (
            f"{name} has the shape {shape}",
            "give images as (N, channels, height, width) or (N, height, width), volumes as (N, channels, depth, "
            f"height, width), or vectors as (N, features){one}",
        )
    return None


def example_shape(array: ArrayFacts, tokens: int | None = None) -> Shape:
    """Return the shape of one example: images without a channel axis have one channel."""
    return (1, *array.shape[1:]) if len(array.shape) == 3 and not tokens else array.shape[1:]


def unlike(train: ArrayFacts, test: ArrayFacts, tokens: int | None = None) -> Wrong | None:
    """Return how the examples to learn from differ from those to test with; None where they do not."""
    shapes = [example_shape(a, tokens) for a in (train, test)]
    if shapes[0] != shapes[1]:
        return (
            f"{train.name} holds {shape_text(shapes[0])} examples, {test.name} {shape_text(shapes[1])} ones",
            "give both the same shape",
        )
    types = ["float32" if a.kind == "f" else a.type for a in (train, test)]
    if {train.kind, test.kind} <= {"i", "u"}:
        return None  # they become one type
    if types[0] != types[1] and not tokens:
        return (
            f"{train.name} is {types[0]}, {test.name} is {types[1]}",
            "give both the same type: uint8 is scaled to 0..1, float is used as it is",
        )
    return None


def labels_wrong(array: ArrayFacts, examples: ArrayFacts) -> Wrong | None:
    """Return what is wrong with the type, shape or number of labels; None where nothing is. (N, 1) is understood."""
    found = no_numbers(array, targets=True)
    if found:
        return found
    name, shape, count = array.name, array.shape, examples.shape[0]
    if len(shape) == 2 and shape[1] == 1:
        shape = shape[:1]
    if len(shape) == 1:
        if shape[0] == count:
            return None
        return f"{name} has {plural(shape[0], 'label')} for {plural(count, 'example')}", "give one label an example"
    message = f"{name} must have the shape (N,), not {array.shape}"
    if len(shape) > 1 and (shape[1:] == examples.shape[1:] or example_shape(array) == example_shape(examples)):
        positions = "; labels for each position go with outputs of as many positions" if len(shape) > 2 else ""
        return message, f"if it has examples in it, the order is {listing(KEYS, 'and')}{positions}"
    if prod(shape) == count:
        return message, f"give {name}.reshape(-1)"
    if len(shape) == 2:
        return (
            message,
            f"if each row has one 1 and else 0, give {name}.argmax(axis=1); several classes at once (multi-label), "
            f"shares of classes and several numbers to be predicted (regression) go with {shape[1]} outputs",
        )
    if len(shape) > 2:
        return (
            message,
            "give one whole number an example; labels for each position go with outputs of as many positions",
        )
    return message, "give one whole number an example"


def no_class(name: str, index: int, value: float) -> Wrong | None:
    """Return what is wrong with one label, a finite number; None where it can be a class number."""
    if value != int(value):
        return (
            f"{name}[{index}] is {value}, which is not a whole number: {REGRESSION}",
            "classes are whole numbers from 0",
        )
    if value < 0:
        return (
            f"{name}[{index}] is {int(value)}, but labels count from 0",
            f"number the classes 0, 1, 2 and so on: {NUMBERING}; {REGRESSION}",
        )
    return None


def shape_misfit(name: str, have: Shape, shape: Shape, *, resizable: bool = False) -> Wrong | None:
    """Return how examples do not fit a network's input; None where they do, or take no guessing to be made so.

    Args:
        name: of the dataset.
        have: the shape of one example.
        shape: of the network's input.
        resizable: whether height and width may be changed.
    """
    row, columns = len(shape) == 1 and shape[0] == prod(have), len(shape) == 2 and have == (1, *shape)
    resized = resizable and len(shape) == len(have) == 3 and shape[0] == have[0]
    slices = len(shape) == 4 and shape == (1, *have)
    if shape == have or row or columns or slices or resized:
        return None
    return (
        f"{name} holds examples of {shape_text(have)}, but the network takes {shape_text(shape)}",
        _reshaping(have, shape),
    )


def _reshaping(have: Shape, shape: Shape) -> str:
    if len(have) == len(shape) > 2 and (have[-1], *have[:-1]) == shape:
        return "channels come first: give np.moveaxis(x, -1, 1)"
    if len(shape) == 2 and have == (1, shape[1], shape[0]):
        return "features come first: give np.transpose(x, (0, 2, 1))"
    if len(have) == 1 and have[0] == prod(shape):
        return f"give x.reshape(-1, {', '.join(map(str, shape))})"
    return f"write `input {shape_text(have)}`, or give examples of {shape_text(shape)}"


def classes_misfit(
    name: str, outputs: int, classes: int, labels: LabelFacts | None = None, *, ends: str = ""
) -> Wrong | None:
    """Return how the outputs of a network and the classes of a dataset differ in number; None where they do not.

    Args:
        name: of the dataset.
        outputs: of the network; one stands for two classes.
        classes: of the dataset: its names, or its largest label and those below it.
        labels: what is known of those of both splits.
        ends: a last layer of as many outputs; one that gives an answer for an example unless given.
    """
    if outputs == classes or (outputs == 1 and classes <= 2):
        return None
    message = (
        f"the network has {plural(outputs, 'output')}, but {name} has {classes:,} class{'' if classes == 1 else 'es'}"
    )
    named = f"name all in the array {NAMES_KEY} of an .npz file"
    if classes == 1:
        return message, f"one class alone says nothing; where the others have no example, {named}"
    fix = f"let it end in {classes} outputs: `{ends or f'fc {classes} softmax'}`"
    if outputs > classes:
        fix += f"; where some of {outputs} classes have no example, {named}"
    return message, renumbering("y_train", labels, fix) if labels else fix
