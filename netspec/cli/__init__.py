"""The command line, one file a verb. All printing and exit codes live here."""

import gc
import os
import sys
from types import ModuleType

__all__ = ["main"]


def main() -> None:
    """Run the command line, after setting what must be set before anything else is imported."""
    # Importing makes many objects and no garbage: at the usual threshold, looking for it takes a tenth of a check.
    gc.set_threshold(100_000)
    _without_plugins()
    from netspec.cli.exits import run  # noqa: PLC0415

    run()


def _without_plugins() -> None:
    """Let Pydantic have no plugins: looking for them in every installed package takes a tenth of a check.

    Told so by its variable, it still imports what would look for them, e-mail and ZIP files included, which takes half
    as long: so it finds that module imported already, and empty. A release without such a module is not disturbed.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if os.environ["PYDANTIC_DISABLE_PLUGINS"] == "__all__":
        loader = ModuleType("pydantic.plugin._loader")
        loader.get_plugins = tuple  # type: ignore[attr-defined]
        sys.modules.setdefault(loader.__name__, loader)
