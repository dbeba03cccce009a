"""Example files for a trained model: a picture, or an `.npy` of many examples."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from numpy.typing import NDArray

from netspec import data as datasets
from netspec.data.checks import shape_text
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.network import Network
from netspec.recipe.catalog import DatasetInfo, find
from netspec.system.files import kind_of

__all__ = ["Examples", "image_shape", "read", "takes_pictures"]


@dataclass(frozen=True, eq=False, slots=True)
class Examples:
    """The examples of a file.

    Attributes:
        array: (N, …).
        framed_as: the dataset as whose images what is drawn in a picture was framed; empty where it was left as it is.
        notes: what the user should know of the file, a line each.
    """

    array: NDArray[Any]
    framed_as: str = ""
    notes: tuple[str, ...] = ()


def image_shape(network: Network) -> tuple[int, ...]:
    """Return the shape of one picture, (C, H, W): the input, or the images that are read as a row or a sequence."""
    if len(network.input) < 3 and network.data:
        info = find(network.data.name)
        if info and prod(info.shape) == prod(network.input):
            return info.shape
    return network.input


def takes_pictures(network: Network) -> bool:
    """Return whether a network's examples are images."""
    return not network.tokens and len(image_shape(network)) == 3


def read(
    network: Network,
    file: Path | str | bytes,
    *,
    invert: bool | None = None,
    like: DatasetInfo | None = None,
    name: str | None = None,
) -> Examples:
    """Return the examples in a file: one for a picture, as many as there are in an `.npy`.

    Args:
        network: what they are for.
        file: PNG, JPEG …, or `.npy`; or what is in such a file.
        invert: swap light and dark in pictures; recognized from the picture unless given.
        like: the dataset as whose images a picture is framed.
        name: what messages call it; its path unless given.

    Raises:
        DataError: when the file is missing, damaged, or does not fit.
    """
    name = name or ("the data" if isinstance(file, bytes) else str(file))
    numpy = file.startswith(b"\x93NUMPY") if isinstance(file, bytes) else Path(file).suffix.lower() == ".npy"
    if numpy:
        return Examples(datasets.read_examples(file, network.input, network.tokens, name=name))
    if not takes_pictures(network):
        _refuse(network, file, name)
    picture = datasets.read_picture(file, image_shape(network), invert=invert, like=like, name=name)
    return Examples(picture.pixels[None], like.name if like and picture.framed else "", picture.notes)


def _refuse(network: Network, file: Path | str | bytes, name: str) -> NoReturn:
    """Raise DataError for what is no `.npy` file, and say what the network takes, which is no pictures."""
    shape = network.input
    sizes = ", ".join(map(str, shape))
    if not isinstance(file, bytes) and kind_of(Path(file), DataError) is None:
        raise DataError(f"{name} does not exist", f"give the path of an .npy file of the shape (N, {sizes})")
    if network.tokens:
        raise DataError(
            f"{name}: the network reads token numbers, not pictures or text",
            f"give an .npy file of whole numbers below {network.tokens:,}, of the shape (N, {sizes})",
        )
    fix = f"give an .npy file of the shape (N, {sizes}): np.save('x.npy', x)"
    if len(shape) == 1 and Path(name).suffix.lower() == ".csv":
        fix = (
            f"np.save('x.npy', np.loadtxt({name!r}, 'float32', delimiter=',', skiprows=1, usecols=range({shape[0]}))) "
            "makes one of its first columns"
        )
    what = "rows of numbers" if len(shape) == 1 else "sequences"
    raise DataError(
        f"{name}: the network reads {what}, {shape_text(shape)} an example, from an .npy file; this is none", fix
    )
