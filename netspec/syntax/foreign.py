"""Habits from other languages: what a line that does not parse was meant to say, and how netspec says it.

Two tables of patterns do it: `_HABITS` looks at one command, `DIALECTS` at the beginning of what is another format
altogether. All of them look at a stretch of bounded length, so that hostile text costs no more than any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from netspec.syntax.calls import (
    NAME,
    TORCH_NAMES,
    image_shape,
    layer_words,
    listed,
    python_value,
    split_arguments,
)

__all__ = ["DIALECTS", "Dialect", "advice", "foreign"]

_MARK = (
    "\0"  # Stands in a command before the place where it no longer parses. No text has it: a file with it is binary.
)
_PLACE = r"\0"  # The mark, as patterns write it.
_LONGEST = 160  # A longer command is not rewritten: nobody would read the fix.
_WINDOW = 400
_N = NAME


_SETTINGS = re.compile(
    "input|init|data|train|include|repeat|from|assert|residual|branch|"
    "optimizer|schedule|loss|batch|epochs|seed|l2|clip|evaluate|scale|normalize|shuffle|target|validation|"
    "conv|deconv|depthwise|pool|avgpool|fc|dropout|noise|flatten"
)
"""Words after which a value follows without any sign, as far as they are written with one by habit."""


def advice(command: str, at: int) -> str:
    """Return how the command would be right, or nothing.

    Args:
        command: the command's own text.
        at: where in it the parser stopped.
    """
    if len(command) > _LONGEST:
        return ""
    indent = len(command) - len(command.lstrip())
    marked = f"{command[indent:at]}{_MARK}{command[max(at, indent) :].rstrip()}"
    plain = marked.replace(_MARK, "")
    for pattern, write in _HABITS:
        found = re.search(pattern, marked if _PLACE in pattern else plain)
        said = write(found) if found else ""
        if said:
            return said
    return ""


# --- calls, as in Python ----------------------------------------------------------------------------------------------


def _call(found: re.Match[str]) -> str:
    """Return the command for `name = module.layer(…)`."""
    label, module, name, inside = found["label"], found["module"] or "", found["name"], found["inside"]
    label = "" if module and label == "x" else label  # In PyTorch's `x = F.relu(x)`, x is only what flows.
    if name in {"add", "append"} and module:
        inner = re.fullmatch(rf"(?P<label>)(?P<module>(?:{_N}\.)*)(?P<name>{_N})\((?P<inside>.*)\)(?P<rest>)", inside)
        return _call(inner) if inner else ""
    if name == "Sequential":
        return f"this looks like PyTorch or Keras; {_python(inside)}"
    torch = module.endswith("nn.") or TORCH_NAMES.fullmatch(name) is not None
    words = layer_words(name, inside, torch)
    line = " ".join([w for w in words if not (module and w == "x")])
    line += " ".join(["", *(found["rest"] or "").replace(",", " ").split()])
    line += f" as {label}" if label else ""
    looks = "this looks like PyTorch or Keras; " if module or re.search("[a-z][12]?[123][dD]$", name) else ""
    return f"{looks}a layer is written without parentheses and commas: `{line}`"


# --- signs ---------------------------------------------------------------------------------------------------------


def _assigned(found: re.Match[str]) -> str:
    """Return the command for `name = …`: a setting, a `let`, or a layer with a label."""
    name, rest = found[1], found[2].strip()
    if _SETTINGS.fullmatch(name):
        return f"what is set takes no `=`: `{name} {rest}`"
    if name == "let":
        return f"a name stands before the `=`: `let width = {rest}`"
    if name in {"input_shape", "input_size"} and rest[:1] in "([":
        return f"what is set takes no `=`: `input {image_shape(rest)}`"
    if name in {"lr", "learning_rate"}:
        return f"the rate is an argument of the optimizer: `optimizer adam lr={rest}`"
    if re.fullmatch(r"[\w ]+[-+*/%][-+*/% \w]+", rest):
        rest = f"({rest})"
    if re.fullmatch(rf"{_N}\s+\S.*", rest):
        return f"a layer is named behind it: `{rest} as {name}`"
    return f"a name for a value begins with `let`: `let {name} = {rest}`"


def _colon(found: re.Match[str]) -> str:
    """Return the command for `name: …`, where the name begins it."""
    name, rest = found[1], re.sub(rf"({_N})\s*:\s*", r"\1=", found[2].strip())
    if not _SETTINGS.fullmatch(name) and re.fullmatch(rf"{_N}\s+[\d(\"].*", rest):
        return f"a layer is named behind it: `{rest} as {name}`"
    return f"no colon stands behind a name: `{name} {rest}`"


def _operation(found: re.Match[str]) -> str:
    left, sign, right = found[1], found[2], found[3]
    if left.isdigit() and right.isdigit() and sign == "*":
        return f"a size is written with the letter x: `{left}x{right}`"
    if sign == "**":
        return f"powers are written out: `({left} * {left})`"
    return f"arithmetic stands in parentheses: `({left} {sign} {right})`"


def _words(values: str) -> list[str]:
    return values.replace(",", " ").split()


def _bracketed(found: re.Match[str]) -> str:
    inside = listed(found[2])
    if "x" in inside and inside[0].isdigit():
        return f"sizes are written without brackets: `{inside}`"
    return f"arguments follow one another without brackets: `{f'{found[1]}{inside}'.strip()}`"


def _flipped(found: re.Match[str]) -> str:
    turned = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}[found[2]]
    return f"the quantity stands first: `{found[3]} {turned} {found[1]}`"


def _apart(found: re.Match[str]) -> str:
    text = found[0].replace(_MARK, "")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 1 and parts[0].startswith("let "):
        return f"each name has a `let` of its own: `{'; '.join([parts[0], *(f'let {part}' for part in parts[1:])])}`"
    if len(parts) > 1 and all(re.match(rf"(?:{_SETTINGS.pattern})\s+\S", part) for part in parts):
        return f"commands are separated by `;`: `{'; '.join(parts)}`"
    # The first number of these is no part of a size.
    counted = re.match(r"(?:conv|deconv|fc|dense|linear)\w*\s+\w+[\s,]*", text, re.IGNORECASE)
    head, rest = (text[: counted.end()], text[counted.end() :]) if counted else ("", text)
    rest = re.sub(r"(?<![\w.])\d+(?:\s*,\s*\d+)+(?![\w.])", lambda m: listed(m[0]), rest)
    words = (head + rest).replace(",", " ").split()
    sized = "a size is written with the letter x" if "x" in rest and "x" not in text else ""
    return f"{sized or 'arguments are separated by spaces'}: `{' '.join(words)}`"


def _unclosed(found: re.Match[str]) -> str:
    depth = found["before"].count("(") - found["before"].count(")")
    if depth > 0:
        return f"{depth + 1} parentheses are open: close them all with `)`"
    return f"close the parenthesis: `{found['last'].rstrip()})`"


def _times(found: re.Match[str]) -> str:
    return f"write the letter x: `{re.sub('[^0-9a-zA-Z_]+', 'x', f'{found[1]}x{found[2]}')}`"


def _path(found: re.Match[str]) -> str:
    return f'a path stands in double quotes: `{found[1]}"{found[2]}{found[3]}"`'


# The first that fits is the one. A pattern with the mark in it looks at the place, one without at the whole command.
_HABITS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    # comments
    (r"^\0/[/*]\s*(.+?)\s*(?:\*/)?$", lambda m: f"comments begin with `#`: `# {m[1]}`"),
    (rf"^\0--?({_N}.*)", lambda m: f"a command begins with its name: `{m[1]}`"),
    (r"^\0(?:%|@|--)\s*(.+)", lambda m: f"comments begin with `#`: `# {m[1]}`"),
    (r"^\0\"{2,3}\s*(.*?)\s*\"*$", lambda m: f"comments begin with `#`: `# {m[1].strip() or 'what this is'}`"),
    (r"^\0[-*+]\s+(\w.*)", lambda m: f"a command begins with its name: `{m[1]}`"),
    (r"\0/[/*]\s*(?![\s\d(])(.+?)\s*(?:\*/)?$", lambda m: f"comments begin with `#`: `# {m[1]}`"),
    # loops and conditions
    (
        rf"^(for\s+{_N}\s+in)\s*\0\[([\w\s,]*)\]",
        lambda m: f"values stand side by side: `{m[1]} {' '.join(_words(m[2]))}`",
    ),
    (
        rf"^(for\s+{_N}\s+in\s+)(\w+)\s*\0,([\w\s,]*)",
        lambda m: f"values stand side by side: `{m[1]}{' '.join(_words(f'{m[2]},{m[3]}'))}`",
    ),
    (r"\bif\s*\(.*(?:\0(?:&|\||!)|!\0)", lambda m: "conditions are joined by words: `and`, `or` and `not`"),
    (
        r"\bif\s*\(.*?([\w.]+)\s*([<>]=?)\s*([\w.]+)\s*\0([<>]=?)\s*([\w.]+)",
        lambda m: f"a comparison has two sides: `({m[1]} {m[2]} {m[3]} and {m[3]} {m[4]} {m[5]})`",
    ),
    (
        rf"\bif\s*\(.*?({_N})\s*\0in\s+([\w.]+?)\.\.([\w.]+)",
        lambda m: f"a condition compares: `({m[1]} >= {m[2]} and {m[1]} <= {m[3]})`",
    ),
    # paths and modules
    (r"^((?:include|data)\s+|data\s.*\selse\s+)(?=[\w./\0-]*[./])([\w./-]*)\0([\w./-]+)", _path),
    (r"^\0[,+&|]+\s*{", lambda m: "bodies follow one another with nothing between: `{ … } { … }`"),
    # calls; in Keras a second one says what flows in
    (
        rf"^(?:(?P<label>{_N})\s*=\s*)?(?P<module>(?:{_N}\.)*)(?P<name>{_N})"
        r"\((?P<inside>.*)\)\((?:{_N}|\[(?P<rest>[\w, ]*)\])\)$".replace("{_N}", _N),
        _call,
    ),
    (
        rf"^(?:(?:self\.)?(?P<label>{_N})\s*=\s*)?(?P<module>(?:{_N}\.)*)(?P<name>(?!block\b){_N})"
        r"\((?P<inside>.*)\)(?P<rest>(?:\s+\w[\w=.]*){0,9})[\s,;{]*$",
        _call,
    ),
    (r"^self\0\.", lambda m: "a .net spec has no `self`: `conv 20 5x5 as conv1`"),
    (rf"^{_N}\0((?:\.{_N})+)\b", lambda m: f"a layer is its name alone: `{m[1].rpartition('.')[2]}`"),
    # a colon
    (rf"^let\s+({_N})\s*\0:=?\s*(.+)", lambda m: f"a value follows `=`: `let {m[1]} = {m[2]}`"),
    (rf"^({_N})\s*\0:=?\s*(.+)", _colon),
    (rf"({_N})\s*\0:=?\s*([^\s,:)]+)", lambda m: f"a key takes `=`: `{m[1]}={m[2]}`"),
    (r"\0:", lambda m: "the language has no colon: `conv 20 5x5 stride=2`"),
    # an equals sign
    (
        r"\bif\s*\((?:[^{}]{0,200}(?:\b(?:and|or|not)\b|\())?\s*((?:(?!\b(?:and|or|not)\b)[^(){}]){1,40}?)"
        r"\s*\0=\s*([^\s(){}=]+)",
        lambda m: f"a condition compares by `==`: `{m[1]} == {m[2]}`",
    ),
    (r"\bif\s*\([^{}]{0,200}\0=", lambda m: "a condition compares by `==`: `(width == 64)`"),
    (rf"^({_N})\s*\0=\s*{{", lambda m: f"a body follows without `=`: `{m[1]} {{`"),
    (rf"^({_N})\s*\0=+(?!>)\s*([^\s=>].*)", _assigned),
    (rf"^assert\s.*?({_N})\s*=\s*\0=+\s*(\S+)", lambda m: f"a budget has a bound: `{m[1]} <= {m[2]}`"),
    (rf"({_N})\s*=\s*\0([<>])\s*(\S+)", lambda m: f"the `=` stands behind: `{m[1]} {m[2]}= {m[3]}`"),
    (rf"({_N})\s*=\s*\0=+\s*([^\s,)]+)", lambda m: f"one `=` is enough: `{m[1]}={m[2]}`"),
    (r"=\s*\0{", lambda m: "a value follows `=`, not a body; one with arguments is a call: `init=normal(0.01)`"),
    (r"\0=+\s*([^\s>=][^\s,)]*)", lambda m: f"a key stands before the `=`: `stride={m[1]}`"),
    # what goes on
    (
        r"^(.+?)\s*(?:\0(?:\|>?|=>|>>|&&?|→)|-\s*\0>|-\0>)\s*([A-Za-z_].*)",
        lambda m: f"each layer reads the one above; `;` or a new line stands between: `{m[1]}; {m[2]}`",
    ),
    (r"\0(?:\||=>|>>|&|→)|-\s*\0>", lambda m: "each layer reads the one above: no sign leads from one to the next"),
    # comparisons
    (r"\0<(\w+)>", lambda m: f"a name stands alone: `{m[1]}`"),
    (rf"(?<![\w.])(\d[\w.]*)\s*\0([<>]=?)\s*({_N})", _flipped),
    (r"\S\s*\0[<>]", lambda m: "a comparison stands behind `assert`: `assert params < 100k`"),
    # arithmetic
    (
        rf"^(?:freeze|unfreeze|rate)\b.*?({_N})\s*\0/\s*([\w/]+)",
        lambda m: f'a name with a slash stands in quotes: `"{m[1]}/{m[2]}"`',
    ),
    (
        r"(?<![\w.])(\d+(?:\.\d+)?)\s+\0%(?!\s*[\w(])",
        lambda m: f"a `%` touches its number: `{m[1]}%`",
    ),
    (r"\bdevices?\s+[a-z]+\s*\0\*\s*(\d+)", lambda m: f"write `devices {m[1]}`; which kind, --device says"),
    (r"(\([^()]*\)|[\w.]+)\s*\0(\*\*?|//?|\+|%)\s*(\([^()]*\)|[\w.]+)", _operation),
    (r"\0([*/+%])", lambda m: "arithmetic stands in parentheses: `(width * 2)`"),
    # lists
    (r"\(\s*(\d+)\s*\0((?:,\s*\d+\s*)+),?\s*\)", lambda m: f"a size is written `{listed(m[1] + m[2])}`"),
    (
        rf"\(\s*({_N})\s*\0((?:,\s*{_N}\s*)+),?\s*\)",
        lambda m: f"names stand without parentheses and commas: `{listed(m[1] + m[2])}`",
    ),
    (rf"((?:^{_N}\s+)?)\0\[([^\[\]]*)\]?", _bracketed),
    (r"(?<![\w.])0\0,(\d+)", lambda m: f"a decimal has a point: `0.{m[1]}`"),
    (r"^[^()\[\]]*\0,[^()\[\]]*$", _apart),
    # signs that are nearly right
    (r"\0'([^']*)'", lambda m: f'strings stand in double quotes: "{m[1]}"'),
    (r"\0“([^“”]*)”", lambda m: f'strings stand in double quotes: "{m[1]}"'),
    (
        r"((?:\w+\s*×\s*)*\w+)\s*\0×\s*(\w+(?:\s*×\s*\w+)*)",
        _times,
    ),
    (r"\0[−–](\d[\w.]*)", lambda m: f"write the hyphen of the keyboard: `-{m[1]}`"),
    (r"(?<![\w.])(\d+)\0\.(?![\w.])", lambda m: f"write decimals with a digit on both sides: `{m[1]}.0`"),
    (r"()([\w/-]+)\0([./][\w./-]*[A-Za-z][\w./-]*)", _path),
    (r'()"([^"]*)"\0([./]\w+)', _path),
    (r"([\d.]*\d)\s*\.\.\s*([\d.]*\d)\s*\0\.\.", lambda m: f"a range has two ends: `{m[1]}..{m[2]}`"),
    (rf"(?<![\w.-])({_N})-\0({_N})", lambda m: f"a name has no hyphen: `{m[1]}_{m[2]}`"),
    (r"-\s*\0[A-Za-z_]", lambda m: "a sign belongs to a number: `-1`; other arithmetic stands in parentheses: `(-n)`"),
    (
        rf"({_N}\([^()]*[\w.\"])\s*\0(\w[^()]*\))",
        lambda m: f"a comma stands between arguments of a call: `{m[1]}, {m[2]}`",
    ),
    (r"^\0\"([^\"]*)\"", lambda m: f"a command's name stands without quotes: `{m[1]}`"),
    (r"^\0(\d+(?:x\d+)+)$", lambda m: f"a command begins with its name: `input {m[1]}`"),
    # something is missing
    (rf"^\0([\d.]\S*)\s+({_N})(.*)", lambda m: f"the name stands first: `{m[2]} {m[1]}{m[3]}`"),
    (rf"\bas\s+({_N}|\"[^\"]*\")\s*\0\s*as\b", lambda m: f"a layer has one label: keep `as {m[1]}`"),
    (
        rf"^repeat\b.*\bas\s+({_N}|\"[^\"]*\")\s*\0\s*{{",
        lambda m: f"`repeat` takes no label; a block around it does: `block part {{ repeat … }}; part as {m[1]}`",
    ),
    (
        rf"^((residual|branch)\b.*)\bas\s+({_N}|\"[^\"]*\")\s*\0\s*{{",
        lambda m: (
            f"a label comes last: `{m[1]}{{ … }} as {m[3]}`"
            if m[2] == "residual"
            else f"a label comes last: `branch {{ … }} {{ … }} concat as {m[3]}`"
        ),
    ),
    (
        rf"^({_N})\b.*\bas\s+(?:{_N}|\"[^\"]*\")\s*\0\s*{{",
        lambda m: f"only layers are labelled, and those take no body: leave `as` or the `{{ … }}` of `{m[1]}` out",
    ),
    (rf"\bas\s+(?:{_N}|\"[^\"]*\")\s*\0\s*(\S.*)", lambda m: f"a label comes last: write `{m[1]}` before `as`"),
    (r"\bas\s*\0(\d\w*)", lambda m: f"a label begins with a letter: `as l{m[1]}`"),
    (r"\bas\s*\0", lambda m: "write a name behind `as`: `as stem`"),
    (r"\(\s*\0\)", lambda m: "write a value between the parentheses: `(2 * 5)`"),
    (rf"({_N})\s*=\s*\0(?:[,)]|\s*$)", lambda m: f"write a value behind `{m[1]}=`, or leave it out"),
    (rf"({_N})\s*([<>]=?)\s*\0\s*$", lambda m: f"write the limit: `{m[1]} {m[2]} 100k`"),
    (r"(-?[\d.]*\d)\s*\.\.\s*\0", lambda m: f"write the end of the range too: `{m[1]}..1`"),
    (r"([-+*/%])\s*\0", lambda m: f"write a number or a name behind the `{m[1]}`"),
    (rf"^(?P<before>.*?)(?P<last>(?:{_N})?\([^()]*)\0\s*{{?$", _unclosed),
    (r"\0\)", lambda m: "remove this `)`, or open it with `(`"),
    (r"\([^()]*\)*\0[\w\"]", lambda m: "close the parenthesis before the next argument with `)`"),
)


# --- whole files of another format -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialect:
    """Another format: how it is called, by what its beginning is known, which lines are its own."""

    called: str
    opening: re.Pattern[str]
    line: re.Pattern[str]
    write: Callable[[str], str]
    """The line of netspec for what the format begins with."""


# What is written in one section, by its name; {key} is what the section says, and a line that lacks one is not given,
# unless it stands in brackets.
_SECTIONS = {
    "net": "input {channels}x{height}x{width}",
    "network": "input {channels}x{height}x{width}",
    "convolutional": "conv {filters} {size} [stride={stride}] [pad={pad}] {activation}",
    "connected": "fc {output} {activation}",
    "maxpool": "pool {size} [stride={stride}] pad=same",
    "avgpool": "globalpool",
    "softmax": "softmax",
    "dropout": "dropout {probability}",
    "Convolution": "conv {num_output} {kernel_size} [stride={stride}] [pad={pad}]",
    "InnerProduct": "fc {num_output}",
    "Pooling": "Pooling {kernel_size} [stride={stride}] [pad={pad}]",
    "ReLU": "relu",
    "Softmax": "softmax",
    "SoftmaxWithLoss": "softmax",
    "Dropout": "dropout {dropout_ratio}",
}
_WORDS = {"logistic": "sigmoid", "linear": "", "max": "pool"}
_USUAL = "conv 20 5x5 relu"


def _section(name: str, text: str) -> str:
    """Return the line for a section, with the numbers that it says itself."""
    pairs = re.findall(rf"({_N})[ \t]*[=:][ \t]*\"?([\w.]+)", text)
    values = {key: _WORDS.get(value, value) for key, value in reversed(pairs)}
    parts = []
    for part in _SECTIONS.get(name, _USUAL).split():
        keys = re.findall(r"\{(\w+)\}", part)
        if all(key in values for key in keys):
            parts.append(part.strip("[]").format(**values))
        elif part[0] != "[" and keys != ["activation"]:
            return _USUAL
    return " ".join(" ".join(parts).split())


def _darknet(text: str) -> str:
    name, _, rest = text.lstrip()[1:].partition("]")
    rest = re.sub(r"\bpad[ \t]*=[ \t]*1\b", "pad=same", rest)  # There it is a switch.
    return f"a section is one line: `{_section(name.strip(), rest.partition('[')[0])}`"


def _caffe(text: str) -> str:
    kind = re.search(r'type[ \t]*:[ \t]*"?(\w+)', text)
    text = text[kind.start() :] if kind else text
    until = re.search(r"\n[ \t]*layers?[ \t]*\{", text)
    return f"a layer is one line: `{_section(kind[1] if kind else '', text[: until.start()] if until else text)}`"


def _yaml(text: str) -> str:
    entry = re.search(rf"^[ \t]*-[ \t]*({_N})[ \t]*:[ \t]*([^\n{{#]*)", text, re.MULTILINE)
    settings = re.match(r"[ \t]*(train|data)[ \t]*:", text)
    if settings:
        return f"settings stand in braces: `{settings[1]} {{ … }}`"
    if not entry or entry[1] in {"type", "name", "layer", "class_name"}:
        return f"write one layer a line: `{_USUAL}`"
    words = " ".join(python_value(part) for part in split_arguments(entry[2].strip().strip("[]")))
    return f"write one layer a line: `{f'{entry[1]} {words}'.strip()}`"


def _python(text: str) -> str:
    layer = re.search(
        r"(?:\b(?:nn|layers)\.|\badd\()(?P<name>(?!Sequential|Module)\w+)"
        r"\((?P<inside>(?:[^()\n]|\([^()\n]*\))*)\)",
        text,
    )
    if not layer:
        return f"a spec runs no code; write one layer a line: `{_USUAL}`"
    torch = layer[0].startswith("nn.")
    words = " ".join(layer_words(layer["name"], layer["inside"], torch))
    return f"a spec runs no code; write one layer a line: `{words}`"


DIALECTS = (
    Dialect(
        "a Darknet cfg file",
        re.compile(r"[ \t]*\[[ \t]*[a-z][a-z_]*[ \t]*\][ \t]*(?:[#;][^\n]*)?(?:\n|$)"),
        re.compile(r"[ \t]*(?:\[|\w+[ \t]*=)"),
        _darknet,
    ),
    Dialect(
        "a Caffe prototxt file",
        re.compile(
            r"(?:[ \t]*layers?[ \t]*\{[ \t]*\n?)?[ \t]*(?:name|type|bottom|top)[ \t]*:[ \t]*(?:\"|[A-Z])"
            r"|[^\n]{0,80}\blayers?[ \t]*\{[^\n]{0,80}\b(?:name|type)[ \t]*:[ \t]*\""
        ),
        re.compile(r"[^\n]{0,200}\w[ \t]*:|[ \t]*\w+[ \t]*\{|[ \t}]*$"),
        _caffe,
    ),
    Dialect(
        "JSON",
        re.compile(r"[ \t]*[\[{]\s{0,80}(?:\{\s{0,80})?\"[^\"\n]{1,60}\"[ \t]*:|[ \t]*\"[^\"\n]{1,60}\"[ \t]*:"),
        re.compile(r"[ \t]*[\[\]{}\",\d-]"),
        lambda text: f"a spec has neither quotes nor commas: `{_USUAL}`",
    ),
    Dialect(
        "PyTorch or Keras code",
        re.compile(
            rf"[ \t]*(?:class[ \t]+{_N}[^\n:]{{0,80}}:|def[ \t]+{_N}\(|from[ \t]+[\w.]+[ \t]+import|import[ \t]+{_N}\.|"
            rf"for[ \t]+\w+[ \t]+in\b[^\n{{]{{0,80}}:|(?:{_N}[ \t]*=[ \t]*)?[\w.]*Sequential\(|if[ \t]+__name__|"
            r"return[ \t]+[\w.]+\()"
        ),
        re.compile(r"[ \t]*(?:[)\]@]|return\b|class\b|def\b|for\b|from\b|import\b|[\w., ]*=|[\w.]+[.(])"),
        _python,
    ),
    Dialect(
        "YAML",
        re.compile(rf"[ \t]*-[ \t]+{_N}[ \t]*(?::|\n)|[ \t]*{_N}[ \t]*:[ \t]*(?:#[^\n]*)?(?:\n|$)|---[ \t]*(?:\n|$)"),
        re.compile(rf"[ \t]*(?:-|{_N}[ \t]*:)"),
        _yaml,
    ),
)


def foreign(text: str) -> tuple[Dialect, str] | None:
    """Return the other format that a text, cut at the start of a line, begins with, and what to write instead."""
    window = text[:_WINDOW]
    for dialect in DIALECTS:
        if dialect.opening.match(window):
            return dialect, dialect.write(window)
    return None
