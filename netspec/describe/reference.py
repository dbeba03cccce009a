"""Reference pages of everything the language can name, made from its class."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.spellings import SPELLINGS
from netspec.elaborate.vocabulary import COMMANDS, Command
from netspec.ir.data_source import DataSource
from netspec.ir.recipe import Compile, Recipe
from netspec.ir.text import value_text
from netspec.layers import LAYERS
from netspec.recipe import catalog as datasets
from netspec.recipe.image_settings import Augment, Views
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.recipe.settings import Clip, Evaluate, Normalize, Scale, Shuffle
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.schema.registry import Registry
from netspec.syntax import ast
from netspec.syntax.parser import parse
from netspec.syntax.printer import print_argument
from netspec.system.resources import library_folder

__all__ = [
    "REGISTRIES",
    "LibraryBlock",
    "all_names",
    "find_page",
    "library_blocks",
    "page",
    "page_of",
    "signature",
    "summary",
]


REGISTRIES: dict[str, Registry[Any]] = {
    "layers": LAYERS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "losses": LOSSES,
    "initializers": INITIALIZERS,
}
"""Everything that has a page, by registry."""


SETTINGS: tuple[type[Definition], ...] = (Scale, Normalize, Shuffle, Augment, Views, Clip, Evaluate)
"""The settings of `data` and `train` with arguments of their own."""


_OWNERS: dict[str, type[Definition]] = {"train": Recipe, "data": DataSource, "compile": Compile}
"""The commands that have settings."""


def find_page(name: str) -> type[Definition] | None:
    """Return the definition of a name or alias; layers come first."""
    registry = next((registry for registry in REGISTRIES.values() if name in registry), None)
    return registry[name] if registry else next((cls for cls in SETTINGS if cls.canonical() == name), None)


def page_of(name: str) -> str | None:
    """Return the page of a definition, a command, a setting, a dataset or a block of the library.

    A setting may stand behind its command, as for `--set`: `data.validation`, `train.optimizer.lr`.
    """
    owner, _, setting = name.partition(".")
    if setting:
        known = {p.name: p for p in parameters(_OWNERS[owner])} if owner in _OWNERS else {}
        own = known.get(setting.partition(".")[0])
        return _setting_page(owner, own) if own else None
    found = find_page(name)
    if found:
        return page(found)
    command = COMMANDS.get(name)
    if command:
        return _command_page(command, _OWNERS.get(name))
    block = next((b for b in library_blocks() if b.name == name), None)
    if block:
        return block.page()
    dataset = datasets.find(name)
    if dataset:
        return f"{name}: {dataset.title}\n\nA dataset; `netspec data list` says where it is. Example: data {name}"
    for command_name, cls in _OWNERS.items():
        for p in parameters(cls):
            if p.name == name:
                return _setting_page(command_name, p)
    return None


def _setting_page(command: str, p: Parameter) -> str:
    own = p.members.get(p.name) if len(p.members) == 1 else None
    if own:
        return page(own)
    head = f"{p.name}: a setting of `{command} {{ }}`; `netspec layers {command}` shows all of them"
    return "\n".join([head, "", *_argument(p)])


def all_names() -> list[str]:
    """Return every name that has a page, the canonical ones first."""
    kinds = [kind for registry in REGISTRIES.values() for kind in registry.names]
    settings = [cls.canonical() for cls in SETTINGS]
    settings += [p.name for cls in _OWNERS.values() for p in parameters(cls)]
    others = [*COMMANDS, *(b.name for b in library_blocks()), *(d.name for d in datasets.DATASETS)]
    every = [*kinds, *settings, *others, *(name for registry in REGISTRIES.values() for name in registry)]
    return list(dict.fromkeys(every))


def _command_page(command: Command, settings: type[Definition] | None) -> str:
    lines = [command.usage, "", command.meaning]
    if settings:
        lines += ["", "Settings:"]
        lines += [line for p in parameters(settings) if p.name not in settings.inline for line in _argument(p)]
    return "\n".join([*lines, "", "Example:", *(f"    {line}" for line in command.example.splitlines())])


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
            word = f"{p.name}={'' if p.default is None else value_text(p.default)}"
            words.append(word if p.required else f"[{word}]")
    return " ".join(words + [f"[{key}=LABEL]" for key in [getattr(cls, "second", "")] if key])


def page(cls: type[Definition]) -> str:
    """Return the reference page of a definition, as plain text."""
    lines = [signature(cls), "", inspect.getdoc(cls) or ""]
    if parameters(cls):
        lines += ["", "Arguments:"]
        lines += [line for p in parameters(cls) for line in _argument(p)]
    if cls.aliases:
        lines += ["", f"Also understood: {', '.join(cls.aliases)}"]
        lines += [f"  {name}: {SPELLINGS[name].described()}" for name in cls.aliases if name in SPELLINGS]
    example = getattr(cls, "example", "")
    if example:
        lines += ["", f"Example: {example}"]
    return "\n".join(lines)


def _argument(p: Parameter) -> list[str]:
    default = (
        "required"
        if p.required
        else "none"
        if p.default is None or p.default == ()
        else f"default {value_text(p.default)}"
    )
    # A setting with arguments of its own has a page of its own.
    own = p.members.get(p.name) if len(p.members) == 1 else None
    return [f"  {p.name} ({default})", f"      {p.description}", f"      {signature(own) if own else p.expects}"]


@dataclass(frozen=True, slots=True)
class LibraryBlock:
    """A block of a library file: what is said above it is what it is for."""

    file: str
    name: str
    usage: str
    summary: str
    text: str

    def page(self) -> str:
        """Return its reference page, as plain text."""
        return f"{self.usage}\n\n{self.summary}\n\nIn the library: `include {self.file}`\n\n{self.text}"


@cache
def library_blocks() -> tuple[LibraryBlock, ...]:
    """Return all blocks of all library files, in their order."""
    found = []
    for path in sorted(library_folder().glob("*.net")):
        source = Source(path.name, path.read_text(encoding="utf-8"))
        found += [_block(path.stem, source, c) for c in parse(source).commands if c.name.text == "block"]
    return tuple(found)


def _block(file: str, source: Source, command: ast.Command) -> LibraryBlock:
    value = command.arguments[0].value
    given = value.arguments if isinstance(value, ast.Call) else ()
    name = value.name.text if isinstance(value, ast.Call) else print_argument(command.arguments[0])
    words = [f"[{print_argument(a)}]" if a.key else print_argument(a).upper() for a in given]
    above: list[str] = []
    line = command.span.line - 1
    while source.line(line).startswith("#"):
        above.insert(0, source.line(line).lstrip("# "))
        line -= 1
    text = "\n".join(source.lines[command.span.line - 1 : command.span.end_line])
    return LibraryBlock(file, name, " ".join([name, *words]), " ".join(above), text)
