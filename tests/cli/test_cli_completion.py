"""What a shell completes: verbs, options, the names that an argument is chosen from; file names it adds itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import cli

from netspec.cli.app import VERBS
from netspec.diagnostics.codes import CODES
from netspec.system.resources import ready_made
from netspec.workflows.pictures import PICTURES


def complete(folder: Path, line: str) -> list[str]:
    """Ask for the completion of a line as bash does."""
    words = line.split()
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - (not line.endswith(" ")))}
    return cli(folder, _NETSPEC_COMPLETE="complete_bash", **asked).stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("netspec ", list(VERBS)),
        ("netspec re", ["resume", "replay", "report"]),
        ("netspec train --ep", ["--epochs"]),
        ("netspec train --device ", ["cpu", "gpu"]),
        ("netspec eval x --data digits_", ["digits_by_writer"]),
        ("netspec data ", ["list", "fetch", "show"]),
        ("netspec data show mn", ["mnist"]),
        ("netspec data fetch cifar", ["cifar10", "cifar100"]),
        ("netspec new resnet", ["resnet18", "resnet20", "resnet50"]),
        ("netspec new ", list(ready_made())),
        ("netspec layers one", ["one_cycle", "one_hot", "onecycle", "onehot", "ones"]),
        ("netspec explain ", list(CODES)),
        ("netspec plot runs/lenet/001 ", list(PICTURES)),
        ("netspec show x.net --as j", ["jaxpr", "json"]),
        ("netspec check ", []),
        ("netspec check x.net --", ["--json", "--help"]),
        ("netspec --inst", ["--install-completion"]),
    ],
)
def test_completion(line: str, expected: list[str], tmp_path: Path) -> None:
    assert complete(tmp_path, line) == expected


@pytest.mark.parametrize(
    ("shell", "asked"),
    [
        ("zsh", {"_TYPER_COMPLETE_ARGS": "netspec new resnet1"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "netspec new resnet1", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_other_shells_are_answered_too(shell: str, asked: dict[str, str], tmp_path: Path) -> None:
    done = cli(tmp_path, _NETSPEC_COMPLETE=f"complete_{shell}", **asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert "resnet18" in done.stdout
    assert "lenet" not in done.stdout
