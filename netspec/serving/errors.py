"""What a client did wrong, or a server cannot do now: a status, and the error and its fix as JSON."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["KINDS", "RequestError"]

KINDS = {
    400: "wrong_examples",
    403: "wrong_host",
    404: "not_found",
    405: "wrong_method",
    408: "too_slow",
    413: "too_large",
    415: "wrong_type",
    500: "failed",
    503: "busy",
}
"""What the metrics call an error, by its status."""


class RequestError(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        message: what is wrong.
        fix: what would be right.
        headers: of the response.
    """

    def __init__(self, status: int, message: str, fix: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.fix, self.headers = status, message, fix, dict(headers or {})
