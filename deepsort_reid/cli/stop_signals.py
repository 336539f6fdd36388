"""SIGTERM and SIGHUP end a command as Ctrl-C does."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal(KeyboardInterrupt):  # as KeyboardInterrupt
    """A signal that asks the process to end; `number` is that of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


@contextmanager
def stop_signals_as_interrupt() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP raise `StopSignal` in the main thread.

    An ignored signal stays ignored, so that `nohup` works. A child process of the block ends by
    these signals as before.
    """
    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise StopSignal(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    previous = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                previous[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupted_or_failed(error: BaseException) -> str:
    """Status of a run that ends with this error."""
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
