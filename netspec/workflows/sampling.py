"""Sampling: which token follows, chosen by chance from what a language model says of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, NetspecError
from netspec.system.arguments import as_finite, as_whole, described

__all__ = ["Chance", "Sampling"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen: first the temperature, then the likeliest `top_k`, then `top_p` of what is left of those.

    That is the order of Hugging Face's transformers.

    Attributes:
        temperature: what the logits are divided by; with 0 the likeliest token is taken, of equals the first.
        top_k: only so many of the likeliest tokens are taken, of equals the first; None for all.
        top_p: only the likeliest tokens are taken, as few as together have this probability; 1 for all.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    @classmethod
    def of(cls, temperature: object, top_k: object, top_p: object) -> Sampling:
        """Return the settings that a caller gave; raises NetspecError where one is none."""
        cooled, share = as_finite(temperature), as_finite(top_p)
        if cooled is None or cooled < 0:
            raise NetspecError(
                f"temperature must be a number, 0 or more, not {described(temperature)}",
                "1 samples as the model learned, less is bolder, 0 always takes the likeliest token",
            )
        if share is None or not 0 < share <= 1:
            raise NetspecError(
                f"top_p must be a number above 0, at most 1, not {described(top_p)}", "for example top_p=0.9"
            )
        return cls(cooled, None if top_k is None else as_whole(top_k, "top_k", 40), share)

    def probabilities(self, logits: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the tokens that may be chosen, the likeliest first, and the probability of each.

        Args:
            logits: (K,), of each token; minus infinity for one that cannot be.
        """
        wide = np.asarray(logits, np.float64)
        order = np.argsort(-wide, kind="stable")[: self.top_k]
        if self.temperature == 0:
            return order[:1], np.ones(1)
        with np.errstate(over="ignore", under="ignore"):
            shares = np.exp((wide[order] - wide[order[0]]) / self.temperature)
        shares /= shares.sum()
        if self.top_p < 1:
            count = int(np.count_nonzero(np.cumsum(shares) - shares < self.top_p))
            order, shares = order[:count], shares[:count] / shares[:count].sum()
        return order, shares


class Chance:
    """The chance that a seed makes: the same numbers one after the other, on every machine and in every run.

    Args:
        seed: a whole number, 0 or more.
    """

    def __init__(self, seed: object) -> None:
        self._bits = np.random.PCG64(as_whole(seed, "seed", 0, least=0, most=2**128))

    def choose(self, logits: NDArray[np.floating], sampling: Sampling) -> int:
        """Return a token.

        Args:
            logits: (K,), of each token.
            sampling: how it is chosen.

        Raises:
            DataError: a logit is no number.
        """
        if np.isnan(logits).any() or not np.isfinite(logits.max()):
            raise DataError(
                "the model gives numbers that are not finite (NaN or infinite)",
                "its training went wrong: train it again, with a smaller learning rate",
            )
        tokens, shares = sampling.probabilities(logits)
        # A number from 0 to 1 of 53 random bits. Drawn for each token, so that no setting moves the numbers after it.
        drawn = (int(self._bits.random_raw()) >> 11) * 2.0**-53
        place = int(np.searchsorted(np.cumsum(shares), drawn, side="right"))
        return int(tokens[min(place, len(tokens) - 1)])
