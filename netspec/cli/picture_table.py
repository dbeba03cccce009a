"""What `netspec data show` prints of a folder or an archive of pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netspec.cli.output import print_table, say
from netspec.data.picture_facts import PictureFacts, picture_facts
from netspec.diagnostics.diagnostic import plural
from netspec.terminal.numbers import percent
from netspec.terminal.progress import Progress

__all__ = ["show_pictures"]

_SHOWN = 5


def show_pictures(path: Path, name: str, target: Path) -> None:
    """Print what there is in a folder or an archive of pictures, and draw some of them.

    Args:
        path: of it.
        name: as it was given.
        target: the PNG file.
    """
    import numpy as np  # noqa: PLC0415

    from netspec import report  # noqa: PLC0415

    with Progress(quiet=False) as progress:
        facts = picture_facts(path, name, progress.download)
    pictures = facts.pictures
    for notice in pictures.notices:
        say(f"note: {notice}")
    say(f"{name}: {_parts(facts)}")
    if pictures.classes:
        _print_classes(facts)
    if facts.values:
        total = sum(facts.values.values())
        shares = ", ".join(f"{value} {percent(count / total)}" for value, count in sorted(facts.values.items())[:20])
        say(f"values in masks: {shares}" + (", …" if len(facts.values) > 20 else ""))
    sizes = _sizes(facts)
    say(sizes)
    for what, said in (
        ("cannot be read", facts.bad),
        ("in several parts", [" = ".join(file for _, file in group) for group in facts.across()]),
        (
            "there twice within a part",
            [" = ".join(f for _, f in group) for group in facts.twice if group not in facts.across()],
        ),
    ):
        if said:
            say(f"{what}: {len(said):,}")
            for line in said[:_SHOWN]:
                say(f"  {line}")
            if len(said) > _SHOWN:
                say(f"  and {len(said) - _SHOWN:,} more")
    if not len(facts.images):
        return
    train = pictures.train
    if pictures.classes:
        labels = np.asarray(train.labels)
        test = pictures.parts.get("test")
        say(
            report.draw_dataset(
                name,
                facts.images,
                labels[facts.drawn],
                pictures.classes,
                np.asarray(test.labels) if test else None,
                target,
                counted=labels,
                fact=sizes,
            )
        )
    else:
        names = [Path(train.files[at]).name for at in facts.drawn]
        say(report.draw_grid(facts.images, names, target, title=name, subtitle=_parts(facts)))


def _parts(facts: PictureFacts) -> str:
    """Return how many pictures each part has."""
    counts = [f"{len(part.files):,} in {name}" for name, part in facts.pictures.parts.items()]
    total = sum(len(part.files) for part in facts.pictures.parts.values())
    masks = " with masks" if facts.pictures.has_masks else ""
    each = f" ({', '.join(counts)})" if len(counts) > 1 else ""
    return f"{plural(total, 'picture')}{masks}{each}"


def _print_classes(facts: PictureFacts) -> None:
    pictures = facts.pictures
    parts = {name: Counter(part.labels) for name, part in pictures.parts.items()}
    total = sum(sum(counts.values()) for counts in parts.values())
    rows = [
        (
            name,
            *(f"{counts[number]:,}" for counts in parts.values()),
            percent(sum(counts[number] for counts in parts.values()) / total),
        )
        for number, name in enumerate(pictures.classes)
    ]
    heads = [*parts] if len(parts) > 1 else ["pictures"]
    print_table([("class", False), *((head, True) for head in heads), ("share", True)], rows)


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
