"""Floor 8: the command line, one file a verb. All printing and exit codes live here."""

from netspec.cli.app import main

__all__ = ["main"]
