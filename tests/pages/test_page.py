"""A page says what it was given, loads nothing, and lets no text of a run become markup."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import netspec as ns
from netspec import pages
from netspec.drawing import draw, svg
from netspec.pages.spec_view import words

NET = ns.parse("input 1x8x8\nblock twice(n) { conv n 3x3 relu; conv n 3x3 relu }\ntwice 4\nfc 3 softmax\n")
TEXT = "input 1x8x8\nblock twice(n) { conv n 3x3 relu; conv n 3x3 relu }\ntwice 4\nfc classes softmax  # <three>\n"
RECORDS = [
    {"kind": "step", "epoch": 1, "step": 1, "loss": 2.0, "accuracy": 0.1, "learning_rate": 0.1},
    {"kind": "step", "epoch": 1, "step": 2, "loss": 1.5, "accuracy": 0.3, "learning_rate": 0.1},
    {"kind": "evaluation", "split": "test", "epoch": 1, "step": 2, "loss": 1.4, "accuracy": 0.2},
    {
        "kind": "epoch",
        "epoch": 1,
        "step": 3,
        "train_loss": 1.7,
        "test_loss": 1.25,
        "test_accuracy": 0.5,
        "test_f1": 0.4,
        "seconds": 0.5,
        "best": True,
    },
    {"kind": "step", "epoch": 2, "step": 4, "loss": float("nan"), "accuracy": None, "learning_rate": 0.05},
]


def facts(**changes: Any) -> pages.RunFacts:
    graph = NET.graph()
    counts = {row.name: row.parameters for row in graph.costs(NET)}
    answers = pages.Answers(
        output="",
        data="On the 4 examples of the test set.",
        figures=[("loss", "1.25")],
        classes=[pages.ClassFigures("<a>", 2, 1, 0.5, 1.0, 2 / 3), pages.ClassFigures("b", 2, 2, 1.0, None, 0.8)],
        confusion=[[1, 1], [0, 2]],
        reliability=[(0.55, 0.5, 2), (0.95, 1.0, 2)],
        mistakes=[
            pages.Mistake(b"\x89PNG", "<a>", "b", 0.875, b"\x89PNG"),
            pages.Mistake(b"", "<a>", "b", 0.75, parts=[("age = 4", 12.5), ("<word>", -6.25)]),
            pages.Mistake(
                *(b"", "<a>", "b", 0.5),
                place="line 3",
                texts=[("said", "</p> שלום")],
                cells=[("age", "<4>"), ("of", "")],
            ),
        ],
        why="below the first: by how much",
        sentences=[pages.Sentence("line 7", [pages.Word("<Ada>"), pages.Word("Rom", "B-<LOC>", "O", 0.625)])],
        pictures=[("masks", b"\x89PNG"), ("", b"\x89PNG")],
        scatter=[pages.Scatter("price", [(1.0, 1.5), (2.0, 2.5)], 0.5, 0.75)],
        text="He said </pre>",
    )
    made = pages.RunFacts(
        name="tiny/001",
        headline=[("test accuracy", "50.00 %")],
        spec=pages.spec_lines(TEXT, graph, counts, {"classes": 3}),
        drawing=svg(draw(NET, graph)),
        rows=[pages.Row("fc_1", "fc 3 softmax", (3,), 195, 390)],
        series=pages.series_of(RECORDS),
        answers=[answers],
        environment=[("seed", "0")],
        repeat=["netspec replay runs/tiny/001"],
    )
    return replace(made, **changes)


class Reader(HTMLParser):
    """Collects what a page has: elements, their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_says_what_is_known_of_the_run() -> None:
    found = Reader(pages.page([facts()]))
    for said in (
        *("tiny/001", "50.00 %", "On the 4 examples", "conv n 3x3 relu", "fc classes softmax", "87.5 %", "is <a>"),
        *("netspec replay runs/tiny/001", "MAE 0.5, R² 0.750", "66.67 %", "He said </pre>", "4x4x4"),
        *("line 3", "</p> שלום", "age<4>", "of–", "line 7<Ada> RomO 62.5 %, is B-<LOC>"),
        *("Below the first: by how much.", "age = 4+12.5", "<word>-6.2"),
    ):
        assert said in found.text, said
    alts = [attributes["alt"] for tag, attributes in found.elements if tag == "img"]
    assert alts == ["an example of <a>", "the same, with what spoke for b and against it", "masks", "masks"]
    depths = [
        a["style"] for _, a in found.elements if "--depth" in (a.get("style") or "") and "num" in (a["class"] or "")
    ]
    assert depths == ["--depth:1.00", "--depth:0.50"]
    curves = [attributes["data-curve"] for _, attributes in found.elements if "data-curve" in attributes]
    assert curves == ["loss", "accuracy", "learning_rate", "f1"]


