"""Floor 4: the reference page of anything the language can name, made from its class."""

from __future__ import annotations

import inspect

from netspec.layers import LAYERS
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.resolve import value_text
from netspec.signature import Definition, Parameter, parameters

__all__ = ["FAMILIES", "find_page", "page", "signature", "summary"]

FAMILIES: dict[str, tuple[type[Definition], ...]] = {
    "layers": LAYERS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "losses": LOSSES,
    "initializers": INITIALIZERS,
}
"""Everything that has a page, by family."""


def find_page(name: str) -> type[Definition] | None:
    """Return the definition of a name or alias; layers come first."""
    for family in FAMILIES.values():
        for cls in family:
            if name == cls.canonical() or name in cls.aliases:
                return cls
    return None


def summary(cls: type[Definition]) -> str:
    """Return the first line of a definition's documentation."""
    return (inspect.getdoc(cls) or "").splitlines()[0]


def signature(cls: type[Definition]) -> str:
    """Return how a definition is written: `conv FILTERS KERNEL [activation] [stride=1x1] …`."""
    words = [cls.canonical()]
    for p in sorted(parameters(cls), key=lambda p: not p.positional):
        if p.positional:
            words.append(p.name.upper() if p.required else f"[{p.name.upper()}]")
        elif p.is_flag:
            words.append(f"[no{p.name}]" if p.default else f"[{p.name}]")
        elif p.members:
            words.append(f"[{p.name}]")
        else:
            words.append(f"[{p.name}={'' if p.default is None else value_text(p.default)}]")
    return " ".join(words)


def page(cls: type[Definition]) -> str:
    """Return the reference page of a definition, as plain text."""
    lines = [signature(cls), "", inspect.getdoc(cls) or ""]
    if parameters(cls):
        lines += ["", "Arguments:"]
        lines += [line for p in parameters(cls) for line in _argument(p)]
    if cls.aliases:
        lines += ["", f"Also understood: {', '.join(cls.aliases)}"]
    example = getattr(cls, "example", "")
    if example:
        lines += ["", f"Example: {example}"]
    return "\n".join(lines)


def _argument(p: Parameter) -> list[str]:
    default = "required" if p.required else "none" if p.default is None else f"default {value_text(p.default)}"
    return [f"  {p.name} ({default})", f"      {p.description}", f"      {p.expects}"]
