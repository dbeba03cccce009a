"""Measurements of a training for other programs: a table, and the files that TensorBoard reads."""

from netspec.logs.log import LOGS, Log, kept_logs, logged

__all__ = ["LOGS", "Log", "kept_logs", "logged"]
