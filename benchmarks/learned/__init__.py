"""What is learned on real data, a file each: its specs, its text in the page, and `measure`, which returns figures."""

from __future__ import annotations

__all__ = ["TASKS"]

TASKS = ("tables", "starters", "segmentation", "characters", "pairs", "two_targets", "vae", "fine_tuning")
"""The tasks in the order of the page, by the name of the file that measures each."""
