"""The tests lie in the folders that README.md names, and those of the tier without JAX cannot import it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TIER = (TESTS / "without_jax.txt").read_text(encoding="utf-8").splitlines()


def test_jax_cannot_be_imported_here() -> None:
    with pytest.raises(ImportError):
        import jax  # noqa: F401, PLC0415
    assert sys.modules["jax"] is None


def test_the_tier_is_of_folders_with_tests() -> None:
    assert sorted(set(TIER)) == TIER
    for folder in TIER:
        assert list((TESTS.parent / folder).glob("test_*.py")), folder
    assert Path(__file__).parent.relative_to(TESTS.parent).as_posix() in TIER


def test_every_folder_is_named_in_the_readme_and_no_test_lies_beside_them() -> None:
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    folders = {p.relative_to(TESTS).parts[0] for p in TESTS.rglob("*.py") if p.parent != TESTS}
    assert {name for name in folders if f"\n| `{name}/` | " not in page} == set()
    assert list(TESTS.glob("test_*.py")) == []
