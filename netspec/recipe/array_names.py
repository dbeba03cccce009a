"""How the arrays of a dataset are called: `photo_train`, `kind_test`, `kind_val`.

The only input may be called `x`, the only target `y`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.suggest import nearest
from netspec.recipe.array_facts import Wrong

__all__ = ["SPLITS", "VALIDATION", "ArrayNames", "Keys"]

SPLITS = ("train", "test")
"""The parts that every dataset has."""

VALIDATION = "val"
"""The part that it may have: else `validation` in a spec takes it from the training part."""

Keys: TypeAlias = "dict[tuple[str, str], str]"
"""What each array is called, by the name of its input or target and its part."""


@dataclass(frozen=True, slots=True)
class ArrayNames:
    """What the arrays of each input and of each target of a network may be called.

    Attributes:
        inputs: the names, each with the short one that it may have too, else nothing.
        targets: likewise.
    """

    inputs: Mapping[str, str]
    targets: Mapping[str, str]

    @classmethod
    def of(cls, inputs: Collection[str], targets: Collection[str]) -> ArrayNames:
        """Return those of a network with these inputs and targets."""
        short_x, short_y = ("x" if len(inputs) == 1 else ""), ("y" if len(targets) == 1 else "")
        return cls(dict.fromkeys(inputs, short_x), dict.fromkeys(targets, short_y))

    @property
    def shorts(self) -> dict[str, str]:
        """The short name of each, inputs before targets."""
        return {**self.inputs, **self.targets}

    @property
    def is_plain(self) -> bool:
        """Whether there is one input and one target."""
        return len(self.inputs) == len(self.targets) == 1

    def shown(self) -> tuple[str, ...]:
        """Return how the arrays are usually called: `photo_train`, …, `age_test`."""
        return tuple(f"{short or own}_{split}" for split in SPLITS for own, short in self.shorts.items())

    def possible(self) -> list[str]:
        """Return all that an array may be called."""
        names = [name for own, short in self.shorts.items() for name in (short, own) if name]
        return [f"{name}_{split}" for name in dict.fromkeys(names) for split in (*SPLITS, VALIDATION)]

    def chosen(self, there: Collection[str]) -> tuple[Keys, list[str]]:
        """Return the keys among those that are there, and the arrays that are missing, by their usual names.

        Arrays for validation are missing where some of them are there.
        """
        keys: Keys = {}
        for split in (*SPLITS, VALIDATION):
            for own, short in self.shorts.items():
                found = next((key for name in (short, own) if name and (key := f"{name}_{split}") in there), None)
                if found is not None:
                    keys[own, split] = found
        wanted = [*SPLITS, VALIDATION] if any(split == VALIDATION for _, split in keys) else [*SPLITS]
        lacking = [(own, split) for split in wanted for own in self.shorts if (own, split) not in keys]
        return keys, [f"{self.shorts[own] or own}_{split}" for own, split in lacking]

    def both(self, keys: Keys, part: float, name: str) -> Wrong:
        """Return what is wrong where `validation` takes examples, and the data has some for it."""
        given = [key for (_, split), key in keys.items() if split == VALIDATION]
        return (
            f"`validation {part}` takes examples for validation out of the training set, but {name} has some of its "
            f"own: {listing(given, 'and')}",
            "leave `validation` out of the spec, or those arrays out of the data",
        )

    def lacks(self, missing: str, there: Collection[object], where: str) -> Wrong:
        """Return that an array is missing among some, and what would be right."""
        if missing.endswith(f"_{VALIDATION}"):
            found = [key for key in self.possible() if key in there and key.endswith(f"_{VALIDATION}")]
            return f"{where} lacks {missing}", f"{listing(found, 'and')} is for validation: give all of these, or none"
        taken = f"it takes {listing(self.shown(), 'and')}"
        near = nearest(missing, [key for key in there if isinstance(key, str) and key not in self.possible()])
        return f"{where} lacks {missing}", f"{taken}; did you mean it by {near}?" if near else taken