def test_it_loads_nothing_from_anywhere() -> None:
    text = pages.page([facts()])
    for _, attributes in Reader(text).elements:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name) or ""
            assert not value or value.startswith(("data:", "#")), value
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policies = [a.get("content") or "" for _, a in Reader(text).elements if a.get("http-equiv")]
    assert [policy.partition(";")[0] for policy in policies] == ["default-src 'none'"]


@pytest.mark.parametrize(
    "name", ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><b>', "&lt;"]
)
def test_no_text_becomes_markup(name: str) -> None:
    plain, found = (Reader(pages.page([facts(name=n, notes=(n,))])) for n in ("plain", name))
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    embedded = re.search(r'<script type="application/json" id="data">(.*?)</script>', pages.page([facts(name=name)]))
    assert embedded
    assert json.loads(embedded[1])["runs"][0]["name"] == name


def test_several_runs_stand_side_by_side() -> None:
    other = facts(name="tiny/002", headline=[("test accuracy", "75.00 %"), ("parameters", "9")], answers=())
    found = Reader(pages.page([facts(), other]))
    assert found.text.index("Compared") < found.text.index("75.00 %") < found.text.index("Curves")
    assert [tag for tag, _ in found.elements].count("summary") >= 2


def test_of_many_classes_the_confused_pairs_are_listed() -> None:
    count = 40
    classes = [pages.ClassFigures(f"class {n}", 1, 1, 1.0, 1.0, 1.0) for n in range(count)]
    matrix = [[7 if (i, j) == (3, 5) else int(i == j) for j in range(count)] for i in range(count)]
    text = pages.page([facts(answers=[pages.Answers("", "here", classes=classes, confusion=matrix)])])
    assert 'class="confusion"' not in text
    assert re.search(r"<td>class 3</td><td>class 5</td><td class=num>7</td>", text)


# --- series and specs ---------------------------------------------------------------------------------------------


def test_measurements_become_series_by_quantity_and_part() -> None:
    found = pages.series_of(RECORDS)
    assert found["charts"] == {
        "loss": {"train": [[1, 2.0], [2, 1.5]], "test": [[2, 1.4], [3, 1.25]], "epoch": [[3, 1.7]]},
        "accuracy": {"train": [[1, 0.1], [2, 0.3]], "test": [[2, 0.2], [3, 0.5]]},
        "learning_rate": {"": [[1, 0.1], [2, 0.1], [4, 0.05]]},
        "f1": {"test": [[3, 0.4]]},
    }
    assert (found["epochs"], found["best"]) == ([3], 3)


def test_long_series_are_thinned_and_keep_their_mean() -> None:
    records = [{"kind": "step", "epoch": 1, "step": n, "loss": float(n)} for n in range(1, 10_001)]
    line = pages.series_of(records)["charts"]["loss"]["train"]
    assert len(line) <= 600
    assert line[-1][0] == 10_000
    assert sum(value for _, value in line) / len(line) == pytest.approx(5000.5, rel=0.01)


def test_shapes_stand_at_the_lines_that_make_them_even_without_the_data() -> None:
    graph = NET.graph()
    counts = {row.name: row.parameters for row in graph.costs(NET)}
    with_data = 'data "gone.csv" { target kind }\n' + TEXT
    for text, before in ((TEXT, 0), (with_data, 1)):
        lines = pages.spec_lines(text, graph, counts, {"classes": 3})
        assert [line.shape for line in lines][before:] == ["1x8x8", "", "4x4x4", "3"]
        assert [line.parameters for line in lines][before:] == [0, 0, 188, 195]
        assert "\n".join("".join(said for _, said in line.words) for line in lines) == text.rstrip("\n")


def test_words_are_told_apart() -> None:
    assert words('conv 20 5x5 relu; pool 2 # "x"') == (
        *(("command", "conv"), ("other", " "), ("number", "20"), ("other", " "), ("number", "5x5"), ("other", " ")),
        *(("name", "relu"), ("other", ";"), ("other", " "), ("command", "pool"), ("other", " "), ("number", "2")),
        *(("other", " "), ("comment", '# "x"')),
    )


# --- in a browser -------------------------------------------------------------------------------------------------


def test_a_browser_draws_the_charts(tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed")
    (tmp_path / "page.html").write_text(pages.page([facts()]), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    command = [browser, *flags, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = Reader(done.stdout)
    labels = [attributes.get("aria-label") for tag, attributes in found.elements if tag == "svg"]
    assert labels.count("loss") == labels.count("right") == labels.count("predicted") == labels.count("f1") == 1
    assert "step 3 · training" in found.text
