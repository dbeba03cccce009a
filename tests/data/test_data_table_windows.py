"""Windows of the rows of a table, against plain loops in NumPy; and which of them are for which part."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec as ns
from netspec.data.for_network import load_data
from netspec.data.rows import Rows
from netspec.data.tables import windows as table_windows
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Window
from netspec.sources.tables.dates import days_first, moment_of
from netspec.sources.tables.fit import fit_table
from netspec.sources.tables.table import Table, table_of_columns

BEGINS = date(2024, 1, 1)


def days(count: int, first: int = 0) -> list[str]:
    return [str(BEGINS + timedelta(first + n)) for n in range(count)]


def weather(count: int = 60) -> dict[str, list[Any]]:
    """Return a day in each row: two numbers and a category; every number says which row it is of."""
    return {
        "day": days(count),
        "heat": [100.0 + n for n in range(count)],
        "wind": [n * n / 10 for n in range(count)],
        "sky": ["sun", "rain", "fog"] * (count // 3) + ["sun"] * (count % 3),
    }


def csv(columns: dict[str, list[Any]], order: list[int] | None = None) -> str:
    rows = list(zip(*columns.values(), strict=True))
    rows = rows if order is None else [rows[i] for i in order]
    return "\n".join([",".join(columns), *(",".join("" if v is None else str(v) for v in row) for row in rows), ""])


def load(folder: Path, said: str, content: str, layers: str = "flatten; fc 1") -> Dataset:
    (folder / "d.csv").write_text(content, encoding="utf-8")
    (folder / "s.net").write_text(f'data "d.csv" {{ {said} }}\n{layers}\n', encoding="utf-8")
    return load_data(ns.load(folder / "s.net"), base=folder)


def heats(dataset: Dataset, part: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return the heat in the rows of each window of a part, and the one that is learned, in its unit."""
    split = getattr(dataset, part)
    assert dataset.preparation is not None
    table = dataset.preparation.table
    assert table is not None
    own, target = table.inputs["input"].features[0], table.targets[0]
    assert own.column == "heat"
    read = np.asarray(split.images)[:, 0] * own.std + own.mean
    return np.round(read, 1), np.round(split.labels.astype(np.float64) * target.std + target.mean, 1)


def test_a_window_is_the_rows_before_its_target(tmp_path: Path) -> None:
    dataset = load(tmp_path, "target heat; window 4 ahead=2; validation 10; test 20%", csv(weather()))
    assert dataset.train.images.shape == (60 - 12 - 10 - 4 - 1, 5, 4)
    rows = np.array(weather()["heat"])
    train, validation, test = range(38), range(38, 48), range(48, 60)
    for part, targets in (("train", train[5:]), ("validation", validation), ("test", test)):
        read, learned = heats(dataset, part)
        assert read.tolist() == [rows[n - 5 : n - 1].tolist() for n in targets]
        assert learned[:, 0].tolist() == [rows[n] for n in targets]
    # What is fitted is fitted to the rows of the training part alone.
    assert dataset.preparation is not None
    assert dataset.preparation.table is not None
    feature = dataset.preparation.table.inputs["input"].features[0]
    assert (feature.mean, feature.std) == (pytest.approx(rows[:38].mean()), pytest.approx(rows[:38].std()))


def test_a_range_ahead_is_a_row_of_targets(tmp_path: Path) -> None:
    dataset = load(tmp_path, "target heat; window 4 ahead=1..3; test 20%", csv(weather()), "flatten; fc 3")
    for part, last in (("train", range(3, 45)), ("test", range(47, 57))):
        read, learned = heats(dataset, part)
        assert read[:, -1].tolist() == [100.0 + n for n in last]
        assert learned.tolist() == [[101.0 + n, 102.0 + n, 103.0 + n] for n in last]


def test_the_row_itself_is_learned_without_reading_the_target(tmp_path: Path) -> None:
    dataset = load(tmp_path, "target sky; window 3 ahead=0; test 20%", csv(weather()), "flatten; fc classes softmax")
    assert dataset.train.images.shape == (46, 2, 3)
    names = np.array(dataset.labels)[dataset.train.labels]
    assert names.tolist() == weather()["sky"][2:48]
    assert not dataset.naive


