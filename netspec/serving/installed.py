"""The libraries of the extra `studio`, which only those need who serve a model."""

from __future__ import annotations

from netspec.diagnostics.diagnostic import NetspecError

__all__ = ["require_installed"]


def require_installed() -> None:
    """Raise NetspecError where the libraries that serve are not installed."""
    try:
        import starlette  # noqa: F401, PLC0415
        import uvicorn  # noqa: F401, PLC0415
    except ImportError as error:
        message = f"a model is served by starlette and uvicorn, and {error.name} is not installed"
        raise NetspecError(message, "install them: pip install 'netspec[studio]'") from None
