"""Numbers as people read them: shares, metrics, times."""

from __future__ import annotations

from netspec.recipe.metrics import METRICS

__all__ = ["is_share", "loss_text", "metric_text", "percent", "seconds_text"]


def percent(share: float | None) -> str:
    """Return `99.31 %`, or a dash where there is none."""
    return "–" if share is None else f"{100 * share:.2f} %"


_NO_SHARES = {"auroc", "average_precision", "log_loss", "calibration_error", "perplexity", "mae", "rmse", "r2"}


def is_share(name: str) -> bool:
    """Return whether a metric is a share, which people read in percent."""
    # Of one of several columns its name stands before that of the metric; the longest name is meant.
    ends = (m for m in sorted(METRICS, key=len, reverse=True) if name == m or name.endswith(f"_{m}"))
    return next(ends, "") not in _NO_SHARES


def metric_text(name: str, value: float | None) -> str:
    """Return a metric as people read it: `93.10 %` where it is a share, else `0.0412`, or a dash where it has none."""
    if value is None or is_share(name):
        return percent(value)
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.6g}"


def loss_text(value: float) -> str:
    """Return a loss in few letters: `0.0412`, or `3.153e+31` of a training that diverges."""
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.4g}"


def seconds_text(seconds: float) -> str:
    """Return `8.1 s`, `1 m 20 s`, `2 h 05 m`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} m {int(seconds % 60):02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"
