"""A commented spec to begin with, for sentences with a label for each word."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from netspec.diagnostics.diagnostic import listing, plural
from netspec.recipe.entities import mark_entities
from netspec.recipe.file_names import is_tagged_name
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.texts.tagged import LENGTH, read_sentences

__all__ = ["spec_for_sentences"]

_SHOWN, _WORDS = 8, 10_000


def spec_for_sentences(path: Path, name: str, how: HowRead = AS_IT_IS) -> str:
    """Return the text of a spec that learns a label for each word.

    Args:
        path: of the file.
        name: as the spec names it, relative to its own folder.
        how: in which encoding it is.

    Raises:
        DataError: it cannot be read, or is not written so.
    """
    found = read_sentences(path, name, how=how)
    counts = Counter(label for own in found.labels for label in own)
    shown = [label for label, _ in counts.most_common(_SHOWN)]
    labels = listing([*shown, *(["…"] if len(counts) > _SHOWN else [])], "and")
    words = len({word for own in found.words for word in own})
    length = min(max(map(len, found.words)), LENGTH)
    size = f" size={_WORDS}" if words > _WORDS else ""
    tagged = "" if is_tagged_name(name) else " tagged"
    few = len(found.words) < 2_000
    entities = mark_entities(counts)
    metrics = (
        "metrics f1 entity_f1  # the mean over the labels, and whole entities\n  best val_entity_f1"
        if entities
        else "metrics f1  # the mean over the labels; padding counts nowhere\n  best val_f1"
    )
    return f"""\
# {plural(len(found.words), "sentence")}, {plural(sum(counts.values()), "word")}, of {len(counts)} labels: {labels}.
# Of a sentence that is longer than `length` the rest is not read.
data "{name}" {{
  text words{tagged} length={length}{size}
  validation 15%
  test 20%  # drawn by a hash of each sentence
}}

embedding 64                  # a vector for each word
dropout 0.3
lstm 64 bidirectional         # reads what stands before a word and behind it
fc classes softmax pointwise  # a label for each word

train {{
  optimizer adam lr=0.003
  schedule cosine
  clip 1
  batch 16
  epochs {30 if few else 10}
  {metrics}
}}
"""
