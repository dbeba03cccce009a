"""How the arrays of a dataset are called: `photo_train`, `kind_test`, `kind_val`; `X` and `y` where it has no parts.

The only input may be called `x`, the only target `y`, or by another usual name; letters may be large or small. A spec
may say which arrays it means: `data "f.npz" { columns spectra; target species }`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeAlias

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.suggest import nearest
from netspec.recipe.array_facts import Wrong

__all__ = ["CLASS_NAMES", "SPLITS", "VALIDATION", "X_NAMES", "Y_NAMES", "ArrayNames", "Keys"]

SPLITS = ("train", "test")
"""The parts that every dataset has; where it has no arrays for the test, examples are drawn for it."""

VALIDATION = "val"
"""The part that it may have: else `validation` in a spec takes it from the training part."""

X_NAMES = ("x", "data", "images", "features", "inputs", "input", "examples")
"""What the only input may be called."""

Y_NAMES = ("y", "labels", "label", "target", "targets", "classes", "masks")
"""What the only target may be called."""

CLASS_NAMES = ("class_names", "target_names", "label_names")
"""What the array of the names of the classes may be called."""

_PARTS = {"train": ("train", "training"), "test": ("test", "testing"), "val": ("val", "valid", "validation", "dev")}
"""How people call the parts."""

_SHOWN = 10

Keys: TypeAlias = "dict[tuple[str, str], str]"
"""What each array is called, by the name of its input or target and its part; without `test` that is to be drawn."""


@dataclass(frozen=True, slots=True)
class ArrayNames:
    """What the arrays of each input and of each target of a network may be called.

    Attributes:
        inputs: the names, each with the short one that it may have too, else nothing.
        targets: likewise.
        said: what the spec calls the array of an input or target.
    """

    inputs: Mapping[str, str]
    targets: Mapping[str, str]
    said: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        inputs: Collection[str],
        targets: Collection[str],
        columns: Sequence[str] = (),
        target: Sequence[str] = (),
    ) -> ArrayNames:
        """Return those of a network with these inputs and targets.

        Args:
            inputs: the names of them.
            targets: likewise.
            columns: the array that the spec says the only input is in.
            target: likewise of the only target.
        """
        short_x, short_y = ("x" if len(inputs) == 1 else ""), ("y" if len(targets) == 1 else "")
        said = {}
        for names, words in ((inputs, columns), (targets, target)):
            if len(names) == 1 and len(words) == 1:
                said[next(iter(names))] = words[0]
        return cls(dict.fromkeys(inputs, short_x), dict.fromkeys(targets, short_y), said)

    @property
    def shorts(self) -> dict[str, str]:
        """The short name of each, inputs before targets."""
        return {**self.inputs, **self.targets}

    @property
    def is_plain(self) -> bool:
        """Whether there is one input and one target."""
        return len(self.inputs) == len(self.targets) == 1

    def without_targets(self) -> ArrayNames:
        """Return those of the inputs alone."""
        return ArrayNames(self.inputs, {}, {own: said for own, said in self.said.items() if own in self.inputs})

    def shown(self) -> tuple[str, ...]:
        """Return how the arrays are usually called: `photo_train`, …, `age_test`."""
        return tuple(f"{self._shown(own)}_{split}" for split in SPLITS for own in self.shorts)

    def whole(self) -> tuple[str, ...]:
        """Return how they are called where there are no parts: `x` and `y`."""
        return tuple(map(self._shown, self.shorts))

    def _shown(self, own: str) -> str:
        return self.said.get(own) or self.shorts[own] or own

    def possible(self) -> list[str]:
        """Return all that an array of a part is usually called."""
        names = [name for own, short in self.shorts.items() for name in (short, own) if name]
        return [f"{name}_{split}" for name in dict.fromkeys(names) for split in (*SPLITS, VALIDATION)]

    def chosen(self, there: Collection[str]) -> tuple[Keys, list[str]]:
        """Return the keys among those that are there, and the arrays that are missing, by their usual names.

        Arrays for the test and for validation are missing where some of them are there.
        """
        keys: Keys = {}
        spelled: dict[str, list[str]] = {}
        for key in there:
            spelled.setdefault(_plain(key), []).append(key)
        for split in (*SPLITS, VALIDATION):
            for own in self.shorts:
                found = self._key(own, split, there, spelled)
                if found is not None:
                    keys[own, split] = found
        whole = not any(split == "train" for _, split in keys)
        if whole:
            for own in self.shorts:
                found = self._key(own, "", there, spelled)
                if found is not None:
                    keys[own, "train"] = found
        parts = [s for s in (*SPLITS, VALIDATION) if s == "train" or any(split == s for _, split in keys)]
        lacking = [(own, split) for split in parts for own in self.shorts if (own, split) not in keys]
        if not keys:
            lacking = [(own, split) for split in SPLITS for own in self.shorts]
        elif not lacking and "test" not in parts:
            lacking = self._misspelt(keys, there)
        # Beside `x`, `y` is missing, and not `y_train`.
        whole = whole and any(split == "train" for _, split in keys)
        lost = [self._shown(own) + (f"_{split}" if split != "train" or not whole else "") for own, split in lacking]
        return keys, lost

    def _key(self, own: str, split: str, there: Collection[str], spelled: Mapping[str, list[str]]) -> str | None:
        """Return what the array of an input or target and a part is called; None where it is not there."""
        short, said = self.shorts[own], self.said.get(own)
        names = [said] if said else [name for name in (short, own) if name]
        usual = [f"{name}_{split}" if split else name for name in names]
        found = next((key for key in usual if key in there), None)
        if found is not None:
            return found
        letter = "x" if own in self.inputs else "y"
        if not said:
            names += [] if own == short else [f"{letter}_{own}"]
            names += {"x": X_NAMES, "y": Y_NAMES}.get(short, ())
        for name in dict.fromkeys(names):
            for part in _PARTS.get(split, ("",)):
                for form in (f"{name}_{part}", f"{part}_{name}"):
                    if keys := spelled.get(_plain(form)):
                        return keys[0]
                if part and not said and (keys := spelled.get(_plain(f"{letter}_{part}_{own}"))):
                    return keys[0]
        return None

    def passed_over(self, keys: Keys, there: Collection[str]) -> str:
        """Return what to say of arrays that are called as examples or targets are too, and are not read; or nothing."""
        said = []
        for names, letters in ((self.inputs, X_NAMES), (self.targets, Y_NAMES)):
            own = next(iter(names), "")
            others = [key for key in there if _plain(key) in letters and key not in keys.values()]
            if others and names[own] and own not in self.said and (own, "train") in keys:
                said.append(f"{keys[own, 'train']} is read, and not {listing(sorted(others), 'and')}")
        return "; ".join(said)

    def _misspelt(self, keys: Keys, there: Collection[str]) -> list[tuple[str, str]]:
        """Return the test arrays where one is there whose name is a mistake away from theirs."""
        others = [key for key in there if key not in keys.values()]
        if not any(_plain(key).endswith("train") for key in keys.values()):
            return []
        near = [own for own in self.shorts if nearest(f"{self._shown(own)}_test", others)]
        return [(own, "test") for own in self.shorts] if near else []

    def both(self, keys: Keys, part: float, name: str) -> Wrong:
        """Return what is wrong where `validation` takes examples, and the data has some for it."""
        given = [key for (_, split), key in keys.items() if split == VALIDATION]
        return (
            f"`validation {part}` takes examples for validation out of the training set, but {name} has some of its "
            f"own: {listing(given, 'and')}",
            "leave `validation` out of the spec, or those arrays out of the data",
        )

    def lacks(self, missing: Sequence[str], there: Collection[object], where: str, *, sayable: bool = False) -> Wrong:
        """Return that arrays are missing among some, and what would be right.

        Args:
            missing: what they are usually called.
            there: what is there, the largest first.
            where: what it is called.
            sayable: whether it is a file, of which the spec can say which arrays are meant.
        """
        first = missing[0]
        if first.endswith(f"_{VALIDATION}"):
            found = [key for key in self.possible() if key in there and key.endswith(f"_{VALIDATION}")]
            return f"{where} lacks {first}", f"{listing(found, 'and')} is for validation: give all of these, or none"
        keys, _ = self.chosen([key for key in there if isinstance(key, str)])
        others = [str(key)[:50] for key in there if key not in keys.values()]
        word = next((said for own, said in self.said.items() if (own, "train") not in keys), None)
        if word is not None:
            holds = listing(sorted(map(str, there))[:_SHOWN], "and") or "nothing"
            near = nearest(word, others)
            fix = f"did you mean {near}?" if near else "name one of them"
            return f"{where} has no array {word}; it holds {holds}", fix
        whole = listing(self.whole(), "and")
        taken = f"it takes {listing(self.shown(), 'and')}; or {whole}, of which examples are drawn for the test"
        near = nearest(first, [key for key in others if key not in self.possible()])
        if len(there) == 1 and where.lower().endswith(".npy"):
            name = PurePath(where).stem
            one = f"m = np.load('{name}.npy'); np.savez('{name}.npz', x=m[:, :-1], y=m[:, -1])"
            return f"{where} lacks {first}", f"put {first}.npy beside it; where its last column is learned: {one}"
        if near:
            taken = f"{taken}; did you mean it by {near}?"
        elif sayable and self.is_plain and others and not any(split == "test" for _, split in keys):
            taken = f"{taken}; of other names the spec says which they are: `{self._saying(keys, others)}`"
        shown = missing if self.is_plain else [first]
        holds = f"; it holds {listing(sorted(map(str, there))[:_SHOWN], 'and') or 'nothing'}" if sayable else ""
        return f"{where} lacks {listing(shown, 'and')}{holds}", taken

    def _saying(self, keys: Keys, others: Sequence[str]) -> str:
        """Return the settings that say which arrays are meant, the largest for the examples."""
        left = [name for name in others if _plain(name) not in {_plain(n) for n in CLASS_NAMES}] or [*others]
        settings = []
        for words, names in (("columns", self.inputs), ("target", self.targets)):
            own = next(iter(names), None)
            if own is not None and (own, "train") not in keys:
                name = left.pop(0) if left else "NAME"
                settings.append(f"{words} {name if name.isascii() and name.isidentifier() else repr(name)}")
        return "data … { " + "; ".join(settings).replace("'", '"') + " }"


def _plain(name: str) -> str:
    """Return a name as it is compared: without case, and without what stands between words."""
    return "".join(c for c in name.lower() if c not in "_-. ")
