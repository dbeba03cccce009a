"""`netspec import` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli.command_line import cli
from tests.formats.darknet_twin import Twin

CFG = (
    "[net]\nheight=8\nwidth=8\nchannels=1\n[convolutional]\nfilters=2\nsize=3\nactivation=leaky\n"
    "[connected]\noutput=3\nactivation=linear\n[softmax]\n"
)


def written(folder: Path) -> None:
    twin = Twin(CFG)
    twin.forward(np.zeros((1, 1, 8, 8)))
    (folder / "net.cfg").write_text(CFG)
    (folder / "net.weights").write_bytes(twin.weights())
    (folder / "names.txt").write_text("cat\ndog\nbird\n")


def test_a_network_is_imported_checked_and_used(tmp_path: Path) -> None:
    written(tmp_path)
    done = cli(tmp_path, "import", "net.cfg", "--weights", "net.weights", "--labels", "names.txt", "-o", "mine.net")
    assert (done.returncode, done.stderr) == (0, "")
    assert "conv 2 3 leaky_relu" in done.stdout
    assert "layer 1 of net.weights" in done.stdout
    assert done.stdout.endswith(
        "239 parameters\nwrote mine.net and mine.safetensors; next: netspec eval mine.safetensors --data NAME\n"
    )
    assert cli(tmp_path, "check", "mine.net").returncode == 0
    np.save(tmp_path / "x.npy", np.zeros((1, 8, 8), np.uint8))
    assert any(name in cli(tmp_path, "predict", "mine.safetensors", "x.npy").stdout for name in ("cat", "dog", "bird"))

    again = cli(tmp_path, "import", "net.cfg", "-o", "mine.net")
    assert again.returncode == 1
    assert (
        again.stderr == "error: mine.net exists already\n  fix: choose another name with -o, or replace it: --force\n"
    )
    assert cli(tmp_path, "import", "net.cfg", "-o", "mine.net", "--force").returncode == 0


def test_what_was_imported_as_json(tmp_path: Path) -> None:
    written(tmp_path)
    with (tmp_path / "net.cfg").open("a") as stream:
        stream.write("[yolo]\n")
    refused = cli(tmp_path, "import", "net.cfg", "--json")
    assert refused.returncode == 1
    assert refused.stderr == (
        "error: not everything was understood:\n"
        "  net.cfg, line 13: [yolo]: a detection head; the layers before it give the boxes\n"
        "  fix: --partial writes the rest\n"
    )
    made = json.loads(cli(tmp_path, "import", "net.cfg", "--partial", "--json").stdout)
    assert (made["format"], made["spec"], made["model"], made["parameters"]) == ("darknet", "net.net", None, 239)
    assert made["layers"][0] == {
        "name": "conv_1",
        "layer": "conv 2 3 leaky_relu(slope=0.1)",
        "shape": [2, 6, 6],
        "parameters": 20,
        "from": "line 5",
    }
    assert [u["place"] for u in made["not_understood"]] == ["net.cfg, line 13"]


def test_wrong_usage(tmp_path: Path) -> None:
    written(tmp_path)
    assert cli(tmp_path, "import", "net.cfg", "--shape", "8by8").returncode == 2
    assert cli(tmp_path, "import").returncode == 2
    assert "is no name of a spec" in cli(tmp_path, "import", "net.cfg", "-o", "x.txt").stderr
    assert "cannot be read" in cli(tmp_path, "import", "none.cfg").stderr
    wrong = cli(tmp_path, "import", "net.cfg", "net.weights", "--labels", "net.cfg")
    assert wrong.stderr.startswith("error: net.cfg has 12 names, and the network gives 3\n")
    assert not (tmp_path / "net.net").exists()
