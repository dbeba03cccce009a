"""What `netspec data show` prints of a folder or an archive of pictures."""

from __future__ import annotations

from pathlib import Path

from netspec.cli.file_table import draw_files, parts_text, print_classes, print_odd, twice_of
from netspec.cli.output import say
from netspec.data.files.picture_facts import PictureFacts, picture_facts
from netspec.terminal.numbers import percent
from netspec.terminal.progress import Progress

__all__ = ["show_pictures"]


def show_pictures(path: Path, name: str, target: Path) -> None:
    """Print what there is in a folder or an archive of pictures, and draw some of them.

    Args:
        path: of it.
        name: as it was given.
        target: the PNG file.
    """
    with Progress(quiet=False) as progress:
        facts = picture_facts(path, name, progress.download)
    pictures = facts.pictures
    for notice in pictures.notices:
        say(f"note: {notice}")
    say(f"{name}: {parts_text(pictures, 'picture')}")
    if pictures.classes:
        print_classes(pictures, "pictures")
    if facts.values:
        total = sum(facts.values.values())
        shares = ", ".join(f"{value} {percent(count / total)}" for value, count in sorted(facts.values.items())[:20])
        say(f"values in masks: {shares}" + (", …" if len(facts.values) > 20 else ""))
    sizes = _sizes(facts)
    say(sizes)
    print_odd([("cannot be read", facts.bad), *twice_of(facts.twice)])
    draw_files(name, pictures, facts.images, facts.drawn, target, "picture", sizes)


def _sizes(facts: PictureFacts) -> str:
    """Return what sizes the pictures have, width x height."""
    sizes = facts.sizes
    if not sizes:
        return "sizes: none can be read"
    kind = (
        "grey" if facts.grey == sum(sizes.values()) else "color" if not facts.grey else f"{facts.grey:,} of them grey"
    )
    if len(sizes) == 1:
        ((width, height),) = sizes
        return f"sizes (width x height): all {width}x{height}, {kind}"
    wide, high = ([size[axis] for size in sizes] for axis in (0, 1))
    (usual, count), *_ = sizes.most_common(1)
    return (
        f"sizes (width x height): {len(sizes):,} different, {min(wide)}x{min(high)} to {max(wide)}x{max(high)}, most "
        f"often {usual[0]}x{usual[1]} ({count:,}), {kind}"
    )
