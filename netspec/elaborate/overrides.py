"""`--let name=value` and `--set train.epochs=1`: values from outside, in the language's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.diagnostics.diagnostic import NetspecError, Source, SpecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.binder import bind_settings
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import ValueProblem, evaluate_word
from netspec.elaborate.suggestions import flag_place, setting_place
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.schema.definition import Definition, parameters
from netspec.syntax import ast
from netspec.syntax.parser import parse

__all__ = ["apply_sets", "parse_values", "replace_setting", "setting_path", "with_settings"]

_SECTIONS = {"train": "recipe", "data": "data", "init": "init", "compile": "compile"}


def parse_values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that some texts stand for, by name.

    Raises:
        NetspecError: naming the override whose text is no value.
    """
    return {name: _value(name, text) for name, text in texts.items()}


def _value(name: str, text: str) -> Any:
    said, example = f"--let {name}={text}", "for example --let width=32"
    try:
        command = _command(f"let {name} = {text}")
        if len(command.arguments) != 1 or command.bodies or command.label:
            raise IndexError
        return evaluate_word(command.arguments[0].value, {})
    except SpecError as error:
        raise _no_value(said, text, error, example) from None
    except (ValueProblem, IndexError):
        raise NetspecError(f"{said}: `{text}` is no value", example) from None


def _no_value(said: str, text: str, error: SpecError, example: str) -> NetspecError:
    """Return the error for a text that the parser refuses: only that a number is too long is worth its own words."""
    for diagnostic in error.diagnostics:
        if diagnostic.code == "E0111":
            return NetspecError(f"{said}: {diagnostic.message}", "give one with fewer digits")
    return NetspecError(f"{said}: `{text}` is no value", example)


def apply_sets(network: Network, sets: Mapping[str, str]) -> Network:
    """Return the network with some settings replaced, by path: `train.epochs`, `train.optimizer.lr`, `data.name`.

    Raises:
        NetspecError: naming the path that does not exist or the value that does not fit.
    """
    for path, text in sets.items():
        network = replace_setting(network, path, text)
    return network


def with_settings(network: Network, settings: Mapping[str, str]) -> Network:
    """Return a network with some settings of its recipe replaced, given as texts by name.

    Raises:
        NetspecError: naming the one that does not fit.
    """
    if "devices" in settings:
        # Devices and batch limit each other: whatever the spec says of the one, the other can be replaced.
        network = replace_setting(network, "train.devices", "1")
    for key, value in settings.items():
        if value in {"nan", "inf", "-inf"}:
            raise NetspecError(f"{key} {value}: this is no finite number", f"for example {key} 0.001")
        network = replace_setting(network, setting_path(key), value, said=f"{key} {value}")
    return network


def setting_path(name: str) -> str:
    """Return the path of a setting that has a flag of its own: `train.epochs` of `epochs`."""
    return "train.optimizer.lr" if name == "lr" else f"train.{name}"


def replace_setting(network: Network, path: str, text: str, said: str = "") -> Network:
    """Return the network with one setting replaced.

    Args:
        network: what is changed.
        path: which setting.
        text: its value, in the language's words.
        said: how the user said it, for the error message.

    Raises:
        NetspecError: as `apply_sets` does.
    """
    said = said or f"--set {path}={text}"
    section, *rest = path.split(".")
    if section not in _SECTIONS or not rest:
        near = nearest(section, _SECTIONS)
        known = listing([f"{name}." for name in _SECTIONS])
        fix = f"did you mean {near}.…?" if near and rest else f"a path begins with {known}: train.epochs=1"
        raise NetspecError(f"{said}: there is no setting `{path}`", fix)
    attribute = _SECTIONS[section]
    current = getattr(network, attribute)
    if current is None:
        raise NetspecError(f"{said}: the spec has no `{section}`", f"add `{section} …` to the spec")
    return network.model_copy(update={attribute: _replaced(current, rest, text, said, section)})


def _replaced(current: Definition, keys: list[str], text: str, said: str, place: str) -> Definition:
    """Return a definition, which is at a `place`, with the setting at the end of `keys` replaced."""
    key, *rest = keys
    known = {p.name: p for p in parameters(type(current))}
    if key not in known:
        near = nearest(key, known)
        told = setting_place(key) if type(current) is Recipe else ""
        owner = next((n for n in ("optimizer", "schedule") if f"of the {n}" in told), "")
        if owner:
            raise NetspecError(f"{said}: `{key}` is an argument of the {owner}", f"--set train.{owner}.{key}={text}")
        fix = f"did you mean `{near}`?" if near else f"there are {listing(list(known))}"
        if key not in known and flag_place(key):
            fix = f"it is said without --set: {flag_place(key).partition('FILE ')[2].rstrip('`')}"
        raise NetspecError(f"{said}: `{current.canonical()}` has no setting `{key}`", fix)
    if not rest:
        return _bound(current, key, text, said)
    inner = getattr(current, key)
    if inner is None and known[key].members:
        raise NetspecError(f"{said}: the spec has no `{key}`", _as_a_whole(current, key, f"{rest[0]}={text}", place))
    if not isinstance(inner, Definition):
        raise NetspecError(f"{said}: `{key}` has no settings of its own", f"write {key}=VALUE")
    fields = {name: getattr(current, name) for name in known}
    return type(current)(**{**fields, key: _replaced(inner, rest, text, said, f"{place}.{key}")})


def _as_a_whole(current: Definition, key: str, text: str, place: str) -> str:
    """Return how to give a definition that the spec does not have: with this text alone, if that is enough."""
    try:
        _bound(current, key, text, key)
    except NetspecError as error:
        return f"give it as a whole: --set '{place}.{key}={text} …' ({error.fix or error.message})"
    return f"give it as a whole: --set '{place}.{key}={text}'"


def _bound(current: Definition, key: str, text: str, said: str) -> Definition:
    """Bind one setting just as a line in the body of its command would be."""
    context = Context({})
    try:
        command = _command(f"{current.canonical()} {{ {key} {text} }}")
        if [len(body.commands) for body in command.bodies] != [1] or command.arguments or command.label:
            raise SpecError([])
    except SpecError as error:
        path = {"/", "\\", "."} & set(text) and '"' not in text
        example = f'a path goes in quotes: "{text}"' if path else "for example --set train.epochs=1"
        raise _no_value(said, text, error, example) from None
    made = bind_settings(type(current), command.name, (), command.bodies, context, base=current)
    if made is None:
        wrong = context.diagnostics[0]
        raise NetspecError(f"{said}: {wrong.message}", wrong.fix)
    return made


def _command(text: str) -> ast.Command:
    file = parse(Source("override", text))
    if len(file.commands) != 1:
        raise SpecError([])
    return file.commands[0]
