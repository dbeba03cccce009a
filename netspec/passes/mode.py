"""What a graph is run for."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Mode"]


class Mode(StrEnum):
    """Training draws random numbers and normalizes by the batch; inference does neither."""

    TRAINING = "training"
    INFERENCE = "inference"
