"""An HTTP server of Motion JPEG on the loopback address, as cheap cameras are one."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

BOUNDARY = "frame"


class MjpegServer:
    """Answers request k with `scripts[k]`, later ones with status 404; a context manager.

    A script is a list of frames (height, width, 3), which are sent, of functions, which are
    called, and of RESET, which resets the connection. At its end the connection is closed.
    """

    RESET = object()

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.requests = []  # paths and user names
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *given):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def url(self, path="camera.mjpg", credentials=""):
        return f"http://{credentials}127.0.0.1:{self._http.server_port}/{path}"

    def stall(self):
        """Send nothing until the server is closed."""
        self.closing.wait()

    def answer(self, handler):
        number = len(self.requests)
        self.requests.append(handler.path)
        if number >= len(self.scripts):
            handler.send_error(404)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        handler.end_headers()
        with contextlib.suppress(OSError):  # the client left
            for item in self.scripts[number]:
                if item is self.RESET:
                    self._reset(handler.connection)
                    return
                if callable(item):
                    item()
                else:
                    handler.wfile.write(_part(item))

    @staticmethod
    def _reset(connection):
        """Close a connection with RST instead of FIN."""
        import socket
        import struct

        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


def _part(frame):
    jpeg = cv2.imencode(".jpg", np.asarray(frame), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n"
