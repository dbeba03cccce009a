"""Where the data of a spec may lie: in the folder of the spec, and not behind a link that leads out of it."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.catalog import find

__all__ = ["OutsideError", "require_inside"]


class OutsideError(DataError):
    """A path of a spec that leads outside its folder by a link."""


def require_inside(name: str, folder: Path) -> None:
    """Raise OutsideError where a path that a spec names is a link that leads outside its folder; nothing is read.

    A path that is outside by its own words was refused where it stands.

    Args:
        name: of a built-in dataset, or a path.
        folder: of the spec.
    """
    if find(name) or ".." in Path(name).parts or Path(name).is_absolute():
        return
    try:
        inside = (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{name} cannot be looked for: {error}".splitlines()[0], "name a file") from None
    if not inside:
        raise OutsideError(
            f"{name} is a link that leads outside the spec's folder",
            "put the file beside the spec, or give it with --data PATH",
        )
