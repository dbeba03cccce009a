"""The words of the language: what a user may not take as a name, and what a name may stand for.

The words of arguments are written down here, and not asked of all layers, which a check would then have to import; a
test compares them.
"""

from __future__ import annotations

from typing import Any

from netspec.elaborate import commands
from netspec.ir.network import Init
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.recipe.settings import Augment, Shuffle, Views
from netspec.schema.definition import Definition, parameters
from netspec.schema.family import Family

__all__ = ["CHOICES", "COMMANDS", "RESERVED", "meaning"]

COMMANDS = tuple(command.name for command in commands.COMMANDS)
"""The commands that are no layers."""

# The words of the arguments of layers.
_OF_LAYERS = """
    affine noaffine approximate noapproximate bias nobias bidirectional nobidirectional causal nocausal ceil noceil
    last nolast pointwise nopointwise shared noshared all avg constant edge first max nearest positions positionwise
    reflect same sinusoidal trained valid zero
"""

# The words of other settings that may stand beside names.
_OF_LINES = "bicubic bilinear flip noflip off on"

# The words of all other settings, and of the members that these are chosen from.
_OF_SETTINGS = """
    augment checkpoint clip early_stop ema evaluate normalize on_nonfinite scale shuffle time_limit views
    auto batch_last channels_first channels_last columns direct im2col matmul reduce_window reshape slices taps winograd
    bf16 bfloat16 float32 fp32 input label nesterov nonesterov rewind stop
    test_accuracy test_loss train_accuracy train_loss val_accuracy val_loss validation_accuracy validation_loss
"""

_BESIDE_NAMES = frozenset({*_OF_LAYERS.split(), *_OF_LINES.split(), *INITIALIZERS, *ACTIVATIONS, "true", "false"})


RESERVED = frozenset({*_BESIDE_NAMES, *LAYERS, *COMMANDS, "as", "else"})
"""What a `let`, a block or a parameter may not take as its name: other lines would change their meaning."""

CHOICES = frozenset({*_BESIDE_NAMES, *_OF_SETTINGS.split(), *OPTIMIZERS, *SCHEDULES, *LOSSES})
"""What an argument of anything may be."""


def meaning(word: str) -> str:
    """Return what a reserved word is: "another name of the layer `fc`", "a word of `take`"."""
    families: tuple[tuple[str, Family[Any]], ...] = (
        ("activation", ACTIVATIONS),
        ("layer", LAYERS),
        ("initializer", INITIALIZERS),
    )
    for what, family in families:
        if word in family:
            kind = family.canonical(word)
            return f"the name of {_a(what)}" if kind == word else f"another name of the {what} `{kind}`"
    if word in COMMANDS:
        return "the name of a command"
    # All layers are imported: only a mistake comes here.
    classes: list[type[Definition]] = [*LAYERS.classes(), Init, Shuffle, Augment, Views]
    owners = [(cls.canonical(), p) for cls in classes for p in parameters(cls) if word in p.choices and not p.members]
    if not owners:
        return "a word of the language"
    owner, p = owners[0]
    others = " and others" if len(owners) > 1 else ""
    return f"an argument of `{owner}`{others}" if p.name == word else f"a word for `{p.name}` of `{owner}`{others}"


def _a(what: str) -> str:
    return f"{'an' if what[0] in 'aio' else 'a'} {what}"
