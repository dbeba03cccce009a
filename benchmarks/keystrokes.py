"""How long the studio takes from a keystroke to shapes and errors on the screen: a line of docs/studio.md.

    python benchmarks/keystrokes.py            # needs Chromium and netspec[studio]; writes the page
    python benchmarks/keystrokes.py --keys 5   # fewer keystrokes; prints only

A key is typed at the end of the first comment, then a wrong word, which is taken away again; each time is from the
change of the text to the second frame after shapes and messages were written.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from recorded import ROOT, commit

from netspec.system.files import atomic_write

sys.path.insert(0, str(ROOT / "tests"))

SPECS = {"LeNet": ROOT / "specs" / "lenet.net", "ResNet-50": ROOT / "specs" / "models" / "resnet50.net"}
PAGE = ROOT / "docs" / "studio.md"
BEGIN, END = "<!-- latency:begin -->", "<!-- latency:end -->"

_TYPED = """(async () => {
  const cm = document.querySelector('.CodeMirror').CodeMirror, root = document.documentElement;
  const before = root.dataset.checked, began = performance.now();
  CHANGE
  while (root.dataset.checked === before) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return performance.now() - began;
})()"""

_CHANGES = (
    "cm.replaceRange('x', {line: 0, ch: cm.getLine(0).length});",
    "cm.replaceRange('cnv 3\\n', {line: cm.lineCount() - 1, ch: 0});",
    "cm.undo();",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Type into the studio, and write what was measured."""
    parser = argparse.ArgumentParser(description="Measure the studio from a keystroke to the screen.")
    parser.add_argument("--keys", type=int, help="keystrokes of each kind; without it 30, and the page is written")
    chosen = parser.parse_args(arguments)
    found = {name: _measured(spec, chosen.keys or 30) for name, spec in SPECS.items()}
    said = ", ".join(f"{name} {median(times):.0f} ms (at most {max(times):.0f} ms)" for name, times in found.items())
    print(said)
    if chosen.keys is None:
        text = PAGE.read_text(encoding="utf-8")
        line = (
            f"From a keystroke to shapes and errors on the screen, median of {len(found['LeNet'])} in headless "
            f"Chromium: {said}; commit `{commit()}`, `python benchmarks/keystrokes.py`."
        )
        atomic_write(PAGE, re.sub(f"{BEGIN}.*{END}", f"{BEGIN}\n{line}\n{END}", text, flags=re.DOTALL))
    return 0


def _measured(spec: Path, keys: int) -> list[float]:
    """Return the milliseconds of each keystroke."""
    from studio.browser import browser  # noqa: PLC0415

    with TemporaryDirectory(prefix="netspec-studio-") as scratch:
        folder = Path(scratch)
        (folder / spec.name).write_text("# A comment\n" + spec.read_text(encoding="utf-8"), encoding="utf-8")
        command = [sys.executable, "-m", "netspec", "studio", spec.name]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            with browser(folder / "profile") as page:
                page.open(address)
                page.click("#tab-training")
                times = [page.value(_TYPED.replace("CHANGE", change)) for _ in range(keys) for change in _CHANGES]
            server.send_signal(signal.SIGINT)
    # The first ones find the server cold.
    return times[3:]


if __name__ == "__main__":
    sys.exit(main())
