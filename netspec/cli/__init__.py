"""The command line: all printing and all exit codes."""

import gc
import os

__all__ = ["main"]


def main() -> None:
    """Run the command line, after setting what must be set before anything else is imported."""
    # A check makes many objects and no garbage: looking for it takes a seventh of the time of a spec of 5,000 layers.
    gc.set_threshold(100_000)
    # Pydantic looks for plugins in every installed package; netspec has none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from netspec.cli.entry import run  # noqa: PLC0415

    run()
