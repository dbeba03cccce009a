"""The words of the language: its commands, what a user may take as a name, and what a name may stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from netspec.ir.data_source import DataSource
from netspec.ir.network import Init
from netspec.ir.recipe import Compile, Recipe
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.recipe.image_settings import Augment, Views
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.settings import Shuffle
from netspec.schema.definition import Definition, parameters
from netspec.schema.registry import Registry

__all__ = ["ARGUMENT_WORDS", "CHOICES", "COMMANDS", "COMMAND_WORDS", "RESERVED", "Command", "meaning"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is no layer.

    Attributes:
        name: its first word.
        usage: how it is written; `[ ]` may be left out.
        meaning: what it does, in a sentence or two.
        example: lines that check.
    """

    name: str
    usage: str
    meaning: str
    example: str


_COMMANDS = (
    Command(
        "input",
        "input SHAPE [tokens=N [mask=TOKEN]] [as NAME]",
        "The shape of one example: `784` features, `8x100` features x length, `1x28x28` channels x height x width, "
        "`1x16x64x64` channels x depth x height x width; with `tokens=`, so many whole numbers below N. May be left "
        "out where the data says it. Several "
        "inputs have names, and `from NAME` reads one. Of a table `input COLUMN… as NAME` reads columns, and "
        "`input photo 3x64x64 as NAME` the pictures that a column names.",
        "input 8 as left\ninput 8 as right\nfrom left; fc 4 as a\nfrom right; fc 4 share=a\nconcat a; fc 2 softmax",
    ),
    Command(
        "output",
        "output LABEL [loss=LOSS] [weight=NUMBER] [target=NAME] [as NAME]",
        "A labelled layer as an output, where the last layer is not the only one. Each has its loss, which counts by "
        "its weight, and the target of its own name unless `target=` says another.",
        "input 8\nfc 16 relu as trunk\nfc 3 softmax as kind\nfrom trunk; fc 1 as age\n"
        "output kind\noutput age loss=mse weight=0.1",
    ),
    Command(
        "weights",
        'weights "FILE"',
        "The trained weights that a training starts from: a model file, a run folder, or another `.safetensors` file "
        "with names such as `conv_1/kernel`. What has the same name and shape is taken, the rest begins as `init` "
        "says, and a table lists both. A path is one of the spec's own folder; `--weights PATH` takes any.",
        'conv 8 3x3 relu as stem; globalpool\nfc 3 softmax\nweights "base.safetensors"\nfreeze stem',
    ),
    Command(
        "freeze",
        "freeze LABEL … [until=EPOCHS] | freeze all [until=EPOCHS]",
        "Parts that stay as they are: no gradient, no decay, and batch normalization that uses its running averages. "
        "A part is a layer, by its label or name, or a use of a block; with `until=2` it is trained after two epochs. "
        "Of all that is said of a layer, the closest holds: its own name, then the block that it is in, then `all`.",
        "conv 8 3x3 as stem; batchnorm as norm; relu; globalpool\nfc 3 softmax\nfreeze stem norm",
    ),
    Command(
        "unfreeze",
        "unfreeze LABEL …",
        "Takes parts out of what is frozen.",
        "conv 8 3x3 relu as stem; globalpool\nfc 3 softmax as head\nfreeze all\nunfreeze head",
    ),
    Command(
        "rate",
        "rate LABEL … FACTOR",
        "Multiplies the learning rate of some parts, or of `all`; of several the closest holds, as for `freeze`.",
        "conv 8 3x3 relu as stem; globalpool\nfc 3 softmax\nrate stem 0.1",
    ),
    Command(
        "let",
        "let NAME = VALUE",
        "A name for a value, or for a word such as `relu`. At the top of a file it is given once, and "
        "`--let NAME=VALUE` replaces it.",
        "let width = 64\nfc width relu\nfc (width // 2)",
    ),
    Command(
        "init",
        "init [INITIALIZER] [bias=INITIALIZER]",
        "The initializers of all kernels and biases that name none of their own.",
        "init he_normal bias=constant(0.1)\nfc 10 softmax",
    ),
    Command(
        "data",
        'data NAME|"PATH" [else NAME|"PATH"] [{ settings }]',
        "The dataset, and the one that is taken where the first cannot be had. A path is one of the spec's own folder.",
        "data mnist else digits { normalize mean=0.1307 std=0.3081; validation 5000 }\nfc 10 softmax",
    ),
    Command(
        "train",
        "train { settings }",
        "The recipe. `--set train.epochs=1` and `--set train.optimizer.lr=0.01` replace its settings.",
        "fc 10 softmax\ntrain { optimizer sgd lr=0.1 momentum=0.9; schedule cosine warmup=1; epochs 20 }",
    ),
    Command(
        "compile",
        "compile { settings }",
        "Asks for one way to compute in place of the compiler's choice. Hardly any spec needs it: what is learned "
        "stays the same within rounding, and the choice is made anew for each machine and batch. It is for comparing "
        "ways, and for the rare case that is known better. An operation that cannot be computed as asked keeps the "
        "choice; `netspec show FILE --as ops` says which and why. `--set compile.conv=direct` does it from outside.",
        "conv 8 3x3 relu; pool 2\nfc 10 softmax\ncompile { conv im2col; layout batch_last }",
    ),
    Command(
        "block",
        "block NAME[(PARAMETER, PARAMETER=DEFAULT, …)] { commands }",
        "Commands under a name, which is then used like a layer. Inside, its parameters, its own labels, and `input` "
        "for what flows in are known; of the labels around its use none.",
        "block stage(width, stride=1) {\n  conv width 3x3 stride=stride pad=same\n  batchnorm relu\n}\n"
        "stage 16\nstage 32 stride=2",
    ),
    Command(
        "repeat",
        "repeat N { commands }",
        "The commands N times, one behind the other. A label in them gets the number of the round: `a_1`, `a_2`.",
        "repeat 3 { conv 16 3x3 pad=same relu }",
    ),
    Command(
        "for",
        "for NAME in VALUE VALUE … { commands } | for NAME in FIRST..LAST { … } | for (NAME, NAME) in (VALUE, VALUE) …",
        "The commands once for each value, one behind the other, with the name standing for it. Labels in them get the "
        "number of the round, as in `repeat`.",
        "for (c, n) in (16, 1) (32, 2) {\n  repeat n { conv c 3x3 pad=same relu }\n  pool 2\n}",
    ),
    Command(
        "if",
        "if (CONDITION) { commands } [else if (CONDITION) { … }] [else { commands }]",
        "The commands of the first condition that holds. Conditions compare numbers, sizes and words (`==`, `!=`, `<`, "
        "`<=`, `>`, `>=`), and are joined by `and`, `or` and `not`.",
        "let stride = 2\nconv 8 3x3 pad=same\nif (stride > 1) { pool stride } else { relu }",
    ),
    Command(
        "residual",
        "residual { commands } [{ commands }]",
        "Adds what the first body makes of its input to that input, or to what a second body makes of it.",
        "residual { conv 8 3x3 pad=same; relu } { conv 8 1x1 }",
    ),
    Command(
        "branch",
        "branch { commands } { commands } … MERGE",
        "Runs two bodies or more on the same input and merges what they make: `add`, `concat`, `multiply` or another "
        "layer that reads labels, in the order of the bodies.",
        "branch { conv 8 1x1 } { pool 3x3 stride=1 pad=same; conv 8 1x1 } concat",
    ),
    Command(
        "from",
        "from LABEL",
        "The next command reads the labelled layer, or `input`, in place of the one above. What was left must be "
        "merged again, for a network has one output.",
        "conv 8 1x1 as left\nfrom input\nconv 8 3x3 pad=same\nconcat left",
    ),
    Command(
        "include",
        'include "FILE" | include LIBRARY',
        "Puts the commands of another file here: one of the spec's own folder or below, or, as a word, one that "
        "travels with netspec. Files do not include each other in a circle.",
        "include blocks\nconv_bn 16",
    ),
    Command(
        "assert",
        "assert QUANTITY < LIMIT",
        "A budget of the whole network, checked before anything runs; also `<=`, `>` and `>=`.",
        "fc 10 softmax\nassert params < 100k flops < 5M\nassert memory < 64MiB",
    ),
)

