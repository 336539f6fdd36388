"""Access to the review server: its token, the page's own origin, and headers for the browser."""

import secrets
from collections.abc import Collection

from starlette.datastructures import URL, Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-review-token"

# The page loads its own scripts, styles and pictures only, and no string becomes a script.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def new_token() -> str:
    """A token that cannot be guessed, for one start of the server."""
    return secrets.token_urlsafe(32)


class AccessGuard:
    """Refuses requests that do not come from the page of this server.

    The page itself holds no data and is given to every visitor. Whatever is below the guarded
    paths needs the token, in a header or, for pictures, videos and downloads, in the query. As the
    token is no cookie, a browser sends it for no other page.

    Args:
        app: the application.
        token: of this start.
        hosts: accepted names in the header Host, in lower case. Another name means that a page
            elsewhere has made its own name lead to this machine (DNS rebinding). None accepts all.
        guarded: paths, or beginnings of paths that end in "/", that need the token.
    """

    def __init__(
        self, app: ASGIApp, token: str, hosts: Collection[str] | None, guarded: tuple[str, ...]
    ) -> None:
        self._app = app
        self._token = token
        self._hosts = hosts
        self._guarded = guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no WebSocket is served

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        reason = self._refusal(scope)
        if reason is not None:
            answer = JSONResponse({"error": reason}, status_code=403)
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is refused; None when it is not."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self._hosts is not None and URL(f"//{host}").hostname not in self._hosts:
            return f"expected a host name of this machine, got {host!r:.100}"
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host}":
            return f"expected a request of this page, got one of {origin!r:.100}"
        # Browsers tell by it, also where they send no origin: with images, for example.
        site = headers.get("sec-fetch-site", "same-origin")
        if not self._needs_token(scope["path"]):
            return None
        if site not in ("same-origin", "none"):
            return "expected a request of this page, got one of another page"
        given = headers.get(TOKEN_HEADER) or QueryParams(scope["query_string"]).get("token", "")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return "expected the token of this start: open the address that the command printed"
        return None

    def _needs_token(self, path: str) -> bool:
        return any(
            path == each or (each.endswith("/") and path.startswith(each)) for each in self._guarded
        )
