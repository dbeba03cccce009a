"""The report that each training writes into its folder at its end: within a few seconds, and never in its way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netspec.diagnostics.diagnostic import NetspecError
from netspec.system.files import atomic_write
from netspec.system.places import writes_reports

if TYPE_CHECKING:
    import jax

    from netspec.data.types import Dataset

__all__ = ["write_own_report"]


def write_own_report(folder: Path, dataset: Dataset, device: jax.Device) -> str:
    """Write the page of a run whose training has just ended; return why it is not there, where that fails.

    Args:
        folder: of the run.
        dataset: what it learned from.
        device: what computed.
    """
    if not writes_reports():
        return ""
    try:
        # What it takes to import is not needed where none is written.
        from netspec.runs.files import REPORT  # noqa: PLC0415
        from netspec.workflows.run_report import page_at_the_end  # noqa: PLC0415

        atomic_write(folder / REPORT, page_at_the_end(folder, dataset, device))
    except Exception as error:  # whatever it is: the training itself has succeeded
        why = (
            error.message if isinstance(error, NetspecError) else f"{type(error).__name__}: {error}".partition("\n")[0]
        )
        return f"no report is written: {why}; `netspec report {folder}` tries again"
    return ""
