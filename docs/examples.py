"""Checks the Python programs of README.md and of the pages with `mypy --strict`, as an editor shows them to readers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent


def programs() -> dict[str, str]:
    """Return the programs by the name of their page and the line that they begin on."""
    found = {}
    for page in (FOLDER.parent / "README.md", *sorted(FOLDER.glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            found[f"{page.stem}_{text.count(chr(10), 0, match.start(1)) + 1}"] = match[1]
    return found


def main() -> int:
    """Check them all at once; returns mypy's exit code."""
    with TemporaryDirectory() as folder:
        for name, program in programs().items():
            (Path(folder) / f"{name}.py").write_text(program, encoding="utf-8")
        # Without the project's own settings, which a reader does not have.
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", folder]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
