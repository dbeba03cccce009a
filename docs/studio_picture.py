"""Takes the picture of the studio that the pages show: a trained LeNet, and a digit drawn on its page.

`NETSPEC_DATA=… python docs/studio_picture.py` trains LeNet for an epoch; it needs Chromium and `netspec[studio]`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "tests"))

from studio.browser import browser  # noqa: E402

THREE = [
    *((0.28, 0.22), (0.42, 0.16), (0.58, 0.2), (0.63, 0.32), (0.55, 0.44), (0.42, 0.48)),
    *((0.58, 0.52), (0.68, 0.64), (0.62, 0.8), (0.45, 0.86), (0.28, 0.8)),
]
"""A three, as places on the pad."""


def main() -> int:
    """Write docs/images/studio.png and return the exit code."""
    with TemporaryDirectory(prefix="netspec-studio-") as scratch:
        folder = Path(scratch)
        spec = (FOLDER / "tutorial" / "better.net").read_text(encoding="utf-8")
        (folder / "lenet.net").write_text(spec, encoding="utf-8")
        subprocess.run([sys.executable, "-m", "netspec", "train", "lenet.net", "--epochs", "1"], cwd=folder, check=True)
        command = [sys.executable, "-m", "netspec", "studio", "lenet.net"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            with browser(folder / "profile", 1280, 1100) as page:
                page.open(address)
                page.click("#tab-try")
                page.until("document.querySelector('canvas.pad')")
                box = "document.querySelector('canvas.pad').getBoundingClientRect()"
                left, top, width = (page.value(f"{box}.{side}") for side in ("left", "top", "width"))
                page.drag([(left + x * width, top + y * width) for x, y in THREE])
                page.until("document.querySelectorAll('#insight img').length > 4")
                time.sleep(1)
                page.picture(FOLDER / "images" / "studio.png")
                problems = page.problems()
            server.send_signal(signal.SIGINT)
    print("\n".join(problems) or "wrote docs/images/studio.png")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
