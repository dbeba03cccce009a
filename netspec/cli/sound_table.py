"""What `netspec data show` prints of a folder or an archive of sounds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from netspec.cli.file_table import draw_files, parts_text, print_classes, print_odd, twice_of
from netspec.cli.output import say
from netspec.data.files.sound_facts import SoundFacts, sound_facts
from netspec.terminal.progress import Progress

__all__ = ["show_sounds"]


def show_sounds(path: Path, name: str, target: Path) -> None:
    """Print what there is in a folder or an archive of sounds, and draw some of them.

    Args:
        path: of it.
        name: as it was given.
        target: the PNG file.
    """
    with Progress(quiet=False) as progress:
        facts = sound_facts(path, name, progress.download)
    for notice in facts.found.notices:
        say(f"note: {notice}")
    say(f"{name}: {parts_text(facts.found, 'sound')}")
    if facts.found.classes:
        print_classes(facts.found, "sounds")
    form = _form(facts)
    for line in form:
        say(line)
    print_odd(
        [
            ("cannot be read", facts.bad),
            ("silent", facts.silent),
            ("clipped: cut off at full scale", facts.clipped),
            *twice_of(facts.twice),
        ]
    )
    draw_files(name, facts.found, facts.images, facts.drawn, target, "sound", "; ".join(form))


def _form(facts: SoundFacts) -> list[str]:
    """Return how long the sounds are, and how they are written."""
    lengths = facts.seconds
    if not lengths:
        return ["none can be read"]
    middle = lengths[len(lengths) // 2]
    alike = lengths[-1] - lengths[0] < 1e-9
    most = lengths[min(len(lengths) - 1, int(0.9 * len(lengths)))]
    spread = f"{lengths[0]:.3g} to {lengths[-1]:.3g} s, half of them at most {middle:.3g} s, 90 % at most {most:.3g} s"
    channels = {number: {1: "mono", 2: "stereo"}.get(number, f"{number} channels") for number in facts.channels}
    named = Counter({channels[number]: count for number, count in facts.channels.items()})
    return [
        f"length: {f'all {middle:.3g} s' if alike else spread}",
        f"samples a second: {_counted(facts.rates)}; {_counted(named)}; {_counted(facts.forms)}",
    ]


def _counted(counts: Counter[Any]) -> str:
    """Return what there is, the most frequent first; with how often where there are several."""
    shown = {key: f"{key:,}" if isinstance(key, int) else str(key) for key in counts}
    if len(counts) == 1:
        return next(iter(shown.values()))
    said = [f"{shown[key]} ({count:,})" for key, count in counts.most_common(5)]
    return ", ".join([*said, *(["…"] if len(counts) > 5 else [])])
