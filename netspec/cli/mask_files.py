"""Masks as pictures: for each picture a PNG file of its size, with the values that the masks had in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from netspec.diagnostics.diagnostic import RunError
from netspec.system.files import atomic_path, kind_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.workflows.example_files import Examples
    from netspec.workflows.trained import Run

__all__ = ["mask_files", "mask_values", "names_folder"]

Write: TypeAlias = "Callable[[Sequence[str], Examples], None]"
"""Takes the names of some examples and the examples."""


def names_folder(out: str | None) -> bool:
    """Return whether what is written goes into a folder: one that is there, or a name with a slash behind it."""
    return out is not None and (out.endswith("/") or kind_of(Path(out), RunError) == "folder")


@contextmanager
def mask_files(out: Path, run: Run, roots: Sequence[Path], threshold: float | None = None) -> Iterator[Write]:
    """Give what writes the mask of each example as a PNG file into a folder.

    Args:
        out: the folder, which is made where it is not there.
        run: the model that answers.
        roots: the folders and archives that are read: names of files are those below them.
        threshold: from which probability on a pixel is of the second of two classes.

    Raises:
        RunError: the model says nothing of each pixel, or a file cannot be written.
    """
    shape = run.model.graph.shape(run.model.graph.output) if len(run.model.graph.outputs) == 1 else ()
    if len(shape) != 3 or not run.gives_probabilities:
        message = f"cannot write {out}: it is a folder, for masks, and the model says nothing of each pixel"
        raise RunError(message, f"name a file: -o {out / 'answers.csv'}")
    values, written = mask_values(run), dict[Path, str]()

    def write(names: Sequence[str], given: Examples) -> None:
        scores = run.probabilities(given.array)
        for at, (name, each) in enumerate(zip(names, scores, strict=True)):
            target = out / _own_name(name, roots)
            if target in written:
                message = f"{written[target]} and {name} would both be written to {target}"
                raise RunError(message, "predict each of them into a folder of its own")
            if target.resolve() == Path(name).resolve():
                raise RunError(f"the mask of {name} would take its place", "name another folder")
            written[target] = name
            own = given.sizes[at] if given.sizes else (each.shape[2], each.shape[1])
            _save(target, _classes(each, own, run, threshold), values)

    try:
        out.mkdir(parents=True, exist_ok=True)
        yield write
    except BrokenPipeError:
        raise  # of what is printed meanwhile
    except OSError as error:
        raise RunError(f"cannot write into {out}: {error.strerror or error}", "choose another folder") from error


def mask_values(run: Run) -> tuple[int, ...]:
    """Return the value of each class in masks: as in training; without masks of files 0 and 255 for two classes."""
    known = run.preparation.mask_values if run.preparation else ()
    classes = max(run.model.graph.shape(run.model.graph.output)[0], 2)
    if known:
        return known
    return (0, 255) if classes == 2 and not run.resize else tuple(range(classes))


def _own_name(name: str, roots: Sequence[Path]) -> Path:
    """Return the name of a mask: that of the picture below the folder that was read; `new_0.png` of `new.npy[0]`."""
    plain, bracket, number = name.partition("[")
    if bracket and number.endswith("]") and number[:-1].isdigit():
        return Path(f"{PurePosixPath(plain).stem}_{number[:-1]}.png")
    root = next((f"{root}/" for root in roots if name.startswith(f"{root}/")), None)
    inside = PurePosixPath(name[len(root) :] if root else PurePosixPath(name).name)
    return Path(*(part for part in inside.parts if part not in {"..", "/"})).with_suffix(".png")


def _classes(scores: NDArray[Any], own: tuple[int, int], run: Run, threshold: float | None) -> NDArray[Any]:
    """Return the class of each pixel of a picture, (H, W), from scores (K, h, w) at the size of the network."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    from netspec.data.files.picture_files import geometry  # noqa: PLC0415

    size = scores.shape[1:]
    if own == (size[1], size[0]):
        return _chosen(scores, threshold)
    inner, box = geometry(own, (size[0], size[1]), run.resize or "crop")
    left, top = (size[1] - inner[0]) // 2, (size[0] - inner[1]) // 2
    begin, end = (round(box[0]), round(box[1])), (round(box[2]), round(box[3]))
    wide, high = max(1, end[0] - begin[0]), max(1, end[1] - begin[1])
    seen = scores[:, max(0, top) : max(0, top) + inner[1], max(0, left) : max(0, left) + inner[0]].astype(np.float32)
    scaled = np.stack(
        [np.asarray(Image.fromarray(each).resize((wide, high), Image.Resampling.BILINEAR)) for each in seen]
    )
    # What `resize crop` cut off was not seen: it is of the first class.
    found = np.zeros((own[1], own[0]), np.int64)
    found[begin[1] : begin[1] + high, begin[0] : begin[0] + wide] = _chosen(scaled, threshold)
    return found


def _chosen(scores: NDArray[Any], threshold: float | None) -> NDArray[Any]:
    found: NDArray[Any] = scores.argmax(axis=0)
    return (scores[1] >= threshold).astype(found.dtype) if threshold is not None and len(scores) == 2 else found


def _save(target: Path, classes: NDArray[Any], values: Sequence[int]) -> None:
    """Write a mask: grey values as they are, also those of 16 bits; colors as colors."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    pixels = np.asarray(values, np.int64)[classes]
    if max(values) < 256:
        picture = Image.fromarray(pixels.astype(np.uint8))
    elif max(values) < 65536:
        picture = Image.fromarray(pixels.astype(np.uint16))
    else:
        picture = Image.fromarray(np.stack([pixels >> 16, pixels >> 8 & 255, pixels & 255], axis=-1).astype(np.uint8))
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        picture.save(temporary, format="PNG")
