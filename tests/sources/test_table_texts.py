"""Tables of texts: which column is read alone, how its rows are divided, and the spec to begin with."""

from __future__ import annotations

import random

import pytest

from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.tables.fit import Fitted, fit_table
from netspec.sources.tables.spec import spec_for_table
from netspec.sources.tables.table import Table, table_of_columns

WORDS = ["film", "was", "good", "bad", "very", "long", "the", "end", "and", "so"]


def table(count: int = 80, **more: object) -> Table:
    draw = random.Random(4)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(3, 9))) for _ in range(count)]
    stars = [i % 3 for i in range(count)]
    return table_of_columns({"review": texts, "stars": stars, "size": list(range(0, 2 * count, 2)), **more}, "r.csv")


def fit(of: Table, **settings: object) -> Fitted:
    asked = {"name": "r.csv", "target": ("stars",), "text": Text(unit="words"), "test": 0.2, **settings}
    return fit_table(of, DataSource.model_validate(asked))


def test_the_one_column_of_texts_is_read_alone() -> None:
    found = fit(table())
    (given,) = found.inputs.values()
    assert (given.form, given.text, found.classes) == ("text", "review", 3)
    assert given.length == max(len(text.split()) for text in (table().cells["review"][i] for i in found.rows["train"]))
    assert any(n.startswith("size is not read: the text is; to read all") for n in found.notices)
    # Without `text` numbers are read, as before.
    assert fit(table(), text=None).inputs["input"].form == "numbers"


def test_equal_texts_are_on_one_side() -> None:
    of = table(60)
    twice = table_of_columns(
        {name: [*cells, *cells] if name == "review" else [*cells, *range(500, 560)] for name, cells in of.cells.items()}
        | {"stars": [i % 3 for i in range(120)]},
        "r.csv",
    )
    found = fit(twice)
    sides = {name: {twice.cells["review"][i] for i in rows} for name, rows in found.rows.items()}
    assert not sides["train"] & sides["test"]


def test_which_column_is_meant() -> None:
    two = table(title=[f"title number {i}" for i in range(80)])
    with pytest.raises(DataError, match="several columns of texts: review and title") as caught:
        fit(two)
    assert "choose one: `columns review`" in caught.value.fix
    assert fit(two, columns=("title",)).inputs["input"].text == "title"
    assert fit(two, drop=("review",)).inputs["input"].text == "title"
    few = table_of_columns({"say": ["this is a text", "and one more here"] * 9, "stars": [0, 1] * 9}, "f.csv")
    assert fit(few).inputs["input"].text == "say"
    plain = table_of_columns({"color": ["red", "blue"] * 9, "stars": [0, 1] * 9}, "f.csv")
    with pytest.raises(DataError, match=r"f\.csv has no column of texts"):
        fit(plain)


@pytest.mark.parametrize("alone", [True, False])
def test_a_spec_for_a_table_of_texts(alone: bool) -> None:
    of = table() if not alone else Table("r.csv", {n: table().cells[n] for n in ("review", "stars")}, range(80))
    text, target, _ = spec_for_table(of, "r.csv", "stars")
    assert target == "stars"
    assert "columns review" in text
    assert "text words length=16" in text
    assert ("# Not read: size (number). To read more: `input review as words; input size" in text) is not alone
    # What is read does not exist here; all else is right.
    assert {d.code for d in analyze(Source("n.net", text)).diagnostics} == {"E0314"}
