"""`netspec layers` and `explain`: what a message or a page sends one to has a page; lists fit the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.describe.reference import REGISTRIES, all_names, library_blocks, page_of
from netspec.elaborate.vocabulary import COMMANDS, Command
from netspec.ir.data_source import DataSource
from netspec.ir.recipe import Recipe
from netspec.recipe.catalog import DATASETS
from netspec.system.resources import library_folder


def test_every_name_has_a_page() -> None:
    for name in all_names():
        assert page_of(name), name


@pytest.mark.parametrize("name", [*Recipe.model_fields, *DataSource.model_fields])
def test_every_setting_has_a_page_or_says_where(name: str) -> None:
    if name not in {"kind", "name", "fallback"}:
        assert page_of(name)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda c: c.name)
def test_a_command_shows_its_use(command: Command) -> None:
    found = page_of(command.name)
    assert found
    assert command.usage in found


def test_a_block_of_the_library_shows_its_parameters_and_its_text() -> None:
    found = page_of("conv_bn")
    assert found
    assert found.startswith("conv_bn FILTERS [kernel=3] [stride=1] [act=relu]\n\nConvolution, batch normalization")
    assert "include blocks" in found
    assert "batchnorm act" in found


def test_every_block_of_the_library_says_what_it_is_for() -> None:
    assert len(library_blocks()) == sum(
        line.startswith("block ") for f in library_folder().glob("*.net") for line in f.read_text().splitlines()
    )
    assert all(block.summary for block in library_blocks())


def test_a_dataset_has_a_page() -> None:
    for dataset in DATASETS:
        found = page_of(dataset.name)
        assert found
        assert dataset.title in found


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_list_fits_the_terminal(width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from netspec.cli.verbs.layers import layers  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        layers(None)
    said = capsys.readouterr().out.splitlines()
    # The names of classes are what they are; only the last line, for readers of pipes, may be longer.
    assert max(map(len, said[:-1])) <= width
    for family in REGISTRIES.values():
        for kind in family.names:
            assert any(line.startswith(f"  {kind} ") for line in said)


@pytest.mark.parametrize("code", ["E0301", "e0301", "301", "0301"])
def test_a_code_may_be_shortened(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    from netspec.cli.verbs.explain import explain  # noqa: PLC0415

    explain(code)
    assert capsys.readouterr().out.startswith("E0301: ")
