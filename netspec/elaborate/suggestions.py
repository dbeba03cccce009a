"""What a line most likely meant: the nearest word, a size in several words, a `;` that is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate import dialects
from netspec.elaborate.vocabulary import COMMANDS
from netspec.ir.recipe import Recipe
from netspec.layers import LAYERS
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = [
    "argument_place",
    "command_word",
    "elsewhere",
    "example_call",
    "example_of",
    "example_setting",
    "flag_place",
    "held_value",
    "nearest_argument",
    "setting_place",
    "size_of_names",
    "split_size",
    "unknown_command",
    "value_text",
    "with_number",
]


_ARGUMENTS = {
    "alpha": "slope decay",
    "attention_dropout": "dropout",
    "bias_initializer": "bias_init",
    "count_include_pad": "count_padding",
    "context": "memory",
    "crop": "resized_crop",
    "cutmix_alpha": "cutmix",
    "degrees": "rotate",
    "drop_prob": "rate",
    "dropout_ratio": "rate",
    "encoder": "memory",
    "duration": "seconds",
    "eps": "epsilon",
    "freq_mask": "frequency_mask",
    "freq_mask_param": "frequency_mask",
    "gamma": "factor",
    "hop_length": "hop",
    "horizon": "ahead",
    "horizontal_flip": "flip",
    "is_causal": "causal",
    "kernel_initializer": "init",
    "key": "memory",
    "keys": "memory",
    "kv": "memory",
    "learning_rate": "lr",
    "local_size": "size",
    "negative_slope": "slope",
    "max_value": "max",
    "min_value": "min",
    "mixup_alpha": "mixup",
    "multiplier": "factor",
    "n_fft": "window",
    "n_mels": "mel",
    "num_heads": "heads",
    "num_output": "units filters",
    "num_ops": "randaugment",
    "offset": "plus",
    "out_channels": "filters",
    "out_features": "units",
    "p": "rate",
    "pool_size": "kernel",
    "probability": "rate",
    "random_erasing": "erase",
    "reprob": "erase",
    "random_resized_crop": "resized_crop",
    "rho": "decay",
    "rotation": "rotate",
    "sample_rate": "rate",
    "sampling_rate": "rate",
    "scale": "factor",
    "scale_factor": "factor",
    "shift_size": "shift",
    "size": "kernel factor window",
    "source": "memory",
    "time_mask_param": "time_mask",
    "translate": "shift",
    "volume": "gain",
    "use_bias": "bias",
    "value": "memory",
    "win_length": "window",
    "window_size": "window",
}

_ELSEWHERE = {
    ("position", "rotary"): "it is a word of what reads the positions: `attention 8 rotary`",
    ("position", "rope"): "it is a word of what reads the positions: `attention 8 rotary`",
}


def elsewhere(kind: str, word: str) -> str:
    """Return where a word belongs that is looked for in another layer; empty where that is not known."""
    return _ELSEWHERE.get((kind, word), "")


def nearest_argument(key: str, known: Iterable[str]) -> str | None:
    """Return the argument that a key most likely meant: what another program calls so, or the nearest word."""
    names = list(known)
    meant = next((name for name in _ARGUMENTS.get(key, "").split() if name in names), None)
    return meant or nearest(key, names)


def command_word(word: str, blocks: Iterable[str] = ()) -> str:
    """Return what kind of command a word begins: `a layer`, `a block`, `a command`; empty where it begins none."""
    if word in LAYERS:
        return "a layer"
    return "a block" if word in blocks else "a command" if word in COMMANDS else ""


_FLAGS = {
    "device": "--device gpu",
    "gpu": "--device gpu",
    "cuda": "--device gpu",
    "cpu": "--device cpu",
    "out": "-o RUN",
    "output_dir": "-o RUN",
    "quiet": "--quiet",
    "verbose": "--quiet",
    "coordinator": "--coordinator HOST:PORT",
    "processes": "--processes N",
}


_WITH_NUMBERS = {
    "add": "`times 1 plus={}` adds a number",
    "subtract": "`times 1 plus={minus}` subtracts a number",
    "multiply": "`times {}` multiplies by a number",
    "divide": "`times (1 / {})` divides by a number",
    "maximum": "`clamp min={}` compares with a number",
    "minimum": "`clamp max={}` compares with a number",
    "average": "`avgpool {}` is the mean of a window",
}


def with_number(kind: str, value: ast.Value, scope: Mapping[str, Any]) -> str:
    """Say what does with a number what a merging layer does with a label; empty where the value is none."""
    held = scope.get(value.text) if isinstance(value, ast.Word) else None
    named = isinstance(held, int | float) and not isinstance(held, bool)
    written = isinstance(value, ast.Integer | ast.Decimal | ast.Negative | ast.Group)
    if kind not in _WITH_NUMBERS or not (named or written):
        return ""
    text = print_value(value)
    minus = f"(0 - {text})" if named or text.startswith("(") else text[1:] if text.startswith("-") else f"-{text}"
    return _WITH_NUMBERS[kind].format(text, minus=minus)


def flag_place(name: str, given: ast.Value | None = None) -> str:
    """Say with which flag something is said that no spec says; empty where there is none."""
    flag = _FLAGS.get(name)
    if name == "device" and given:
        # A number of them is a setting: `devices`.
        flag = f"--device {given.text}" if isinstance(given, ast.Word) else None
    return f"a spec does not say it, the command line does: `netspec train FILE {flag}`" if flag else ""


def unknown_command(command: ast.Command, blocks: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Say what a command that there is not most likely should be."""
    name = command.name.text
    words = [a.value.text for a in command.arguments[:1] if isinstance(a.value, ast.Word)]
    if name in labels:
        return f"`{name}` is a label: `add`, `concat` and `from` read it, but weights cannot be shared"
    if name == "activation" and words and words[0] in LAYERS:
        return f"write `{words[0]}`: an activation is a layer by its own name"
    if name in dialects.LAYERS:
        return dialects.LAYERS[name]
    given = command.arguments[0].value if command.arguments else None
    elsewhere = setting_place(name, given) or flag_place(name, given)
    if elsewhere:
        return elsewhere
    near = nearest(name, blocks, LAYERS, COMMANDS)
    cls = LAYERS.get(near or "")
    if near not in blocks and cls:
        near = cls.canonical()
    return f"did you mean `{near}`?" if near else "`netspec layers` lists all layers"


