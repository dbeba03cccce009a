"""What a shell completes: verbs, options, the names that an argument is chosen from; file names it adds itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netspec.cli import completion
from netspec.cli.app import VERBS, build
from netspec.diagnostics.codes import CODES
from netspec.system.resources import specs_folder
from netspec.workflows.pictures import PICTURES


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Return what asks for the completion of a line as bash does."""

    def ask(line: str) -> list[str]:
        words = line.split()
        monkeypatch.setenv("_NETSPEC_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - (not line.endswith(" "))))
        with pytest.raises(SystemExit):
            build(completion.wanted_verb())(args=[], prog_name="netspec")
        return capsys.readouterr().out.split()

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("netspec ", list(VERBS)),
        ("netspec re", ["resume", "replay"]),
        ("netspec train --ep", ["--epochs"]),
        ("netspec train --device ", ["cpu", "gpu"]),
        ("netspec eval x --data digits_", ["digits_by_writer"]),
        ("netspec data ", ["list", "fetch", "show"]),
        ("netspec data show mn", ["mnist"]),
        ("netspec new resnet", ["resnet18", "resnet20"]),
        ("netspec new ", sorted(path.stem for path in specs_folder().rglob("*.net"))),
        ("netspec layers one", ["one_cycle", "onecycle", "ones"]),
        ("netspec explain ", list(CODES)),
        ("netspec plot runs/lenet/001 ", list(PICTURES)),
        ("netspec show x.net --as j", ["jaxpr", "json"]),
        ("netspec check ", []),
        ("netspec check x.net --", ["--json", "--help"]),
        ("netspec --inst", ["--install-completion"]),
    ],
)
def test_completion(line: str, expected: list[str], complete: object) -> None:
    assert callable(complete)
    assert complete(line) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_quickly(shell: str) -> None:
    """With what it sets itself, and without JAX, NumPy or a verb that is not asked about."""
    code = """if True:
        import sys
        sys.argv = ["netspec"]
        from netspec.cli import main
        try:
            main()
        except SystemExit:
            found = {"jax", "numpy", "netspec.cli.verbs.train"} & set(sys.modules)
            assert not found, found
    """
    asked = {
        "bash": {"COMP_WORDS": "netspec new resnet1", "COMP_CWORD": "2"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "netspec new resnet1"},
        "fish": {"_TYPER_COMPLETE_ARGS": "netspec new resnet1", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    env = {**os.environ, "_NETSPEC_COMPLETE": f"complete_{shell}", **asked}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "resnet18" in done.stdout
    assert "lenet" not in done.stdout
