"""The datasets that netspec knows by name: what they are, without a single pixel of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netspec.diagnostics.visible import visible

__all__ = ["DATASETS", "DatasetInfo", "Framing", "find", "last_part"]

_DIGIT_NAMES = tuple("0123456789")

_CIFAR10_NAMES = "airplane automobile bird cat deer dog frog horse ship truck"

# As the archive of CIFAR-100 lists the fine ones, in the order of their numbers.
_CIFAR100_NAMES = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
    "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant "
    "flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man "
    "maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree "
    "plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train "
    "trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)


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

_EMNIST = "G. Cohen, S. Afshar, J. Tapson and A. van Schaik, EMNIST: an extension of MNIST to handwritten letters, 2017"
_EMNIST_LICENSE = "none stated; made of NIST Special Database 19"
_EMNIST_NOTES = (
    "About 562 MB to download, once for all sets of EMNIST. The images are turned the right way up: in the published "
    "files, and as other libraries load them, they are mirrored along the diagonal."
)
_CIFAR = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009"
_CIFAR_LICENSE = "none stated; the author asks to be cited"

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
    DatasetInfo(
        name="fashion_mnist",
        title="Fashion-MNIST: articles of clothing, in the form of MNIST",
        shape=(1, 28, 28),
        labels=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        train=60_000,
        test=10_000,
        source="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, Zalando Research, 2017",
        license="MIT",
        notes="About 31 MB to download, once. Every class has 6,000 training and 1,000 test images.",
    ),
    DatasetInfo(
        name="kmnist",
        title="Kuzushiji-MNIST: cursive Japanese characters, in the form of MNIST",
        shape=(1, 28, 28),
        labels=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        train=60_000,
        test=10_000,
        source="T. Clanuwat and others, Deep Learning for Classical Japanese Literature, CODH, 2018",
        license="CC BY-SA 4.0",
        notes="About 21 MB to download, once. Every class has 6,000 training and 1,000 test images.",
    ),
    DatasetInfo(
        name="emnist",
        title="EMNIST Balanced: handwritten digits and letters",
        shape=(1, 28, 28),
        labels=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        train=112_800,
        test=18_800,
        source=_EMNIST,
        license=_EMNIST_LICENSE,
        notes=f"{_EMNIST_NOTES} Small letters that look like their capitals, such as c, share a class with them.",
        aliases=("emnist_balanced",),
    ),
    DatasetInfo(
        name="emnist_letters",
        title="EMNIST Letters: handwritten letters, small and capital as one class",
        shape=(1, 28, 28),
        labels=tuple("abcdefghijklmnopqrstuvwxyz"),
        train=124_800,
        test=20_800,
        source=_EMNIST,
        license=_EMNIST_LICENSE,
        notes=f"{_EMNIST_NOTES} The published labels count from 1; here a is 0.",
    ),
    DatasetInfo(
        name="emnist_digits",
        title="EMNIST Digits: handwritten digits, four times as many as MNIST",
        shape=(1, 28, 28),
        labels=_DIGIT_NAMES,
        train=240_000,
        test=40_000,
        source=_EMNIST,
        license=_EMNIST_LICENSE,
        notes=_EMNIST_NOTES,
    ),
    DatasetInfo(
        name="cifar10",
        title="CIFAR-10: small color photographs of 10 classes",
        shape=(3, 32, 32),
        labels=tuple(_CIFAR10_NAMES.split()),
        train=50_000,
        test=10_000,
        source=_CIFAR,
        license=_CIFAR_LICENSE,
        notes="About 170 MB to download, once: the binary version, which holds no pickle.",
    ),
    DatasetInfo(
        name="cifar100",
        title="CIFAR-100: small color photographs of 100 classes",
        shape=(3, 32, 32),
        labels=tuple(_CIFAR100_NAMES.split()),
        train=50_000,
        test=10_000,
        source=_CIFAR,
        license=_CIFAR_LICENSE,
        notes=(
            "About 169 MB to download, once: the binary version, which holds no pickle. The labels are the 100 fine "
            "classes; the 20 coarse ones are left out."
        ),
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
