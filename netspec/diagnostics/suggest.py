"""Suggestions: the word that a writer most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

__all__ = ["nearest"]

_CUTOFF = 0.7
"""How much alike two words must be, in shares of their letters."""

_TIES = 0.06
"""A name of the writer's own is proposed before a word of the language that is no closer than this."""


def nearest(word: str, *groups: Iterable[str]) -> str | None:
    """Return the candidate the writer most likely meant, of an earlier group rather than of a later one; None if far.

    Of candidates that are equally close the first one is returned, which is the canonical spelling.
    """
    # Few checks have a mistake of this kind.
    from difflib import SequenceMatcher  # noqa: PLC0415

    folded = _folded(word)
    found, best = None, _CUTOFF
    matcher = SequenceMatcher(b=folded)
    for group in groups:
        # Of tens of thousands of names the first are looked at.
        for candidate in islice(group, 2_000):
            other = _folded(candidate)
            matcher.set_seq1(other)
            if not folded.startswith(other) and (matcher.real_quick_ratio() < best or matcher.quick_ratio() < best):
                continue
            # The same letters in another order are a slip of the fingers: `adma` is `adam` rather than `adamax`.
            ratio = max(matcher.ratio(), 0.9 * (len(other) > 2 and sorted(other) == sorted(folded)))
            # What others write out is short here: `padding` is `pad`.
            ratio = max(ratio, 0.75 * (len(other) > 2 and folded.startswith(other)))
            if ratio >= _CUTOFF and (found is None or ratio > best):
                found, best = candidate, ratio
        best += _TIES if found else 0
    return found


def _folded(word: str) -> str:
    return word.lower().replace("_", "")
