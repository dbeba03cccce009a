"""What stays together when pictures and texts are divided: by their names."""

from __future__ import annotations

import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.group_names import group_of, pattern_wrong
from netspec.sources.files.groups import groups_of, require_apart
from netspec.sources.files.kinds import PICTURES


@pytest.mark.parametrize(
    ("pattern", "path", "group"),
    [
        ("{}_*", "p017_left_2.png", "p017"),
        ("{}_*", "deeper/p017_left.png", "p017"),
        ("scan_{}_*", "scan_a.b_1.png", "a.b"),
        ("*_{}", "left_p017.jpeg", "p017"),
        ("{}-day*", "anna-day12.txt", "anna"),
        ("{}/*", "p017/left.png", "p017"),
        ("{}/*", "p017/day 1/left.png", "p017"),
        ("*/{}_*", "day 1/p017_left.png", "p017"),
        ("{}_?", "p_?.png", "p"),
        ("{}_*", "p017.png", None),
        ("{}_*", "_left.png", None),
        ("{}/*", "left.png", None),
        ("{}_*", "p_1", "p"),
    ],
)
def test_the_group_of_a_name(pattern: str, path: str, group: str | None) -> None:
    assert pattern_wrong(pattern) is None
    assert group_of(pattern, path) == group


@pytest.mark.parametrize("pattern", ["{}", "{}*", "{}_{}", "*{}_", "*_*_{}_*", "{}{}"])
def test_patterns_that_say_no_group(pattern: str) -> None:
    assert pattern_wrong(pattern)
    with pytest.raises(ValueError, match=r"\{\}|pattern"):
        DataSource(name="photos", group=pattern)


def test_names_that_are_not_as_the_pattern_says() -> None:
    files = {"train": ["cat/a_1.png", "cat/b.png"], "test": ["cat/c.png"]}
    with pytest.raises(DataError, match=r"2 pictures of 3 in photos have no group .*, such as cat/b\.png"):
        groups_of("photos", files, 1, "{}_*", PICTURES)


def test_a_group_in_two_parts_of_its_own() -> None:
    require_apart({"train": ["a", "a", "b"], "test": ["c"]}, {"train": ["1", "2", "3"], "test": ["4"]}, "photos")
    with pytest.raises(DataError, match="photos has the group 'a' in two parts of its own: 1 is for training, 3 for"):
        require_apart({"train": ["a", "b"], "test": ["a"]}, {"train": ["1", "2"], "test": ["3"]}, "photos")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"name": "mnist", "group": "{}_*"}, "data of your own"),
        ({"name": "photos", "fallback": "digits", "group": "{}_*"}, "digits has no groups"),
        ({"name": "a.csv", "group": "{}_*"}, "names a column"),
        ({"name": "a.npz", "group": "{}_*"}, "names an array"),
        ({"name": "a.txt", "group": "{}_*"}, "divided at its end"),
        ({"name": "a.npz", "fallback": "digits", "group": "patient"}, "digits has no groups"),
    ],
)
def test_where_there_are_no_groups_of_files(source: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DataSource(**source)
