"""A commented spec to begin with, for texts: of classes, or for a language model."""

from __future__ import annotations

from collections import Counter
from math import ceil
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.texts.facts import TextFacts, length_for, lengths_text, text_facts

__all__ = ["WORDS", "layers_of_texts", "spec_for_texts"]

WORDS = 10_000
"""So many of the most frequent words are tokens of their own."""

_SHOWN = 8
_SMALL = 200_000
"""A text of fewer characters gets a smaller network, and more epochs."""

_LEAST = 20
"""Examples of which `validation 5%` draws one."""


def spec_for_texts(path: Path, name: str, how: HowRead = AS_IT_IS) -> str:
    """Return the text of a spec that learns from texts.

    Args:
        path: of a text, or of a folder or an archive of them.
        name: as the spec names it, relative to its own folder.
        how: in which encoding they are.

    Raises:
        DataError: there are none, or they do not go together.
    """
    facts = text_facts(path, name, how)
    if facts.classes:
        return _of_classes(name, facts)
    _require_enough(facts, name)
    return _of_language(name, facts)


def _require_enough(facts: TextFacts, name: str) -> None:
    """Raise DataError where a part of the text would not make an example."""
    # `test 10%` is the end of one text; of several it is whole texts, of any length.
    least = (_LEAST * _length(facts) + 1) / (0.9 if len(facts.lengths) == 1 else 1)
    if facts.characters < least:
        message = f"{name} has {plural(facts.characters, 'character')}, and a model of its language takes more"
        raise DataError(message, f"give a text of at least {ceil(least):,} characters")


def _length(facts: TextFacts) -> int:
    """Return how many characters are an example."""
    return 64 if facts.characters < _SMALL else 128


def layers_of_texts() -> str:
    """Return layers that tell texts apart by their words."""
    return """\
embedding 64   # a vector for each word; it learns how the words of a class differ
globalpool     # the mean over the words of the text, without what it is filled up with
dropout 0.5
fc classes softmax
"""


def _of_classes(name: str, facts: TextFacts) -> str:
    counts = sum(facts.counts.values(), Counter())
    classes = listing([*facts.classes[:_SHOWN], *(["…"] if len(facts.classes) > _SHOWN else [])], "and")
    uneven = max(counts.values()) > 3 * min(counts.values())
    size = f" size={WORDS}" if facts.words > WORDS else ""
    settings = [*([] if "validation" in facts.counts else ["validation 15%"])]
    settings += [] if "test" in facts.counts else ["test 20%  # drawn by a hash of each text"]
    loss = "  loss cross_entropy class_weights=balanced  # the classes have very different numbers of texts\n"
    return f"""\
# {plural(len(facts.lengths), "text")} of {len(facts.classes)} classes: {classes}.
# {lengths_text(facts.lengths)}.
# Of a text that is longer than `length` the rest is not read.
data "{name}" {{
  text words length={length_for(facts.lengths)}{size}
{"".join(f"  {setting}" + chr(10) for setting in settings)}}}

# In place of the mean, `lstm 64 last` or `attention 4` before it reads the order of words too, and takes longer.
{layers_of_texts()}
train {{
{loss if uneven else ""}  optimizer adam lr=0.003
  schedule cosine
  batch 32
  epochs {30 if len(facts.lengths) < 2_000 else 10}
  best val_loss
}}
"""


def _of_language(name: str, facts: TextFacts) -> str:
    small = facts.characters < _SMALL
    count = len(facts.lengths)
    what = f"{plural(count, 'text')}, " if count > 1 else ""
    test = "whole texts, drawn by a hash of each" if count > 1 else "the end of the text"
    return f"""\
# {what}{plural(facts.characters, "character")}. What follows is learned, and `netspec generate` writes on.
data "{name}" {{
  text chars length={_length(facts)}  # or: words, bpe
  target next
  validation 5%
  test 10%  # {test}
}}

embedding {32 if small else 64}
lstm {128 if small else 256}
fc tokens softmax pointwise

train {{
  optimizer adam lr=0.003
  schedule cosine
  clip 1
  batch 32
  epochs {20 if small else 10}
  best val_loss
}}
"""
