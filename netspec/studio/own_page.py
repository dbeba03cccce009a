"""Who may ask the studio: its own page, at this machine, that knows the token."""

from __future__ import annotations

from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import Response

from netspec.serving.application import split_url
from netspec.serving.errors import RequestError

__all__ = ["OwnPage"]


class OwnPage:
    """The page of one start of the studio.

    Args:
        token: what a request must show: in the address of the page, then in a cookie.
        port: where the studio listens, which the cookie is named by.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self._cookie = f"netspec-{port}"
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}

    def require(self, request: Request) -> None:
        """Refuse all but the page itself: other names, other pages, and who does not know the token."""
        host = request.headers.get("host", "")
        if host not in self._hosts:
            raise RequestError(403, f"the studio was called {host[:100]!r}", "open the address that was printed")
        origin = request.headers.get("origin")
        if origin is not None and split_url(origin).netloc not in self._hosts:
            raise RequestError(403, f"a page of {origin[:100]!r} may not ask the studio", "use its own page")
        shown = request.query_params.get("token") or request.cookies.get(self._cookie, "")
        if not compare_digest(shown.encode(), self._token.encode()):
            raise RequestError(403, "the token is missing or wrong", "open the whole address that was printed")

    def let_in(self, response: Response) -> None:
        """Give the page the token as a cookie."""
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
