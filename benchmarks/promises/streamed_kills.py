"""Trainings that read their pictures batch by batch, killed again and again, and resumed: the same bits at the end."""

from __future__ import annotations

from promises.frame import Effort, Found
from promises.kills import found_of

__all__ = ["measure"]


def measure(effort: Effort) -> Found:
    """Kill processes at random moments: while they look through the pictures for the first time, and later."""
    return found_of(effort, effort.of(60, 1), streamed=True)
