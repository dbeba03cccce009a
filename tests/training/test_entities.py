"""Entities that labels mark, and the scores of them: by hand, and as the script of CoNLL-2003 counts them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from netspec.recipe.entities import EntityCounts, entities_of, mark_entities
from netspec.training.scores import Scorer


@pytest.mark.parametrize(
    ("labels", "entities"),
    [
        ("B-PER I-PER O B-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
        ("B-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
        ("I-PER I-PER O I-PER B-PER", [("PER", 0, 2), ("PER", 3, 4), ("PER", 4, 5)]),  # IOB1
        ("O I-LOC", [("LOC", 1, 2)]),
        ("B-PER I-LOC I-LOC", [("PER", 0, 1), ("LOC", 1, 3)]),
        ("S-PER B-LOC I-LOC E-LOC S-LOC", [("PER", 0, 1), ("LOC", 1, 4), ("LOC", 4, 5)]),  # BIOES
        ("U-PER B-LOC I-LOC L-LOC U-LOC", [("PER", 0, 1), ("LOC", 1, 4), ("LOC", 4, 5)]),  # BILOU
        ("E-LOC I-LOC E-LOC", [("LOC", 0, 1), ("LOC", 1, 3)]),
        ("S-LOC I-LOC", [("LOC", 0, 1), ("LOC", 1, 2)]),
        ("B I O B", [("", 0, 2), ("", 3, 4)]),
        ("B-work-of-art I-work-of-art", [("work-of-art", 0, 2)]),
        ("O O", []),
        ("", []),
    ],
)
def test_which_entities_labels_mark(labels: str, entities: list[tuple[str, int, int]]) -> None:
    assert entities_of(labels.split()) == entities


@pytest.mark.parametrize(
    ("labels", "mark"),
    [
        ("O B-PER I-PER", True),
        ("O I-PER", True),
        ("B I O", True),
        ("B-X I-X E-X S-X", True),
        ("B-X I-X L-X U-X O", True),
        ("NOUN VERB O", False),
        ("O B-PER PER", False),
        ("O B- I-", False),
        ("O S-PER", False),
        ("O", False),
        ("", False),
    ],
)
def test_whether_labels_mark_entities(labels: str, mark: bool) -> None:
    assert mark_entities(labels.split()) is mark


def test_scores_by_hand() -> None:
    counts = EntityCounts()
    # One of two persons is right, the other is too short; the place is of another kind; a time is made up.
    true, found = "B-PER I-PER O B-PER I-PER O B-LOC", "B-PER I-PER O B-PER O O B-PER"
    counts.add(true.split(), found.split())
    counts.add(["O", "O"], ["O", "B-TIME"])
    scores = {each.kind: (each.there, each.predicted, each.right) for each in (*counts.each(), counts.all())}
    assert scores == {"LOC": (1, 0, 0), "PER": (2, 3, 1), "TIME": (0, 1, 0), "all": (3, 4, 1)}
    shares = {each.kind: (each.precision, each.recall, each.f1) for each in (*counts.each(), counts.all())}
    assert shares == {
        "LOC": (None, 0, 0),
        "PER": (1 / 3, 1 / 2, 2 / 5),
        "TIME": (0, None, 0),
        "all": (1 / 4, 1 / 3, 2 / 7),
    }


def conlleval(sentences: list[tuple[list[str], list[str]]]) -> tuple[int, int, int]:
    """Count as the Perl script conlleval does, word by word: entities there, predicted, and right."""

    def ends(before: str, now: str) -> bool:
        (b, kind), (n, other) = (each.partition("-")[::2] for each in (before, now))
        pairs = {"BB", "BO", "IB", "IO", "EE", "EI", "EO", "EB", "BS", "IS", "ES", "SB", "SI", "SE", "SO", "SS"}
        return b + n in pairs or (b != "O" and kind != other)

    def begins(before: str, now: str) -> bool:
        (b, kind), (n, other) = (each.partition("-")[::2] for each in (before, now))
        pairs = {"BB", "IB", "OB", "OI", "EE", "EI", "OE", "EB", "SB", "SE", "SI", "SS", "OS", "BS", "IS", "ES"}
        return b + n in pairs or (n != "O" and kind != other)

    there = predicted = right = 0
    for true, found in sentences:
        inside, last, last_found = False, "O", "O"
        for label, guess in zip([*true, "O"], [*found, "O"], strict=True):
            over, guess_over = ends(last, label), ends(last_found, guess)
            if inside and (over or guess_over):
                right += over and guess_over and last.partition("-")[2] == last_found.partition("-")[2]
                inside = False
            new, new_guess = begins(last, label), begins(last_found, guess)
            inside = inside or (new and new_guess and label.partition("-")[2] == guess.partition("-")[2])
            there, predicted, last, last_found = there + new, predicted + new_guess, label, guess
    return there, predicted, right


def test_counts_are_those_of_conlleval_whatever_the_labels() -> None:
    draw = random.Random(0)
    for labels in ("O B-X I-X B-Y I-Y", "O I-X B-X", "O B-X I-X E-X S-X B-Y I-Y E-Y S-Y", "O B I"):
        for _ in range(150):
            sentences = []
            for _ in range(draw.randrange(1, 4)):
                true = draw.choices(labels.split(), k=draw.randrange(0, 9))
                sentences.append((true, [draw.choice([each, *labels.split()]) for each in true]))
            counts = EntityCounts()
            for true, found in sentences:
                counts.add(true, found)
            assert counts.all()[1:] == conlleval(sentences), sentences


LABELS = ("B-X", "I-X", "O")


@pytest.mark.parametrize("function", ["softmax", None])
@pytest.mark.parametrize("ignore", [None, 2])
def test_entities_of_batches_without_padding(function: str | None, ignore: int | None) -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, (20, 7))
    logits = rng.normal(size=(20, 3, 7)) + 2 * (np.arange(3)[:, None] == true[:, None])
    lengths = rng.integers(1, 8, 20)
    counted = (np.arange(7) < lengths[:, None]).astype(np.float32)
    names = ["accuracy", "entity_precision", "entity_recall", "entity_f1"]
    scorer = Scorer(names, "classes", function, 3, ignore, tags=LABELS)
    for part in np.split(np.arange(20), [3, 11]):
        scorer.add(logits[part], true[part], counted[part])
    found = logits.argmax(axis=1)
    kept = [(t[:n], f[:n]) for t, f, n in zip(true, found, lengths, strict=True)]
    kept = [(t[t != ignore], f[t != ignore]) for t, f in kept]
    there, predicted, right = conlleval([([LABELS[i] for i in t], [LABELS[i] for i in f]) for t, f in kept])
    values: Any = scorer.values()
    assert 0 < right < there
    assert values["entity_precision"] == pytest.approx(right / predicted)
    assert values["entity_recall"] == pytest.approx(right / there)
    assert values["entity_f1"] == pytest.approx(2 * right / (there + predicted))
    assert values["accuracy"] == pytest.approx(np.mean(np.concatenate([t == f for t, f in kept])))


def test_two_labels_by_one_output_and_nothing_to_be_found() -> None:
    scorer = Scorer(["entity_f1"], "two classes", "sigmoid", 1, tags=("B", "O"))
    scorer.add(np.array([[[9.0, 9.0, -9.0]]]), np.array([[1, 1, 1]]))
    assert (scorer.values(), scorer.notes) == ({"entity_f1": 0.0}, []), "as seqeval says it"
    scorer.add(np.array([[[-9.0, 9.0, -9.0]]]), np.array([[0, 1, 0]]))
    assert scorer.values() == {"entity_f1": 2 * 2 / (2 + 3)}
