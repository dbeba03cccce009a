"""Entities that the labels of words mark: `B-PER` begins a person, `I-PER` goes on with it, `O` is in none.

What they are, and when one is right, is as in the evaluation of CoNLL-2003 and in seqeval: an entity is right if its
kind, its first word and its last one are. So IOB1, IOB2, BIOES and BILOU are read, and every sequence of labels says
something: `I-PER` behind `O` begins a person too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Entity", "EntityCounts", "EntityScores", "entities_of", "mark_entities"]

_LABEL = re.compile(r"O|[BIESLU](-.+)?", re.DOTALL)
_BEGINS, _ENDS = {"B", "S", "U"}, {"E", "S", "L", "U"}
"""With which letters an entity begins in any case, and with which it ends."""


class Entity(NamedTuple):
    """An entity: its kind, empty where labels name none, its first word and the one behind its last."""

    kind: str
    begin: int
    end: int


def mark_entities(labels: Iterable[str]) -> bool:
    """Return whether labels mark entities: each is O, or a letter as B and I, and mostly a kind, as in B-PER."""
    known = list(labels)
    return all(map(_LABEL.fullmatch, known)) and any(label[0] in "BI" for label in known)


def entities_of(labels: Sequence[str]) -> list[Entity]:
    """Return the entities that the labels of the words of a sentence mark, in their order."""
    found: list[Entity] = []
    begin, open_kind, before = 0, "", "O"
    for at, label in enumerate((*labels, "O")):
        mark, _, kind = label.partition("-")
        goes_on = before not in {"O", *_ENDS} and mark not in {"O", *_BEGINS} and kind == open_kind
        if before != "O" and not goes_on:
            found.append(Entity(open_kind, begin, at))
        if not goes_on:
            begin, open_kind = at, kind
        before = mark
    return found


class EntityScores(NamedTuple):
    """How the entities of a kind were found: how many there are, how many were predicted, how many of those are right.

    A share of nothing is None.
    """

    kind: str
    there: int
    predicted: int
    right: int

    @property
    def precision(self) -> float | None:
        """Of those that were predicted, the share that is right."""
        return self.right / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Of those that there are, the share that was found."""
        return self.right / self.there if self.there else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both."""
        both = self.there + self.predicted
        return 2 * self.right / both if both else None


@dataclass(slots=True)
class EntityCounts:
    """Entities of sentences, counted by kind: those there are, those that were predicted, and those that are right."""

    there: Counter[str] = field(default_factory=Counter)
    predicted: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, true: Sequence[str], predicted: Sequence[str]) -> None:
        """Add a sentence by its labels."""
        known, found = entities_of(true), entities_of(predicted)
        self.there.update(entity.kind for entity in known)
        self.predicted.update(entity.kind for entity in found)
        self.right.update(entity.kind for entity in {*known} & {*found})

    def each(self) -> list[EntityScores]:
        """Return the scores of each kind, in the order of their names; none where labels name no kinds."""
        kinds = sorted({*self.there, *self.predicted} - {""})
        return [EntityScores(kind, self.there[kind], self.predicted[kind], self.right[kind]) for kind in kinds]

    def all(self) -> EntityScores:
        """Return the scores of all entities together (micro)."""
        return EntityScores("all", self.there.total(), self.predicted.total(), self.right.total())
