"""Tables as newcomers have them: numbers as texts, no line of names, one class over several columns."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.sources.tables.amounts import AmountForm, UnreadableError, amount_of, form_of
from netspec.sources.tables.facts import facts_of
from netspec.sources.tables.fit import divided_for, fit_table
from netspec.sources.tables.one_hot import one_hot_groups
from netspec.sources.tables.preparation import Feature
from netspec.sources.tables.spec import spec_for_table
from netspec.sources.tables.table import read_table
from netspec.sources.texts.spec import spec_for_texts


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["$1,004.85", "$12.50"], ("$1,004.85", "1004.85")),
        (["46%", "3 %"], ("46%", "46")),
        (["5,00 €", "1.204,50 €"], ("1.204,50 €", "1204.50")),
        (["1.234,56", "12,5", "3"], ("1.234,56", "1234.56")),
        (["1,234.56", "12"], ("1,234.56", "1234.56")),
        (["-$5", "$6"], ("-$5", "-5")),
        (["1\u00a0234,5", "12"], ("1\u00a0234,5", "1234.5")),
        (["1'234.50"], ("1'234.50", "1234.50")),
        (["$5", "5"], None),
        (["$5", "€5"], None),
        (["A12"], None),
        (["12,34,56"], None),
        (["1.2.3"], None),
        (["3-4"], None),
    ],
)
def test_numbers_of_one_form_are_told_from_texts(cells: list[str], found: tuple[str, str] | None) -> None:
    amount = amount_of(cells)
    assert (amount and (amount.cell, amount.number)) == found
    if found:
        assert form_of(cells).plain([found[0]]) == ([found[1]], "")


def paid(plain: bool = False) -> bytes:
    """Return rows of a price and a discount, as people write them or as plain numbers."""
    made = ["size,price,discount"]
    for i in range(120):
        price = 1000.25 + 3 * i
        made.append(f"{i * 7 % 31},{price},{i % 53}" if plain else f'{i * 7 % 31},"${price:,.2f}",{i % 53}%')
    return "\n".join(made).encode()


def test_numbers_that_are_read_as_texts_are_said_everywhere() -> None:
    table = read_table(paid(), "p.csv")
    assert "`number price` reads it as 1000.25" in facts_of(table).remarks["price"]
    with pytest.raises(DataError, match="which are read as text") as refused:
        fit_table(table, DataSource(name="p.csv", target=("price",), test=0.2))
    assert "`number price` reads it as 1000.25" in (refused.value.fix or "")
    for target in ("price", "discount"):
        text, _, said = spec_for_table(table, "p.csv", target)
        assert "number price discount" in text
        assert "fc 1 " in text
        assert "price is read as numbers: '$1,000.25' is 1000.25" in said
    notes = fit_table(table, DataSource(name="p.csv", target=("discount",), test=0.2)).notices
    assert (
        "price is left out: its numbers such as '$1,000.25' are read as text: `number price` reads it as 1000.25"
        in notes
    )
    assert any(note.startswith("discount is learned as classes: its numbers such as '10%'") for note in notes)


def test_numbers_that_are_said_to_be_such_are_read_as_plain_ones_are() -> None:
    settings = {"name": "p.csv", "target": ("discount",), "number": ("price", "discount"), "test": 0.2}
    written, plain = (read_table(paid(plain=each), "p.csv") for each in (False, True))
    read = fit_table(written, DataSource.model_validate(settings))
    (price,) = [f for f in read.inputs["input"].features if f.column == "price"]
    train = [1000.25 + 3 * row for row in read.rows["train"]]
    assert price.mean == pytest.approx(sum(train) / len(train))
    assert price.amount == AmountForm(before="$")
    assert Feature.model_validate_json(price.model_dump_json()) == price
    # Plain numbers are what they were before any could be written otherwise.
    same = fit_table(plain, DataSource.model_validate(settings)).inputs["input"].features[1]
    assert same.amount is None
    assert "amount" not in same.model_dump()
    # Which rows are drawn is decided by the cells as they stand, also where a model is looked at.
    learned = divided_for(written, DataSource.model_validate(settings), ["discount"], None)
    assert learned.rows == read.rows


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["$5", "7"], "is not written as '$5'"),
        (["5 kg", "7 lb"], "is not written as '5 kg'"),
        (["1.234 kg", "5.678 kg"], "may be 1.234 or 1234"),
        (["5 kg", "much"], "is no number"),
        (["12,34,56"], "has marks that no number has, or others than the rest"),
        (["1.2.3"], "has marks that no number has, or others than the rest"),
        (["--5"], "is no number"),
        (["3-4"], "is no number"),
        (["9" * 400 + " kg"], "has marks that no number has, or others than the rest"),
    ],
)
def test_what_is_not_written_as_the_others_is_not_guessed(cells: list[str], why: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        form_of(cells)
    assert refused.value.why == why
    rows = "".join(f'"{cell}",{i % 2}\n' for i, cell in enumerate([cells[0], *cells, *cells]))
    with pytest.raises(DataError, match=r"the spec says that a is a number, and line \d has"):
        fit_table(read_table(f"a,y\n{rows}".encode(), "d.csv"), DataSource(name="d.csv", target=("y",), number=("a",)))


@pytest.mark.parametrize(
    ("learned", "given", "read"),
    [
        (["46%"], ["5%", "7 %"], ["5", "7"]),
        (["46%"], ["0.46"], None),
        (["$1,004.85"], ["12", "$3"], ["12", "3"]),
        (["$1,004.85"], ["€3"], None),
        (["1.004,85 €"], ["1.000 €", "2,5 €"], ["1000", "2.5"]),
        (["1.004,85 €"], ["1234.5", "7"], ["1234.5", "7"]),
        (["1.2k", "3"], ["(1.5k)", "-2"], ["-1500", "-2"]),
        (["5 kg"], ["much"], None),
    ],
)
def test_numbers_are_read_as_they_were_learned(learned: list[str], given: list[str], read: list[str] | None) -> None:
    form = form_of(learned)
    if read is None:
        with pytest.raises(UnreadableError):
            form.plain(given)
    else:
        assert form.plain(given)[0] == read
    assert form.plain([form.written("12.5")])[0] == ["12.5"]


def test_a_number_of_two_readings_is_read_as_in_training_and_said() -> None:
    assert form_of(["1.004,85"]).plain(["2.000"]) == (
        ["2000"],
        "'2.000' is read as 2000, as numbers were written in training",
    )


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("5.1,3.5,setosa", True),
        ("5.1,,setosa", True),
        ("a,b,species", False),
        ("0,1,2", False),
        ("5.1,b,setosa", False),
    ],
)
def test_a_first_line_that_is_a_row_is_said(first: str, said: bool) -> None:
    last = "1" if first == "0,1,2" else "setosa"
    table = read_table(f"{first}\n4.9,3,{last}\n5,3.1,{last}\n".encode(), "h.csv")
    assert any("look like a row" in note for note in table.notices) is said


def test_a_row_of_names_with_a_number_twice_says_what_is_likely() -> None:
    with pytest.raises(DataError, match=r"of the same name: '3\.5'") as refused:
        read_table(b"5.1,3.5,3.5\n1,2,3\n", "h.csv")
    assert "put a line with names above it" in (refused.value.fix or "")


def one_hot() -> bytes:
    """Return rows of two numbers and a class of three, as a column each."""
    draw = random.Random(1)
    made = ["x,z,a,b,c"]
    for _ in range(60):
        k = draw.randrange(3)
        made.append(f"{k + draw.random():.3f},{draw.random():.3f},{int(k == 0)},{int(k == 1)},{int(k == 2)}")
    return "\n".join(made).encode()


@pytest.mark.parametrize(
    ("target", "settings", "note"),
    [
        (None, ["target a b c ", "fc 3 sigmoid"], ""),
        ("a,b,c", ["target a b c ", "fc 3 sigmoid"], ""),
        ("c", ["target c ", "drop a b ", "fc classes softmax"], "a and b would give c away"),
        ("a, b", ["target a b ", "drop c ", "fc 2 sigmoid"], "c would give a and b away"),
        ("x,z", ["target x z ", "fc 2 "], ""),
    ],
)
def test_a_class_over_several_columns_is_learned_whole_or_not_given_away(
    target: str | None, settings: list[str], note: str
) -> None:
    table = read_table(one_hot(), "o.csv")
    assert one_hot_groups(table, facts_of(table).columns) == [("a", "b", "c")]
    text, _, notes = spec_for_table(table, "o.csv", target)
    assert all(setting in text for setting in settings), text
    assert note in "".join(notes)
    assert bool(notes) is bool(note)


def test_a_column_whose_name_has_a_comma_is_one(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{i % 2}\n" for i in range(60))
    table = read_table(f'x,z,"x,z"\n{rows}'.encode(), "o.csv")
    assert 'target "x,z" ' in spec_for_table(table, "o.csv", "x,z")[0]
    with pytest.raises(DataError, match="has no column 'q'"):
        spec_for_table(table, "o.csv", "x,q")


def test_training_says_that_other_columns_give_the_class_away() -> None:
    fitted = fit_table(read_table(one_hot(), "o.csv"), DataSource(name="o.csv", target=("c",), test=0.2))
    assert any("drop the others? `drop a b`" in note for note in fitted.notices)


def test_each_column_that_is_not_learned_from_is_named_with_its_reason() -> None:
    rows = "".join(f"{i},2020-01-{i % 28 + 1:02d},a text {i},x,${i},{i % 2}\n" for i in range(40))
    table = read_table(f"n,day,note,same,cost,y\n{rows}".encode(), "d.csv")
    with pytest.raises(DataError, match="no column to learn from") as refused:
        spec_for_table(table, "d.csv", "y")
    for why in (
        "day is left out: it is a date",
        "note is left out: it is text",
        "same is left out: it is 'x' in every row",
        "cost is dropped: its numbers such as",
        "n is dropped: it counts the rows",
    ):
        assert why in refused.value.message


@pytest.mark.parametrize(("name", "near"), [("pricee", True), ("other", False)])
def test_a_table_without_the_target_is_for_predict(name: str, near: bool) -> None:
    table = read_table(f"size,{name}\n1,2\n3,4\n".encode(), "r.csv")
    with pytest.raises(DataError, match="which the model has learned") as refused:
        divided_for(table, DataSource(name="r.csv", target=("price",)), ["price"], None)
    fix = refused.value.fix or ""
    assert "`netspec predict RUN FILE` answers rows without it" in fix
    assert ("did you mean `pricee`?" in fix) is near


def test_a_line_break_in_a_cell_is_shown_in_its_line() -> None:
    rows = "".join(f'"a\nb {i}",{i % 2}\n' for i in range(60))
    assert "a⏎b" in facts_of(read_table(f"note,y\n{rows}".encode(), "n.csv")).values["note"]


def test_a_text_that_is_too_short_to_be_learned_gets_no_spec(tmp_path: Path) -> None:
    for count, enough in ((5, False), (1423, False), (1424, True)):
        (tmp_path / "t.txt").write_text(("the cat sat " * 200)[: count - 1] + ".", encoding="utf-8")
        if enough:
            assert "target next" in spec_for_texts(tmp_path / "t.txt", "t.txt")
        else:
            with pytest.raises(DataError, match=f"t.txt has {count:,} characters") as refused:
                spec_for_texts(tmp_path / "t.txt", "t.txt")
            assert refused.value.fix == "give a text of at least 1,424 characters"


def test_a_class_over_columns_that_are_apart_is_told_by_their_names() -> None:
    names = ("is_cat", "x", "is_dog", "was_new", "is_cow")
    rows = [(i % 3 == 0, i, i % 3 == 1, i % 5 == 0, i % 3 == 2) for i in range(30)]
    text = "\n".join([",".join(names), *(",".join(str(int(v)) for v in row) for row in rows)])
    table = read_table(text.encode(), "a.csv")
    assert one_hot_groups(table, facts_of(table).columns) == [("is_cat", "is_dog", "is_cow")]
    assert "fc 3 sigmoid" in spec_for_table(table, "a.csv", "is_cat,is_dog,is_cow")[0]
    assert "drop x is_dog is_cow" in spec_for_table(table, "a.csv", "is_cat")[0]
    # A row with two of them, or none, is no class.
    table = read_table(text.replace("\n1,0,0,1,0", "\n0,0,0,1,0").encode(), "a.csv")
    assert one_hot_groups(table, facts_of(table).columns) == []