def test_a_category_of_its_own_is_a_row_of_tokens(tmp_path: Path) -> None:
    layers = "input sky as past\ninput numbers as facts\nfrom past; embedding 2; flatten as p\nfrom facts; flatten\n"
    dataset = load(tmp_path, "target sky; window 3; test 20%", csv(weather()), f"{layers}concat p; fc classes softmax")
    assert dataset.train.images["past"].shape == (45, 3)
    assert dataset.train.images["facts"].shape == (45, 2, 3)
    names = np.array(["fog", "rain", "sun"])
    assert names[dataset.train.images["past"][:2]].tolist() == [weather()["sky"][:3], weather()["sky"][1:4]]


def stores(count: int = 40) -> dict[str, list[Any]]:
    """Return two stores, whose rows stand one below the other; the numbers of the second are 1000 more."""
    one = weather(count)
    both = {name: column * 2 for name, column in one.items()}
    both["heat"] = one["heat"] + [value + 1000 for value in one["heat"]]
    return {"store": ["north"] * count + ["south"] * count, **both}


@pytest.mark.parametrize("shuffled", [False, True])
def test_no_window_spans_two_groups_and_rows_are_sorted(tmp_path: Path, shuffled: bool) -> None:
    order = random.Random(3).sample(range(80), 80) if shuffled else None
    said = f"target heat; window 5; group store; test 20%{'; order day' if shuffled else ''}"
    dataset = load(tmp_path, said, csv(stores(), order))
    for part, count in (("train", 2 * (32 - 5)), ("test", 2 * 8)):
        read, learned = heats(dataset, part)
        assert len(read) == count
        assert all(np.diff(window).tolist() == [1.0] * 4 for window in read)
        assert (learned[:, 0] - read[:, -1]).tolist() == [1.0] * count


def test_rows_without_a_target_are_read_and_not_learned(tmp_path: Path) -> None:
    columns = weather()
    columns["heat"][20] = None
    dataset = load(tmp_path, "target heat; window 4; test 20%", csv(columns))
    _, learned = heats(dataset)
    assert learned[:, 0].tolist() == [100.0 + n for n in range(4, 48) if n != 20]
    # The window that has it says so: the number that is missing is one of its features.
    assert dataset.train.images[16, 1].tolist() == [0, 0, 0, 1]
    assert any("d.csv without a target is read, and not learned" in notice for notice in dataset.notices)


def test_many_windows_are_cut_out_when_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "target heat; window 4; group store; test 20%"
    whole = load(tmp_path, said, csv(stores()))
    monkeypatch.setattr(table_windows, "IN_MEMORY", 0)
    streamed = load(tmp_path, said, csv(stores()))
    assert isinstance(streamed.train.images, Rows)
    assert streamed.sha256 == whole.sha256
    assert np.asarray(streamed.test.images).tolist() == whole.test.images.tolist()


def test_the_windows_of_one_series_are_a_view_of_its_rows(tmp_path: Path) -> None:
    images = load(tmp_path, "target heat; window 30; test 20%", csv(weather())).train.images
    assert images.strides[0] == images.strides[2]


