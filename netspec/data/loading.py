"""Loading of datasets by name or path, with the fallback of `data A else B`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from netspec.data.arrays import arrays
from netspec.data.builtin import cifar, digits, emnist, mnist
from netspec.data.builtin.published import Published
from netspec.data.fitting import fit
from netspec.data.targets import Wanted
from netspec.data.types import Dataset, DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, DatasetUnavailableError, listing
from netspec.diagnostics.suggest import nearest
from netspec.recipe.array_files import ARRAY_ENDINGS, holds_arrays
from netspec.recipe.catalog import DATASETS, DatasetInfo, find
from netspec.sources.missing import missing_data
from netspec.sources.other_files import conversion_of
from netspec.system.files import expanded, kind_of

__all__ = ["READERS", "Reader", "fetch", "load", "locate"]


@dataclass(frozen=True, slots=True)
class Reader:
    """How one built-in dataset is had.

    Attributes:
        load: returns training and test part.
        locate: returns where it lies on this machine, or None.
        fetch: downloads it if need be, and returns where it lies.
    """

    load: Callable[[DownloadProgress | None], tuple[Split, Split]]
    locate: Callable[[], Path | None]
    fetch: Callable[[DownloadProgress | None], Path]


_PUBLISHED: tuple[Published, ...] = (
    mnist.MNIST,
    mnist.FASHION_MNIST,
    mnist.KMNIST,
    emnist.EMNIST,
    emnist.EMNIST_LETTERS,
    emnist.EMNIST_DIGITS,
    cifar.CIFAR10,
    cifar.CIFAR100,
)

READERS: Mapping[str, Reader] = {
    "digits": Reader(lambda _: digits.load(), lambda: digits.FILE, lambda _: digits.FILE),
    "digits_by_writer": Reader(lambda _: digits.load_by_writer(), lambda: digits.FILE, lambda _: digits.FILE),
    **{each.name: Reader(each.load, each.locate, each.fetch) for each in _PUBLISHED},
}
"""One entry for each of `DATASETS`, by its name."""


def load(
    names: Sequence[str],
    *,
    shape: tuple[int, ...] | None = None,
    tokens: int | None = None,
    progress: DownloadProgress | None = None,
    want: Wanted | None = None,
    reading: arrays.Reading | None = None,
) -> Dataset:
    """Return the first of the named datasets that is to be had.

    Args:
        names: names of built-in datasets, or paths of arrays or of a folder with four IDX files. The
            next is tried only when one is not available; whatever else is wrong with one is an error.
        shape: of one example, where the network states it: (C, H, W), (F, L) or (F,). The images of a built-in
            dataset are resized to it; a vector takes an image of as many numbers.
        tokens: how many there are, where the network reads token numbers.
        progress: called while a dataset is downloaded.
        want: what the output takes, where the targets of a file may be other than class numbers.
        reading: how the network reads the arrays of a file, where there is more to it.

    Raises:
        DatasetUnavailableError: none of them is to be had now.
        DataError: there is no such dataset, a file of it is damaged, or it does not fit `shape`.
    """
    if not names:
        raise DataError("no dataset is named", f"name one: {listing([info.name for info in DATASETS])}")
    notices: list[str] = []
    for name, following in zip(names, [*names[1:], None], strict=True):
        try:
            dataset = _load_one(name, tokens, progress, want, reading)
        except DatasetUnavailableError:
            if following is None:
                raise
            notices.append(f"{name} is not on this machine and could not be downloaded: using {_describe(following)}")
        else:
            dataset = replace(dataset, notices=(*notices, *dataset.notices))
            return fit(dataset, shape, resizable=find(name) is not None)
    raise AssertionError("the last name either loads or raises")


def locate(name: str) -> Path | None:
    """Return where a dataset lies on this machine, or None when it is not there; it is not read.

    Raises:
        DataError: there is no built-in dataset of that name, and it is not a path; or it cannot be looked for there.
    """
    info = _built_in(name)
    if info:
        return READERS[info.name].locate()
    path = expanded(name, DataError)
    return path if kind_of(path, DataError) else None


def fetch(name: str, progress: DownloadProgress | None = None) -> Path:
    """Download a built-in dataset unless it is on this machine, and return where it lies.

    Raises:
        DatasetUnavailableError: it cannot be had now.
        DataError: there is no built-in dataset of that name, or a file of it is damaged.
    """
    info = _built_in(name)
    if info is None:
        raise DataError(f"{name} is a path, so there is nothing to fetch", f"name one of {_names()}")
    return READERS[info.name].fetch(progress)


def _load_one(
    name: str,
    tokens: int | None,
    progress: DownloadProgress | None,
    want: Wanted | None,
    reading: arrays.Reading | None,
) -> Dataset:
    info = _built_in(name)
    path = expanded(name, DataError)
    of_arrays = info is None and (path.suffix.lower() in ARRAY_ENDINGS or holds_arrays(path, DataError))
    if tokens and not of_arrays:
        what = info.name if info else str(path)
        raise DataError(
            f"{what} holds images, but the network takes token numbers", "give a .npz file of whole numbers (N, length)"
        )
    if info:
        train, test = READERS[info.name].load(progress)
        return Dataset.of(info.name, train, test, info.labels)
    return arrays.read_npz(path, tokens, want, reading) if of_arrays else arrays.read_idx_folder(path)


def _built_in(name: str) -> DatasetInfo | None:
    """Return the built-in dataset of that name; None when the name is a path.

    A built-in name wins over a folder of that name in the current folder, so that what a spec means does
    not depend on where it is run; `./mnist` is the folder.
    """
    info = find(name)
    if info is None and not _is_path(name):
        fix = conversion_of(Path(name))
        if fix and kind_of(Path(name), DataError) == "file":
            raise DataError(f"{name} is in a form that is not read", fix)
        near = nearest(name, [info.name for info in DATASETS])
        known = f"known are {_names()}, or the path of a table, a text, an .npz file, or a folder or archive of files"
        meant = f"did you mean {near}? {known}" if near else missing_data(Path(name), name, known).fix
        raise DataError(f"there is no dataset called {name!r}", meant)
    return info


def _is_path(name: str) -> bool:
    if "/" in name or "\\" in name or name.lower().endswith(ARRAY_ENDINGS):
        return True
    return kind_of(Path(name), DataError) == "folder"


def _names() -> str:
    return listing([info.name for info in DATASETS], "and")


def _describe(name: str) -> str:
    info = find(name)
    if info is None or READERS[info.name].locate() != digits.FILE:
        return name
    return f"the bundled {info.name} ({info.train:,} training and {info.test:,} test images)"
