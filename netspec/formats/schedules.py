"""Steps of other programs as epochs, which netspec's schedules count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

__all__ = ["Steps", "number_text"]


def number_text(value: float) -> str:
    """Return a number of a recipe as the language takes it, in at most seven digits."""
    return f"{value:.7g}".replace("e+", "e")


@dataclass(frozen=True, slots=True)
class Steps:
    """How many steps an epoch has: of so many examples, in batches of so many. 0 examples: it is not known."""

    examples: int
    batch: int

    @property
    def known(self) -> bool:
        """Whether the number of examples is known."""
        return self.examples > 0

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch, of which the last may be smaller."""
        return max(ceil(self.examples / self.batch), 1)

    def epochs(self, steps: int) -> float:
        """Return how many epochs so many steps are."""
        return steps / self.per_epoch

    def whole_epochs(self, steps: int) -> int:
        """Return the whole number of epochs nearest to so many steps, 1 at least."""
        return max(round(self.epochs(steps)), 1)

    def text(self, steps: int) -> str:
        """Return the number of epochs in words: `10.7 epochs`."""
        return f"{self.epochs(steps):.3g} epochs"

    def written(self, steps: int) -> str:
        """Return so many steps as epochs, in the fewest digits that mean them."""
        epochs = self.epochs(steps)
        texts = (f"{epochs:.{digits}g}" for digits in range(1, 16))
        return next((t for t in texts if round(float(t) * self.per_epoch) == steps), f"{epochs:.16g}").replace(
            "e+", "e"
        )

    def multistep(self, drops: Sequence[int], factor: float) -> str:
        """Return the schedule that multiplies the rate by a factor after each of these steps."""
        at = " ".join(map(self.written, drops))
        return f'multistep "{at}" factor={number_text(factor)}'

    def exponential(self, factor: float) -> str:
        """Return the schedule that multiplies the rate by a factor at each step; empty where no number says it."""
        try:
            whole = number_text(factor**self.per_epoch)
        except OverflowError:
            return ""
        return f"exponential {whole}" if float(whole) > 0 else ""