COMMANDS = {command.name: command for command in _COMMANDS}
"""The commands that are no layers by name, in the order in which they are explained."""

# Settings whose words stand on a line with sizes and numbers, as those of layers do.
_OF_LINES = (Init, Shuffle, Augment, Views)


def _words(classes: Iterable[type[Definition]]) -> set[str]:
    """Return the words that the arguments of some classes may be."""
    return {word for cls in classes for parameter in parameters(cls) for word in parameter.choices}


def _reachable(roots: Iterable[type[Definition]]) -> set[type[Definition]]:
    """Return some classes, and all that their arguments are chosen from."""
    found: set[type[Definition]] = set()
    waiting = list(roots)
    while waiting:
        cls = waiting.pop()
        if cls not in found:
            found.add(cls)
            waiting += chain.from_iterable(parameter.members.entries for parameter in parameters(cls))
    return found


RESERVED = frozenset({"as", "else", "in", "and", "or", "not", "true", "false"})
"""What a `let`, a block or a parameter may not take as its name: the words that hold the language together."""

ARGUMENT_WORDS = frozenset(_words([*LAYERS.entries, *_OF_LINES]))
"""The words that are arguments on the lines of a spec; a value's name of the file's own wins over them."""

COMMAND_WORDS = frozenset({*LAYERS, *COMMANDS})
"""The words that begin a line; a block of the file's own wins over them."""

_ALL = _reachable([*LAYERS.entries, Init, DataSource, Recipe, Compile])

CHOICES = frozenset(
    _words(_ALL) | {word for cls in _ALL for p in parameters(cls) for word in p.keyed} | {"true", "false"}
)
"""What an argument of anything may be."""


def meaning(word: str) -> str:
    """Return what a reserved word is: "another name of the layer `fc`", "a word of `take`"."""
    registries: tuple[tuple[str, Registry[Any]], ...] = (
        ("activation", ACTIVATIONS),
        ("layer", LAYERS),
        ("initializer", INITIALIZERS),
    )
    for what, registry in registries:
        if word in registry:
            kind = registry.canonical(word)
            return f"the name of {_a(what)}" if kind == word else f"another name of the {what} `{kind}`"
    if word in COMMANDS:
        return "the name of a command"
    classes: list[type[Definition]] = [*LAYERS.entries, *_OF_LINES]
    owners = [(cls.canonical(), p) for cls in classes for p in parameters(cls) if word in p.choices and not p.members]
    if not owners:
        return "a word of the language"
    owner, p = owners[0]
    others = " and others" if len(owners) > 1 else ""
    return f"an argument of `{owner}`{others}" if p.name == word else f"a word for `{p.name}` of `{owner}`{others}"


def _a(what: str) -> str:
    return f"{'an' if what[0] in 'aio' else 'a'} {what}"
