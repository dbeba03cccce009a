"""Messages kept in a file, word for word: a heading and what is said."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["Refusals"]


class Refusals:
    """The messages of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, str]:
        """Return the messages by their headings."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return {
            found[1]: found[2] for found in re.finditer(r"^## ([^\n]*)\n\n```\n(.*?)\n```$", text, re.DOTALL | re.M)
        }

    def names(self) -> list[str]:
        """Return the headings."""
        return list(self.read())

    def compare(self, name: str, message: str, *, update: bool) -> None:
        """Raise AssertionError where a message is another one; write it with `--update`."""
        known = self.read()
        if update:
            known[name] = message
            parts = [f"## {name}\n\n```\n{said}\n```\n" for name, said in known.items()]
            head = "# What `netspec import SPEC.net WEIGHTS` says of weights that do not fit\n\n"
            self.path.write_text(head + "\n".join(parts), encoding="utf-8")
        assert message == known.get(name)
