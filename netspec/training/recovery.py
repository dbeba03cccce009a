"""What becomes of a training in which a number is no longer finite: it ends, or a batch is left out."""

from __future__ import annotations

from netspec.diagnostics.diagnostic import NetspecError
from netspec.recipe.settings import OnNonfinite
from netspec.training.search import Guilty

__all__ = ["NonFiniteLossError", "all_left_out", "of_split", "to_leave_out"]

_LOWER = "lower the learning rate, add `clip 1.0` to the recipe, or check the data's scale"


class NonFiniteLossError(NetspecError):
    """The loss is no longer a number; models saved before are untouched."""


def to_leave_out(guilty: Guilty | None, left_out: tuple[int, ...], rule: OnNonfinite, *, at: str, since: int) -> Guilty:
    """Return the step whose batch is left out, if the recipe says so.

    Args:
        guilty: the step that was found when the steps were taken again, if one was.
        left_out: the steps whose batches are left out already.
        rule: the recipe's.
        at: where it was seen that a number is not finite.
        since: the step up to which all was finite.

    Raises:
        NonFiniteLossError: when the training is to end instead.
    """
    if guilty is None:
        raise NonFiniteLossError(
            f"the loss was no longer a number {at}, and is one when the steps since {since:,} are taken again",
            "the same steps gave other numbers: have the memory and the processor of this machine checked",
        )
    said = f"the loss is no longer a number at step {guilty.step + 1:,} (epoch {guilty.epoch}): {guilty.fault.what}"
    if rule.mode == "stop":
        raise NonFiniteLossError(said, _LOWER)
    if len(left_out) >= rule.limit:
        raise NonFiniteLossError(f"{said}; {len(left_out)} batches are left out already", _LOWER)
    return guilty


def all_left_out(epoch: int) -> NonFiniteLossError:
    """Return the error for an epoch of which no batch was learned from."""
    return NonFiniteLossError(f"all batches of epoch {epoch} are left out: nothing was learned in it", _LOWER)


def of_split(name: str, step: int, epoch: int) -> NonFiniteLossError:
    """Return the error for a loss on another split that is not finite, where all weights are."""
    return NonFiniteLossError(f"the {name} loss is no longer a number after step {step:,} (epoch {epoch})", _LOWER)
