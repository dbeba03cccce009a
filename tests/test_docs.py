"""The reference pages are current, and every error code is documented."""

import re
import subprocess
import sys
from pathlib import Path

from netspec.codes import CODES

ROOT = Path(__file__).parent.parent


def test_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_codes_in_the_source_are_exactly_those_documented() -> None:
    files = [p for p in (ROOT / "netspec").rglob("*.py") if p.name != "codes.py"]
    used = {code for p in files for code in re.findall(r'"(E\d{4})"', p.read_text(encoding="utf-8"))}
    assert used == set(CODES)
