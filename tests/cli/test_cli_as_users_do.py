"""The main job from start to end in a process of its own, compiled as users' are."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import GOOD, cli, spawn


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "good.net").write_text(GOOD)
    return tmp_path


def test_plain_lines_and_fresh_numbered_folders(here: Path) -> None:
    done = spawn(here, "train", "good.net", FORCE_COLOR="", TERM="xterm-256color", JAX_DISABLE_MOST_OPTIMIZATIONS="0")
    assert (done.returncode, done.stderr) == (0, "")
    first, epoch, summary, saved = done.stdout.splitlines()
    assert first.startswith("good: 610 parameters; digits: 1,437 training and 360 test images; batch 500, 1 epoch")
    assert epoch.startswith("epoch 1/1   train loss ")
    assert summary.startswith("test accuracy ")
    assert "saved in runs/good/001; next: netspec predict runs/good/001 digit.png" in saved
    assert (here / "runs" / "good" / "001" / "spec.net").read_text() == GOOD
    quiet = cli(here, "train", "good.net", "--quiet")
    assert len(quiet.stdout.splitlines()) == 1
    assert quiet.stdout.startswith("test accuracy ")
    assert sorted(p.name for p in (here / "runs" / "good").iterdir()) == ["001", "002"]