def test_the_naive_forecast_is_the_last_value(tmp_path: Path) -> None:
    columns = weather()
    dataset = load(tmp_path, "target wind; window 4; test 20%", csv(columns))
    wind = np.array(columns["wind"])
    error = wind[48:] - wind[47:-1]
    expected = {"mae": np.abs(error).mean(), "rmse": np.sqrt((error**2).mean())}
    assert dataset.naive["test"] == pytest.approx(expected, rel=1e-5)
    dataset = load(tmp_path, "target sky; window 4; test 20%", csv(columns), "flatten; fc classes softmax")
    assert dataset.naive["test"] == {"accuracy": 0.0}


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 25), min_size=1, max_size=4),
    length=st.integers(1, 6),
    ahead=st.one_of(st.integers(0, 3), st.tuples(st.integers(1, 2), st.integers(3, 4))),
    test=st.sampled_from([0.2, 0.4, 3]),
    validation=st.sampled_from([0, 0.2, 2]),
    order=st.randoms(use_true_random=False),
)
def test_no_target_of_an_earlier_part_stands_in_a_later_one(
    counts: list[int], length: int, ahead: Any, test: Any, validation: Any, order: random.Random
) -> None:
    rows = [(f"g{g}", n) for g, count in enumerate(counts) for n in range(count)]
    order.shuffle(rows)
    columns = {"g": [g for g, _ in rows], "t": [n for _, n in rows], "y": [order.random() for _ in rows]}
    table = table_of_columns(columns, "rows")
    spec = {"target": ("y",), "columns": ("t",), "group": "g", "order": "t", "test": test, "validation": validation}
    window = Window(length=length, ahead=ahead)
    try:
        fitted = fit_table(table, DataSource(name="rows.csv", window=window, **spec))
    except DataError:
        return
    assert fitted.windows is not None
    targets: dict[str, list[int]] = {}
    sorted_rows = list(zip(fitted.table.cells["g"], map(int, fitted.table.cells["t"]), strict=True))
    for part, last in fitted.windows.last.items():
        own = set(fitted.rows[part])
        for row in last:
            group, at = sorted_rows[row]
            read = sorted_rows[row - length + 1 : row + 1]
            assert read == [(group, n) for n in range(at - length + 1, at + 1)]
            behind = range(row + window.first, row + window.last + 1)
            assert set(behind) <= own
            assert [sorted_rows[n] for n in behind] == [(group, at + n) for n in range(window.first, window.last + 1)]
        targets[part] = [row + window.first for row in last]
    assert all(len(set(each)) == len(each) for each in targets.values())
    # In each group what is learned stands before what is validated, and that before what is tested.
    for group in {g for g, _ in sorted_rows}:
        ends = [[n for n in fitted.rows[p] if sorted_rows[n][0] == group] for p in ("train", "validation", "test")]
        assert all(max(a) < min(b) for a, b in pairwise([each for each in ends if each]))


@pytest.mark.parametrize(
    ("said", "rows", "message"),
    [
        (
            "target heat; window 3",
            [2, 1, 0, *range(3, 60)],
            "its rows do not stand in the order of day: line 3 goes back",
        ),
        ("target heat; window 70", None, "d.csv has 60 rows, and a window of 70 and its target, 1 ahead, take 71"),
        (
            "target heat; window 50; test 20%",
            None,
            "the training part of d.csv has 48 rows, and a window of 50 and its",
        ),
        (
            "target heat; window 3 ahead=1..9; test 5",
            None,
            "test part of d.csv has 5 rows, and the 9 targets of a window",
        ),
        ("target heat; window 3; drop heat", None, "heat is learned, and `drop` names it too"),
        ("target heat; window 3; order sky", None, "sky in line 2 is 'sun', which is no date and no number"),
        ("target heat; window 3; order dya", None, "d.csv has no column 'dya', which `order` names"),
        ("target heat; window 3; order day; drop day", None, "`drop` and `order` both name day"),
        ("target heat; window 3 ahead=1..2", None, "`ahead=1..2` learns heat of 2 rows, but the network ends in 1"),
        ("target heat; window 3; group store; test 20%", None, "has no column 'store', which `group` names"),
    ],
)
def test_what_cannot_be_windows_is_one_error(tmp_path: Path, said: str, rows: list[int] | None, message: str) -> None:
    with pytest.raises(ns.NetspecError) as error:
        load(tmp_path, said, csv(weather(), rows))
    assert message in str(error.value)
    assert "fix:" in str(error.value)


@pytest.mark.parametrize("count", [40, 60])  # that many days are a category by themselves, and that many are none
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%b %d %Y"])
def test_the_fix_names_what_tells_series_apart(tmp_path: Path, form: str, count: int) -> None:
    columns = stores(count)
    columns["day"] = [date.fromisoformat(day).strftime(form) for day in columns["day"]]
    with pytest.raises(ns.NetspecError, match="`group store` makes each a series"):
        load(tmp_path, "target heat; window 3", csv(columns))


def test_a_note_names_what_tells_series_apart(tmp_path: Path) -> None:
    beside = [n + 40 * side for n in range(40) for side in (0, 1)]
    said = load(tmp_path, "target heat; window 3", csv(stores(), beside)).notices
    assert any("of several series `group store` makes windows of each" in notice for notice in said)


