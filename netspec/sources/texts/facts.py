"""Texts at a glance: how many of which class, how long they are, which words are frequent, what is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.recipe.file_names import is_text_name
from netspec.sources.files.kinds import ENDINGS
from netspec.sources.files.pictures import Labelled, pictures_of
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.texts.reading import read_text
from netspec.sources.texts.trees import TEXTS, holds_files, read_all
from netspec.sources.texts.vocabulary import pieces
from netspec.sources.trees import open_tree

__all__ = ["CUTS", "TextFacts", "are_texts", "length_for", "lengths_text", "text_facts"]

CUTS = (16, 32, 64, 128, 256, 512)
"""Lengths in tokens of which it is said how many texts are longer."""

_FREQUENT = 12


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What there is to see of texts.

    Attributes:
        classes: their names; none where the texts lie in no folders of classes.
        counts: how many texts of each class each part has, by the number of the class.
        lengths: how many words each text has, in order.
        characters: how many there are in all.
        frequent: the most frequent words and marks, and how often each is there.
        words: how many different ones there are.
        empty: the names of texts without any.
        twice: the parts and names of texts that are the same.
        notices: what was left out.
    """

    classes: tuple[str, ...]
    counts: Mapping[str, Counter[int]]
    lengths: Sequence[int]
    characters: int
    frequent: Sequence[tuple[str, int]]
    words: int
    empty: Sequence[str] = ()
    twice: Sequence[Sequence[tuple[str, str]]] = ()
    notices: tuple[str, ...] = ()

    @property
    def median(self) -> int:
        """The length of the text in the middle, in words."""
        return self.lengths[len(self.lengths) // 2]

    def share_above(self, length: int) -> float:
        """Return the share of texts with more words."""
        return sum(own > length for own in self.lengths) / len(self.lengths)


def are_texts(path: Path) -> bool:
    """Return whether data is a text by its name, or a folder or an archive of texts rather than pictures."""
    if is_text_name(path.name):
        return True
    if not holds_files(path):
        return False
    with open_tree(path, str(path)) as tree:
        endings = Counter(PurePosixPath(file).suffix.lower() for file in tree.files)
    texts = sum(endings[ending] for ending in TEXTS.endings)
    return texts > sum(count for ending, count in endings.items() if ending in ENDINGS)


def text_facts(path: Path, name: str, how: HowRead = AS_IT_IS) -> TextFacts:
    """Return what there is to see of a text, or of those in a folder or an archive; all are read.

    Raises:
        DataError: there are none, or they cannot be read.
    """
    if is_text_name(path.name):
        text = read_text(path, name, how=how)
        words = Counter(pieces("words", text))
        return TextFacts((), {"": Counter([0])}, [sum(words.values())], len(text), _most(words), len(words))
    same: dict[str, list[tuple[str, str]]] = {}
    words = Counter()
    lengths: list[int] = []
    empty: list[str] = []
    characters = 0
    with open_tree(path, name) as tree:
        loose = all("/" not in file for file in tree.files if PurePosixPath(file).suffix.lower() in TEXTS.endings)
        found = pictures_of(tree, labelled=not loose, kind=TEXTS)
        for part, labelled in found.parts.items():
            for file, text in zip(labelled.files, read_all(tree, labelled.files, how), strict=True):
                own = pieces("words", text)
                words.update(own)
                lengths.append(len(own))
                characters += len(text)
                if text:
                    same.setdefault(text, []).append((part, file))
                else:
                    empty.append(file)
        counts = {part: _counted(labelled) for part, labelled in found.parts.items()}
        notices = found.notices
    twice = [sorted(group) for group in same.values() if len(group) > 1]
    return TextFacts(
        found.classes, counts, sorted(lengths), characters, _most(words), len(words), empty, twice, notices
    )


def _counted(labelled: Labelled) -> Counter[int]:
    return Counter(labelled.labels or (0,) * len(labelled.files))


def _most(words: Counter[str]) -> list[tuple[str, int]]:
    ranked = sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))
    return ranked[:_FREQUENT]


def length_for(lengths: Sequence[int]) -> int:
    """Return a length that leaves at most one text of twenty cut off, as far as that is not long."""
    if not lengths:
        raise DataError("there are no texts", "give some")
    high = sorted(lengths)[max(0, round(0.95 * len(lengths)) - 1)]
    return next((cut for cut in CUTS if cut >= high), CUTS[-1])


def lengths_text(lengths: Sequence[int]) -> str:
    """Return how long texts are: `3 to 512 words, 40 in the median; 12 % have more than 128`."""
    ordered = sorted(lengths)
    said = f"{ordered[0]:,} to {plural(ordered[-1], 'word')}, {ordered[len(ordered) // 2]:,} in the median"
    shares = [(cut, sum(own > cut for own in ordered) / len(ordered)) for cut in CUTS]
    more = [f"{100 * share:.3g} % have more than {cut}" for cut, share in shares if share][-2:]
    return "; ".join([said, ", ".join(more)]) if more else said
