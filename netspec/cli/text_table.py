"""What `netspec data show` prints of texts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netspec.cli.file_table import print_odd
from netspec.cli.output import print_table, say
from netspec.diagnostics.diagnostic import plural
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.texts.facts import TextFacts, lengths_text, text_facts
from netspec.sources.texts.tagged import read_sentences
from netspec.terminal.numbers import percent

__all__ = ["show_sentences", "show_texts"]


def show_sentences(path: Path, name: str, how: HowRead = AS_IT_IS) -> None:
    """Print what there is to see of sentences with a label for each word.

    Args:
        path: of the file.
        name: as it was given.
        how: in which encoding.
    """
    found = read_sentences(path, name, how=how)
    words = [word for own in found.words for word in own]
    counts = Counter(label for own in found.labels for label in own)
    longest = max(map(len, found.words))
    said = f"{plural(len(words), 'word')} ({len(set(words)):,} different)"
    say(f"{name}: {plural(len(found.words), 'sentence')}, {said}, the longest of {longest}")
    sentences = Counter(label for own in found.labels for label in set(own))
    rows = [
        (label, f"{count:,}", percent(count / len(words)), f"{sentences[label]:,}")
        for label, count in counts.most_common()
    ]
    print_table([("label", False), ("words", True), ("share", True), ("sentences", True)], rows)
    twice = len(found.words) - len(set(found.words))
    if twice:
        say(f"there twice: {plural(twice, 'sentence')}, all equal ones are in one part")


def show_texts(path: Path, name: str, how: HowRead = AS_IT_IS) -> None:
    """Print what there is to see of a text, or of those in a folder or an archive.

    Args:
        path: of it.
        name: as it was given.
        how: in which encoding.
    """
    facts = text_facts(path, name, how)
    for notice in facts.notices:
        say(f"note: {notice}")
    counts = {part: sum(own.values()) for part, own in facts.counts.items()}
    total = sum(counts.values())
    each = ", ".join(f"{count:,} in {part}" for part, count in counts.items())
    of = f"{plural(total, 'text')}{f' ({each})' if len(counts) > 1 else ''}, " if "" not in counts else ""
    words = f"{plural(sum(facts.lengths), 'word')} ({facts.words:,} different)"
    say(f"{name}: {of}{words}, {plural(facts.characters, 'character')}")
    if facts.classes:
        _print_classes(facts)
    if total > 1:
        say(f"lengths: {lengths_text(facts.lengths)}")
    frequent = " ".join(word if word != "\n" else "↵" for word, _ in facts.frequent)
    say(f"most frequent: {frequent}")
    across = [group for group in facts.twice if len({part for part, _ in group}) > 1]
    print_odd(
        [
            ("empty", list(facts.empty)),
            ("in several parts", [" = ".join(file for _, file in group) for group in across]),
            ("there twice", [" = ".join(f for _, f in group) for group in facts.twice if group not in across]),
        ]
    )
    say(f"\nnext: netspec new --data {name}")


def _print_classes(facts: TextFacts) -> None:
    total = sum(sum(own.values()) for own in facts.counts.values())
    rows = [
        (
            name,
            *(f"{own[number]:,}" for own in facts.counts.values()),
            percent(sum(own[number] for own in facts.counts.values()) / total),
        )
        for number, name in enumerate(facts.classes)
    ]
    heads = [*facts.counts] if len(facts.counts) > 1 else ["texts"]
    print_table([("class", False), *((head, True) for head in heads), ("share", True)], rows)
