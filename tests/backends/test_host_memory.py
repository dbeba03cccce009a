"""Memory that is kept: in a process of its own, for it cannot be undone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import resource
from netspec.backends.host_memory import keep_memory
print(keep_memory())
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    b"x" * 64_000_000
use()
before = faults()
for _ in range(5):
    use()
print(faults() - before)
"""


def run(**environment: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return found.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is a library of Linux")
def test_memory_that_was_freed_is_used_again_without_a_page_fault():
    kept, faults = run()
    if kept == "False":
        pytest.skip("the C library here is not glibc")
    assert int(faults) < 1_000
    refused, usual = run(NETSPEC_KEEP_MEMORY="off")
    assert refused == "False"
    # 64 MB are 15,625 pages of 4 KiB; large pages make fewer, but never as few.
    assert int(usual) > 5 * int(faults)
