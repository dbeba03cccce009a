"""Groups of files: those whose names are equal where a pattern says it stay on one side of a division."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.recipe.group_names import group_of
from netspec.sources.files.kinds import FileKind

__all__ = ["groups_of", "require_apart"]


def groups_of(
    name: str, parts: Mapping[str, Sequence[str]], depth: int, pattern: str, kind: FileKind
) -> dict[str, list[str]]:
    """Return the group of each file of each part.

    Args:
        name: what messages call the data.
        parts: the files of each part.
        depth: in how many folders they lie, of which the pattern says nothing.
        pattern: what `group` says.
        kind: what they are.

    Raises:
        DataError: the name of a file is not as the pattern says.
    """
    groups: dict[str, list[str]] = {}
    odd: list[str] = []
    for part, files in parts.items():
        found = [group_of(pattern, "/".join(file.split("/")[depth:])) for file in files]
        odd += [file for file, group in zip(files, found, strict=True) if group is None]
        groups[part] = [group or "" for group in found]
    if odd:
        count = sum(map(len, parts.values()))
        raise DataError(
            f"{plural(len(odd), kind.one)} of {count:,} in {name} {'has' if len(odd) == 1 else 'have'} no group by "
            f'`group "{pattern}"`, such as {odd[0]}',
            'in the pattern {} stands for the group and * for anything: "{}_*" is what stands before the first _ of a '
            'name, "{}/*" a folder in that of the class',
        )
    return groups


def require_apart(groups: Mapping[str, Sequence[str]], shown: Mapping[str, Sequence[str]], name: str) -> None:
    """Raise DataError where examples of one group are in two parts that the data has of its own.

    Args:
        groups: the group of each example of each part.
        shown: what messages call each.
        name: of the data.
    """
    seen: dict[str, tuple[str, str]] = {}
    for part, own in groups.items():
        for group, example in zip(own, shown[part], strict=True):
            other, first = seen.setdefault(group, (part, example))
            if other != part:
                raise DataError(
                    f"{name} has the group {group!r} in two parts of its own: {first} is for {_for(other)}, "
                    f"{example} for {_for(part)}",
                    "move all of it into one of them, or leave `group` out",
                )


def _for(part: str) -> str:
    return {"train": "training", "test": "the test"}.get(part, "validation")
