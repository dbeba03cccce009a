"""The mistakes of a report: each with what its example was in the data, and where it stands there."""

from __future__ import annotations

import csv
import random
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import netspec as ns
from netspec.workflows.report_mistakes import excerpt
from netspec.workflows.run_report import run_facts
from netspec.workflows.trained import open_run

_TEXTS = ("שלום עולם", "👩‍👩‍👧 nice", "<b>bold</b>", "plain words", "한국어", "é" * 600)


def trained(folder: Path, spec: str) -> Path:
    (folder / "my.net").write_text(spec)
    for _ in ns.train(folder / "my.net", out=folder / "run"):
        pass
    return folder / "run"


def test_a_text_in_a_table_is_shown_with_its_row(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [[f"{rng.choice(_TEXTS)} {n}", n, rng.choice("ab"), rng.choice(("no", "yes"))] for n in range(40)]
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["said", "count", "unread", "kind"], *rows])
    run = trained(
        tmp_path,
        'data "rows.csv" { target kind; drop unread; test 50%; text words length=8 }\n'
        "input said as words\ninput count as facts\n"
        "from words; embedding 2; globalpool as w\nfrom facts; concat w; fc classes softmax\n"
        "train { epochs 1; batch 8 }\n",
    )
    (answers,) = run_facts(run).answers
    assert answers.mistakes
    for mistake in answers.mistakes:
        said, count, _, kind = rows[int(mistake.place.removeprefix("line ")) - 2]
        assert mistake.texts == [("said", excerpt(str(said), 400))]
        assert mistake.cells == [("count", str(count))]
        assert mistake.true == kind


def test_a_text_in_a_folder_is_shown_with_its_file(tmp_path: Path) -> None:
    texts = {}
    for kind in ("no", "yes"):
        (tmp_path / "said" / kind).mkdir(parents=True)
        for n in range(12):
            texts[f"{kind}/{n}.txt"] = f"{_TEXTS[n % 5]} {kind if n % 3 else 'never'} {n}"
            (tmp_path / "said" / kind / f"{n}.txt").write_text(texts[f"{kind}/{n}.txt"], encoding="utf-8")
    spec = 'data "said" { text words length=8; test 50% }\nembedding 2; globalpool; fc classes softmax\n'
    (answers,) = run_facts(trained(tmp_path, spec + "train { epochs 1; batch 8 }\n")).answers
    assert answers.mistakes
    for mistake in answers.mistakes:
        place = mistake.place.replace("\\", "/").removeprefix("said/")
        assert mistake.texts == [("text", texts[place])]
        assert place.startswith(mistake.true)
        assert not mistake.cells


def test_sentences_are_shown_as_the_model_labels_them(tmp_path: Path) -> None:
    rng = random.Random(1)
    sentences = [[(f"w{rng.randrange(9)}", rng.choice("XYZ")) for _ in range(rng.choice((3, 9)))] for _ in range(30)]
    text = "\n\n".join("\n".join("\t".join(pair) for pair in sentence) for sentence in sentences)
    (tmp_path / "a.conll").write_text(text, encoding="utf-8")
    run = trained(
        tmp_path,
        'data "a.conll" { text words length=6; test 50% }\nembedding 2; fc classes softmax pointwise\n'
        "train { epochs 1; batch 8 }\n",
    )
    (answers,) = run_facts(run).answers
    starts = np.cumsum([1, *(len(sentence) + 1 for sentence in sentences)])
    surest = []
    for shown in answers.sentences:
        sentence = sentences[starts.tolist().index(int(shown.place.removeprefix("line ")))]
        (tagged,) = open_run(run).tag([[word for word, _ in sentence]])
        assert [word.text for word in shown.words] == list(tagged.words)
        for word, (_, true), label, sure in zip(
            shown.words, sentence, tagged.labels, tagged.probabilities, strict=True
        ):
            # What stands behind the words that are read has no label, and is no mistake.
            wrong = label not in ("", true)
            assert (word.true, word.predicted) == ((true, label) if wrong else ("", ""))
            assert not wrong or word.probability == pytest.approx(sure, abs=1e-5)
        surest.append(max(word.probability for word in shown.words))
    assert surest
    assert surest == sorted(surest, reverse=True)


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("short", 5, "short"),
        ("two\n  lines", 20, "two lines"),
        ("a word and another one", 21, "a word and another …"),
        ("x" * 30, 10, "xxxxxxxxx…"),
        ("xxxxxxxx\U0001f469\u200d\U0001f467\u200d\U0001f466", 11, "xxxxxxxx…"),
        ("xxxxxxx\U0001f44d\U0001f3fdxxxx", 9, "xxxxxxx…"),
        ("xxxxxxx\U0001f1e9\U0001f1eaxxxx", 9, "xxxxxxx…"),
        ("xxxxxxxe\u0301xxxx", 9, "xxxxxxx…"),
    ],
)
def test_excerpt(text: str, most: int, shown: str) -> None:
    assert excerpt(text, most) == shown


def test_of_a_text_that_cannot_be_cut_well_half_is_shown_at_least() -> None:
    shown = excerpt("e" + "\u0301" * 500, 20)
    assert 10 <= len(shown) <= 20
    assert unicodedata.category(shown[1]) == "Mn"
