"""Folders and archives of sounds: what is looked for in them, and which `sound` line goes with the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.recipe.sound_settings import as_spectrogram
from netspec.sources.files.kinds import PICTURES, SOUNDS
from netspec.sources.files.libsndfile import INSTALL, SoundfileMissingError
from netspec.sources.files.sound_headers import SoundHeader, header_of
from netspec.sources.trees import Tree, is_archive, open_tree
from netspec.system.files import kind_of

__all__ = ["Measured", "are_sounds", "line_for", "measured", "of_other_forms"]

_OTHERS = frozenset((".m4a", ".aac", ".wma", ".webm", ".amr", ".ac3", ".ape", ".caf"))
_LOOKED_AT = 200
_MOST_SECONDS = 10.0
"""Of an example, where nobody says it: more takes long."""
_COVERED = 0.9
"""So many of the files are not longer than the length that is proposed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What some of the files say of themselves.

    Attributes:
        rate: samples a second that most have.
        rates: how many files have each.
        seconds: a length of an example that most are not longer than.
        longest: the length of the longest, in seconds.
        lengths: of all that were looked at, in order.
        unread: how many could not be read.
    """

    rate: int
    rates: Counter[int]
    seconds: float
    longest: float
    lengths: tuple[float, ...] = ()
    unread: int = 0

    def said_of_cut(self, seconds: float) -> str:
        """Return how many are longer than an example; empty where none is."""
        longer = sum(length > 1.01 * seconds for length in self.lengths)
        if not longer:
            return ""
        are = "is" if longer == 1 else "are"
        return f"{longer:,} of {plural(len(self.lengths), 'sound')} {are} longer than {seconds:g} s, and read in part"


def are_sounds(path: Path) -> bool:
    """Return whether a folder or an archive has sounds in it, and no more pictures than these."""
    kind = kind_of(path, DataError)
    if kind != "folder" and not (kind == "file" and is_archive(path.name)):
        return False
    with open_tree(path, str(path)) as tree:
        endings = Counter(PurePosixPath(file).suffix.lower() for file in tree.files)
    found, pictures = (sum(endings[each] for each in kind.endings) for kind in (SOUNDS, PICTURES))
    return found > pictures


def measured(tree: Tree, files: Sequence[str]) -> Measured | None:
    """Return what some of the files say of their rates and lengths; None where none can be read.

    Raises:
        SoundfileMissingError: some are read by a library that is not installed.
    """
    some = files[:: max(1, len(files) // _LOOKED_AT)]
    found = list(_headers(tree, some))
    if not found:
        return None
    rates = Counter(wav.rate for wav in found)
    lengths = sorted(wav.seconds for wav in found)
    usual = lengths[min(len(lengths) - 1, int(_COVERED * len(lengths)))]
    # Two digits are enough, rounded up: 0.98 s of 16,000 Hz is 1 s.
    shown = float(f"{usual:.2g}")
    seconds = shown if shown >= usual or usual - shown < 0.005 * usual else float(f"{1.05 * usual:.2g}")
    rate = max(rates, key=lambda rate: (rates[rate], rate))
    return Measured(rate, rates, min(seconds, _MOST_SECONDS), lengths[-1], tuple(lengths), len(some) - len(found))


def _headers(tree: Tree, files: Sequence[str]) -> Iterator[SoundHeader]:
    for at, read in tree.each(files):
        try:
            yield header_of(read(), tree.shown(files[at]))
        except SoundfileMissingError:
            raise
        except DataError:
            continue  # what cannot be read is said, or left out, when all are read


def line_for(tree: Tree) -> str:
    """Return the `data` line that goes with the sounds in a tree, and what it is made of."""
    files = [file for file in tree.files if PurePosixPath(file).suffix.lower() in SOUNDS.endings]
    try:
        facts = measured(tree, files)
    except SoundfileMissingError:
        return f"{INSTALL}; then say how they become examples: `sound 16000 seconds=1 mel=40`"
    if facts is None:
        return "say how they become examples: `sound 16000 seconds=1 mel=40`"
    # As the spec names them, if it does; of a path from elsewhere as one beside them would.
    own = PurePosixPath(tree.name).name if PurePath(tree.name).is_absolute() else tree.name
    line = f'data "{own}" {{ {as_spectrogram(facts.rate, max(facts.seconds, 0.1)).shortest} }}'
    has = f"most have {facts.rate:,} samples a second, and the longest is of {facts.longest:.3g} s"
    return f"say how they become examples: `{line}`, or without `mel` for waveforms; {has}"


def of_other_forms(files: Sequence[str]) -> str:
    """Return what to say of sounds that are not read, beside those that are; empty where there are none."""
    counts = Counter(PurePosixPath(file).suffix.lower() for file in files)
    others = {ending: counts[ending] for ending in sorted(_OTHERS & set(counts))}
    if not others:
        return ""
    said = ", ".join(f"{plural(count, f'{ending} file')}" for ending, count in others.items())
    return f"{said} {'is' if sum(others.values()) == 1 else 'are'} not read: `ffmpeg` makes FLAC files of them"
