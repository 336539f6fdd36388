"""The server of the review page in a thread of the test."""

from contextlib import contextmanager
from threading import Thread

from deepsort_reid.review.web.server import create_app
from deepsort_reid.review.web.serving import make_server, open_socket

TOKEN = "token-of-the-test"


@contextmanager
def serve(review, *, any_host=False):
    """The address of a server of a review, without the token."""
    with open_socket("127.0.0.1", 0) as listening:
        server = make_server(create_app(review, TOKEN, any_host=any_host))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