def setting_place(name: str, given: ast.Value | None = None) -> str:
    """Say where a setting belongs that is an argument of an optimizer or a schedule; empty where it is none."""
    name = "lr" if name in {"learning_rate", "rate"} else name
    for setting, example in (("optimizer", "adam"), ("schedule", "cosine")):
        owner = next(p for p in parameters(Recipe) if p.name == setting)
        having = [cls for cls in owner.members.entries if any(p.name == name for p in parameters(cls))]
        if having:
            names = [cls.canonical() for cls in having]
            member = example if example in names else names[0]
            cls = having[names.index(member)]
            value = next(p for p in parameters(cls) if p.name == name)
            number = isinstance(given, ast.Integer | ast.Decimal)
            shown = print_value(given) if given and number else example_of(value)
            written = name if value.is_flag else f"{name}={shown}"
            return f"it is an argument of the {setting}: `train {{ {setting} {member} {written} }}`"
    return ""


def argument_place(body: type[Definition], name: str, given: ast.Value | None = None) -> str:
    """Say where a setting belongs that is an argument of other settings of its body; empty where it is none."""
    owners = [
        (setting.name, cls, argument)
        for setting in parameters(body)
        # Of a family of them, such as optimizers, `setting_place` knows which to propose.
        for cls in setting.members.entries
        if len(setting.members.entries) == 1
        for argument in parameters(cls)
        if argument.name == name and not argument.positional
    ]
    said = f"it is an argument of {listing([f'`{owner}`' for owner, _, _ in owners])}" if owners else ""
    if len(owners) != 1:
        return said
    ((owner, cls, argument),) = owners
    if not argument.is_flag and given is None:
        return said
    needed = " …" if any(p.required and p is not argument for p in parameters(cls)) else ""
    written = name if argument.is_flag else f"{name}={print_value(given)}" if given else ""
    return f"{said}: `{owner}{needed} {written}`"


