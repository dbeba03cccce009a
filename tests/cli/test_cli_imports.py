"""What the command line does not import: in a process of its own, which has imported nothing before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from command_line import BAD, GOOD, ROOT, variables

import netspec
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile

HEAVY = ("jax", "jaxlib", "optax", "matplotlib", "PIL", "numpy")
PROGRAM = f"""\
import json, sys
import netspec.cli.entry  # what a process imports before it runs a command
from netspec.cli.app import run_command
codes = []
for words in json.loads(sys.argv[1]):
    code = run_command(words)
    codes.append([code, [name for name in {HEAVY} if name in sys.modules]])
print(json.dumps(codes))
"""


def test_checking_showing_comparing_and_refusing_import_no_jax(tmp_path: Path) -> None:
    """A model file is read with NumPy, the folder of a run without; a training that is refused has imported no JAX."""
    (tmp_path / "good.net").write_text(GOOD)
    (tmp_path / "bad.net").write_text(BAD)
    (tmp_path / "run").mkdir()
    network = netspec.parse(GOOD, name="good")
    (tmp_path / "run" / "network.json").write_text(network.model_dump_json(indent=2))
    graph = network.graph()
    arrays = {p.path: np.zeros(p.shape, np.float32) for p in graph.parameters.values()}
    model_file.write(tmp_path / "m.safetensors", ModelFile(network, graph, arrays, tuple("0123456789"), {}))
    commands = [
        ("check good.net bad.net", 1, []),
        ("show good.net", 0, []),
        ("show good.net --as ops --passes", 0, []),
        ("fmt --check good.net", 0, []),
        ("diff good.net run", 0, []),
        ("layers conv", 0, []),
        ("explain E0301", 0, []),
        ("train bad.net", 1, []),
        ("train good.net --epochs 0", 1, []),
        ("diff good.net m.safetensors", 0, ["numpy"]),
    ]
    words = json.dumps([line.split() for line, *_ in commands])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, words],
        cwd=tmp_path,
        env=variables(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    *said, codes = done.stdout.splitlines()
    assert json.loads(codes) == [[code, heavy] for _, code, heavy in commands], done.stderr
    assert said.count("nothing differs") == 2
    assert "E0201" in done.stderr
    assert "epochs 0: " in done.stderr


def test_a_shell_that_asks_is_answered_without_the_other_verbs() -> None:
    """Each press of the tabulator starts a process."""
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
    asked = {"_NETSPEC_COMPLETE": "complete_bash", "COMP_WORDS": "netspec new resnet1", "COMP_CWORD": "2"}
    env = {**os.environ, "PYTHONPATH": ROOT, **asked}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["resnet18"]), done.stderr
