"""The studio in a real browser: a mistake, its fix, a training, a drawn digit, its answer; and again after a reload."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command_line import variables
from studio.browser import browser

pytest.importorskip("starlette", reason="starlette is not installed: pip install 'netspec[studio]'")

SPEC = "input 1x8x8\nconv 8 3x3 relu\nfc 10 softmax\ndata digits\ntrain { epochs 2; batch 64; seed 1 }\n"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "netspec", "studio", "own.net"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=variables(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 130
        assert said.strip() in {"", "interrupted"}


def put(text: str) -> str:
    """Return the script that puts a text into the editor, as if it were typed."""
    return f"document.querySelector('.CodeMirror').CodeMirror.setValue({json.dumps(text)})"


TEXT = "document.querySelector('.CodeMirror').CodeMirror.getValue()"


def test_from_a_mistake_to_an_answer(address: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as page:
        page.open(address)
        assert "a network" in page.text("#next")
        # The keyboard of a phone presses no keys; beside the shape of a line nothing of it is lost.
        page.value(put("input 1x8x8; fc 10"))
        page.until("document.querySelector('.shape')")
        page.value(
            "{ const cm = document.querySelector('.CodeMirror').CodeMirror; cm.focus(); cm.execCommand('goDocEnd') }"
        )
        for character in " softmax":
            page.type(character)
        page.until(f"{TEXT}.endsWith('fc 10 softmax')")
        # What completion offers follows what is typed, and Enter behind a whole word begins a line.
        page.value(put(""))
        for key in "con":
            page.press(key)
        page.until("document.querySelector('.CodeMirror-hint')")
        page.press("v")
        page.until("!document.querySelector('.CodeMirror-hint')")
        page.press("Enter")
        page.until(f"{TEXT} === 'conv\\n'")
        page.value(put(SPEC.replace("conv", "cnv")))
        page.until("document.querySelector('#messages .fix')")
        assert "unknown layer or command `cnv`" in page.text("#messages li")
        assert page.text("#messages .place") == "line 2"
        assert page.value("document.querySelector('.wrong').textContent") == "cnv"
        assert page.value("document.getElementById('train').disabled")
        page.click("#messages .fix")
        page.until("!document.querySelector('#messages li')")
        page.until("document.getElementById('summary').textContent.startsWith('2 layers')")
        assert "8x6x6" in page.value("[...document.querySelectorAll('.shape')].map(e => e.textContent).join()")
        page.until("document.querySelector('#drawing img')?.complete")
        assert page.text("#go") == "Train"
        page.click("#go")
        page.until("document.querySelectorAll('#epoch-table tbody tr').length === 2", 180)
        page.until("document.getElementById('state').textContent.startsWith('done')")
        assert (tmp_path / "own.net").read_text() == SPEC
        assert page.value("document.querySelectorAll('#curves .chart').length") == 2
        page.click("#go")
        page.until("document.querySelector('canvas.pad')")
        box = "document.querySelector('canvas.pad').getBoundingClientRect()"
        left, top, width = (page.value(f"{box}.{side}") for side in ("left", "top", "width"))
        page.drag([(left + width * 0.5, top + width * (0.2 + 0.05 * n)) for n in range(13)])
        page.until("document.querySelector('#answer .big')")
        assert page.text("#answer .big") in set("0123456789")
        assert page.value("document.querySelectorAll('#insight img').length") >= 4
        page.picture(tmp_path / "tried.png")
        page.click("#tab-training")
        page.picture(tmp_path / "trained.png")
        page.click("#tab-try")
        page.open(address)
        page.until("document.querySelector('.CodeMirror').CodeMirror.getValue().includes('conv 8 3x3')")
        page.until("document.getElementById('tab-try').getAttribute('aria-selected') === 'true'")
        page.until("document.querySelectorAll('#epoch-table tbody tr').length === 2")
        assert page.value("document.getElementById('run').value") == "own/001"
        assert page.problems() == []


def test_it_fits_a_phone(address: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile", 500, 800) as page:
        page.open(address)
        assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
        for tab in ("data", "training", "try", "network"):
            page.click(f"#tab-{tab}")
            assert page.value("document.documentElement.scrollWidth <= window.innerWidth"), tab
