"""Running the review server until it is stopped."""

import errno
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from deepsort_reid.review.session import Review
from deepsort_reid.review.web.access import new_token
from deepsort_reid.review.web.server import create_app


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 takes a free one.

    Raises ValueError when the port is in use, when it is not allowed, or for an unknown host.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ValueError(
            f"--host: expected a name or address of this machine, got {host!r}: {error}"
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets two programs have a port else
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            reason = "in use already" if error.errno == errno.EADDRINUSE else "not allowed"
            raise ValueError(
                f"--port: {port} is {reason} on {host}; choose another, or 0 for any free one"
            ) from None
        raise ValueError(
            f"--host: expected an address of this machine, got {host!r}: {error.strerror}"
        ) from None
    return listening


def serve(
    review: Review, host: str, port: int, *, any_host: bool, ready: Callable[[str], None]
) -> None:
    """Serve the page of a review until a signal ends the process.

    Args:
        review: is not closed.
        host, port: to listen at; port 0 takes a free one.
        any_host: accept requests for every host name.
        ready: called with the address of the page, with its token, once the port is open.

    Raises ValueError when the port cannot be opened.
    """
    with open_socket(host, port) as listening:
        token = new_token()
        app = create_app(review, token, any_host=any_host)
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listening.getsockname()[1]}/#token={token}")
        make_server(app).run(sockets=[listening])


def make_server(app: ASGIApp) -> uvicorn.Server:
    """A server that prints errors only and ends within a second, with open pages, too."""
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
