"""Connection to a Ray cluster."""

import logging
import os
import signal
import socket
import threading

from deepsort_reid.io.native_stderr import suppress_native_stderr

CONNECT_TIMEOUT = 5.0  # seconds


def connect(address: str) -> None:
    """Connect to a Ray cluster, unless this process is connected.

    Args:
        address: "auto" for the cluster that runs on this machine; "HOST:PORT" of a head node;
            "local" to start Ray on this machine. Not "ray://...": Ray Data has no client.

    Raises:
        ValueError: the address is not as above.
        OSError: there is no cluster.
        ModuleNotFoundError: Ray is not installed.
    """
    # Read when Ray is imported. Our messages report what went wrong; Ray's would fill the screen.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    if ray.is_initialized():
        return
    _check_reachable(address)
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        with suppress_native_stderr():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (Exception, SystemExit) as error:  # Ray ends the process where a server is no Ray
        reason = (" ".join(str(error).split()) or "it ended")[:200]
        raise OSError(
            f"--address {address}: expected a Ray cluster that lets this process in (one with "
            f"authentication: RAY_AUTH_MODE=token), got none ({reason})"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_terminate)  # Ray has replaced it


def _check_reachable(address: str) -> None:
    """Raise OSError when nothing answers; Ray itself would try for minutes."""
    if address in ("auto", "local"):
        return
    host, colon, port = address.rpartition(":")
    is_port = colon and port.isdecimal() and int(port) <= 65535
    if not is_port or not host or "/" in host:
        raise ValueError(f"--address: expected auto, local or HOST:PORT, got {address!r:.99}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT).close()
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"--address {address}: expected a Ray cluster, got none ({reason})"
        ) from error
