"""Floor 8: the command line, a thin client of the public API, one file a verb. All printing and exit codes live here."""

from netspec.cli.app import main

__all__ = ["main"]