def test_unevenly_spaced_rows_are_said(tmp_path: Path) -> None:
    columns = weather()
    columns["day"] = days(30) + days(30, first=37)
    said = load(tmp_path, "target heat; window 3; test 20%", csv(columns)).notices
    assert any("rows are mostly 1 day apart, and once not, at most 8 days (line 32)" in notice for notice in said)
    columns["day"] = [f"{2000 + n // 12}-{n % 12 + 1:02}-01" for n in range(60)]
    said = load(tmp_path, "target heat; window 3; test 20%", csv(columns)).notices
    assert [notice.partition(" has ")[0] for notice in said] == ["the last known value as the forecast"]


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-01-31", "2026-01-31 00:00:00"),
        ("31.1.2026 08:15", "2026-01-31 08:15:00"),
        ("1/31/26", "2026-01-31 00:00:00"),
        ("2026-01-31T08:00:00.25+01:00", "2026-01-31 07:00:00.250000"),
        ("1/31/2026 12:05 AM", "2026-01-31 00:05:00"),
        ("2026-02", "2026-02-01 00:00:00"),
        ("31.12.1999", "1999-12-31 00:00:00"),
        ("Jan 31 2026", "2026-01-31 00:00:00"),
        ("January 31st, 2026 08:15", "2026-01-31 08:15:00"),
        ("31-Sep-2026", "None"),
        ("30-Sep-2026", "2026-09-30 00:00:00"),
        ("1. Sept. 2026", "2026-09-01 00:00:00"),
        ("February 2026", "2026-02-01 00:00:00"),
        ("version 2026", "None"),
        ("99/99/2026", "None"),
        ("0001-01-01T00:00+14:00", "None"),
    ],
)
def test_a_date_is_a_moment(cell: str, moment: str) -> None:
    assert str(moment_of(cell, day_first=days_first([cell]) is not False)) == moment


def test_days_and_months_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    columns = weather(12)
    columns["day"] = [f"{n + 1}/{12 - n}/2024" for n in range(12)]
    with pytest.raises(ns.NetspecError, match="does not say which is the day and which the month"):
        load(tmp_path, "target heat; window 3; order day; test 20%", csv(columns))


@pytest.mark.parametrize("form", ["{m}/{d}/{y}", "{d}.{m}.{y}", "{y}-{m:02}-{d:02}"])
def test_a_new_table_may_write_its_dates_otherwise_than_the_one_that_was_learned(tmp_path: Path, form: str) -> None:
    columns = weather()
    columns["day"] = [f"{d.month}/{d.day}/{d.year}" for d in (BEGINS + timedelta(n) for n in range(60))]
    dataset = load(tmp_path, "target heat; window 5; order day; test 20%", csv(columns, [*range(30, 60), *range(30)]))
    assert dataset.preparation is not None
    assert dataset.preparation.table is not None
    assert dataset.preparation.table.windows is not None
    assert dataset.preparation.table.windows.day_first is False
    # The first days of January: those of the first form alone are told by what was learned.
    new = {name: [str(value) for value in column[:9]][::-1] for name, column in columns.items()}
    new["day"] = [form.format(y=2024, m=1, d=n + 1) for n in range(9)][::-1]
    _, rows, _ = table_windows.windows_of_rows(Table("new.csv", new, range(2, 11)), dataset.preparation.table)
    assert rows == [0, 1, 2, 3, 4]


def test_rows_of_a_new_table_have_the_forecasts_of_their_own_windows(tmp_path: Path) -> None:
    dataset = load(tmp_path, "target heat; window 5; group store; order day; test 20%", csv(stores()))
    assert dataset.preparation is not None
    assert dataset.preparation.table is not None
    order = random.Random(1).sample(range(80), 80)
    columns = {name: [str(column[i]) for i in order] for name, column in stores().items()}
    table = Table("new.csv", columns, range(2, 82))
    windows, rows, said = table_windows.windows_of_rows(table, dataset.preparation.table)
    feature = dataset.preparation.table.inputs["input"].features[0]
    last = windows[:, 0, -1] * feature.std + feature.mean
    assert np.round(last, 1).tolist() == [float(columns["heat"][row]) for row in rows]
    assert rows == [at for at, i in enumerate(order) if i % 40 >= 4]
    why = "a window is 5 rows, and fewer than 4 stand before them in the same store"
    assert said == [f"8 rows of new.csv have no answer: {why}"]
    few = Table("few.csv", {name: column[:2] for name, column in columns.items()}, range(2, 4))
    with pytest.raises(DataError, match="has as many rows as a window, and the model reads 5 rows"):
        table_windows.windows_of_rows(few, dataset.preparation.table)
