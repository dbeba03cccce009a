"""Floor 8: the command line, one file a verb. All printing and exit codes live here."""

import gc
import os

__all__ = ["main"]


def main() -> None:
    """Run the command line, after setting what must be set before anything else is imported."""
    # Importing makes many objects and no garbage: at the usual threshold, looking for it takes a tenth of a check.
    gc.set_threshold(100_000)
    # Pydantic looks for plugins in every installed package, which costs another tenth.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from netspec.cli.exits import run  # noqa: PLC0415

    run()
