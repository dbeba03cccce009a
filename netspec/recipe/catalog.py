"""The datasets that netspec knows by name: what they are, without a single pixel of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netspec.diagnostics.visible import visible

__all__ = ["DATASETS", "DatasetInfo", "Framing", "find", "last_part"]

_DIGIT_NAMES = tuple("0123456789")


@dataclass(frozen=True, slots=True)
class Framing:
    """How a dataset shows one thing on plain ground: pictures of others are framed by the same rule.

    Attributes:
        box: pixels of the longer side of what is shown.
        center: what lies in the middle: the center of its mass, or that of its box.
        stroke: how thick strokes are at least, as a share of the longer side.
    """

    box: int
    center: Literal["mass", "box"]
    stroke: float


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The facts about one dataset; `netspec.data` holds the code that reads it.

    Attributes:
        name: the word after `data` in a spec.
        title: one line for people.
        shape: channels, height and width of one image.
        labels: the class names; label `i` of an example means `labels[i]`.
        train: number of training examples.
        test: number of test examples.
        source: who made it, and where it was published.
        license: under which terms it may be used.
        notes: what someone who compares figures on it should know.
        aliases: other words for it.
        framing: how its images were made of drawings; None where they are of another kind.
    """

    name: str
    title: str
    shape: tuple[int, int, int]
    labels: tuple[str, ...]
    train: int
    test: int
    source: str
    license: str
    notes: str
    aliases: tuple[str, ...] = ()
    framing: Framing | None = None


_UCI = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, "
    "1998: the 1,797 images of its test part, as scikit-learn ships them"
)

_FILLED = Framing(box=8, center="box", stroke=0.2)

DATASETS: tuple[DatasetInfo, ...] = (
    DatasetInfo(
        name="digits",
        title="small handwritten digits, bundled with netspec",
        shape=(1, 8, 8),
        labels=_DIGIT_NAMES,
        train=1_437,
        test=360,
        source=_UCI,
        license="CC BY 4.0",
        notes=(
            "A fixed split with every digit in the same proportion on both sides. The same people wrote "
            "training and test images, which makes it easier than digits_by_writer."
        ),
        framing=_FILLED,
    ),
    DatasetInfo(
        name="digits_by_writer",
        title="the same small digits, tested on other writers",
        shape=(1, 8, 8),
        labels=_DIGIT_NAMES,
        train=1_437,
        test=360,
        source=_UCI,
        license="CC BY 4.0",
        notes=(
            "The images of digits, split in file order: the last fifth comes from other writers. "
            "specs/lenet.net reaches 98.6 % on digits and 94.3 % here (means of three seeds)."
        ),
        framing=_FILLED,
    ),
    DatasetInfo(
        name="mnist",
        title="MNIST handwritten digits",
        shape=(1, 28, 28),
        labels=_DIGIT_NAMES,
        train=60_000,
        test=10_000,
        source="Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, 1998",
        license="CC BY-SA 3.0",
        notes=(
            "About 11 MB to download, once. Training and test images come from different writers. "
            "A test accuracy has a standard error of 0.1 percentage points at 99 %."
        ),
        framing=Framing(box=20, center="mass", stroke=0.11),
    ),
)


def last_part(path: str) -> str:
    """Return the last part of a dataset's path, as one that is no built-in dataset's name: `./mnist` is the folder.

    What is no text in it, or cannot be seen, is replaced: it is written into specs.
    """
    name = visible(Path(path).name) or "data"
    return f"./{name}" if find(name) else name


def find(name: str) -> DatasetInfo | None:
    """Return the dataset of that name or alias, in any case; None when there is none."""
    folded = name.lower()
    return next((info for info in DATASETS if folded in (info.name, *info.aliases)), None)