def split_size(arguments: Sequence[ast.Argument], at: int) -> tuple[int, str]:
    """Return where a size that is not in one piece, `1 x 28` or `5X5`, ends, and how it should be written.

    Where there is none, it ends where it begins.
    """
    end, parts = at, [_extent(arguments[at].value)]
    while end + 1 < len(arguments) and parts[-1]:
        word, before = arguments[end + 1], arguments[end].span
        text = word.value.text if isinstance(word.value, ast.Word) and word.key is None else ""
        touches = (before.end_line, before.end_column) == (word.span.line, word.span.column)
        if touches and re.fullmatch(r"([xX]\d+)+", text):
            parts += re.findall(r"\d+", text)
            end += 1
        elif text in {"x", "X"} and end + 2 < len(arguments) and _extent(arguments[end + 2].value):
            parts.append(_extent(arguments[end + 2].value))
            end += 2
        else:
            break
    return end, "x".join(parts)


def _extent(value: ast.Value) -> str:
    if isinstance(value, ast.Word):
        return f"({value.text})"
    return print_value(value) if isinstance(value, ast.Integer | ast.Size | ast.Group) else ""


def size_of_names(word: str, scope: Mapping[str, Any]) -> str:
    """Return how a size of names is written, `(k)x(k)` for `kxk`; empty where the word is none."""
    for found in re.finditer("[xX]", word):
        parts = word[: found.start()], word[found.end() :]
        if all(p in scope or p.isdecimal() for p in parts):
            return "x".join(p if p.isdecimal() else f"({p})" for p in parts)
    return ""


def value_text(value: Any) -> str:
    """Return a value as it would be written."""
    if isinstance(value, ast.Word | ast.Call):
        return print_value(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ("..".join if value and isinstance(value[0], float) else "x".join)(map(str, value))
    return f'"{value}"' if isinstance(value, str) else str(value)


def held_value(value: ast.Value, scope: Mapping[str, Any]) -> str:
    """Return a value for a message: one that a name stands for, together with that name."""
    shown = f"`{print_value(value)}`"
    if isinstance(value, ast.Word) and value.text in scope:
        return f"`{value_text(scope[value.text])}` (the value of {shown})"
    return shown


_VALUES = (
    ("positive whole", "10"),
    ("whole number", "1"),
    ("from 0 up", "0.5"),
    ("number", "0.01"),
    ("range", "-1..1"),
    ("size", "3x3"),
    ("amount", "1"),
    ("shape", "784"),
)
_BY_NAME = {
    "every": "10",
    "warmup": "1",
    "momentum": "0.9",
    "weight_decay": "0.0001",
    "std": "0.01",
    "value": "0.1",
    "range": "-0.1..0.1",
}


def example_of(parameter: Parameter) -> str:
    """Return a value that an argument takes."""
    found = next((text for part, text in _VALUES if part in parameter.expects), "1")
    return _BY_NAME.get(parameter.name, found)


def example_call(cls: type[Definition]) -> str:
    """Return how a member of a family is written with what it needs: `normal(0.01)`."""
    needed = ", ".join(example_of(p) for p in parameters(cls) if p.required)
    return f"{cls.canonical()}({needed})" if needed else cls.canonical()


def example_setting(before: str, cls: type[Definition]) -> str:
    """Return how a member of a registry is written as a setting, with what it needs: `schedule step 10`."""
    return " ".join([before, cls.canonical(), *(example_of(p) for p in parameters(cls) if p.required)])
