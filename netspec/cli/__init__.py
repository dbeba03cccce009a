"""The command line, one file a verb. All printing and exit codes live here."""

import os

__all__ = ["main"]


def main() -> None:
    """Run the command line, after setting what must be set before anything else is imported."""
    # Pydantic looks for plugins in every installed package; netspec has none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from netspec.cli.exits import run  # noqa: PLC0415

    run()
