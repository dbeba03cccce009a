"""One of the processes that fetch the same file at once: a job comes as a line of JSON, and its outcome goes as one.

A job has the arguments of `download`, and `locks`: whether file locks work, which on some file systems they do not.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from unittest.mock import patch

from netspec.data.builtin import download as module

__all__ = ["main"]


def main() -> None:
    """Do the jobs of standard input until it ends."""
    for line in sys.stdin:
        print(json.dumps(_outcome(**json.loads(line))), flush=True)


def _outcome(urls: list[str], target: str, sha256: str, size: int, locks: bool) -> str:
    """Fetch, and return what is wrong with what is there then; empty where nothing is."""
    without = patch("fcntl.flock", side_effect=OSError("no locks here"))
    if not locks:
        without.start()
    try:
        path = module.download(urls, Path(target), sha256=sha256, size=size, timeout=0.3)
        right = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except Exception as error:  # whatever keeps a process from the file is what is looked for
        return f"{type(error).__name__}: {error}"
    finally:
        patch.stopall()
    return "" if right else "another content"


if __name__ == "__main__":
    main()
