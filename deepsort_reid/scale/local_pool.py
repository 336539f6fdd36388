"""A pool of processes of this machine that survives the death of a worker."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Worker(Generic[Item, Result]):
    """A process that makes a callable and calls it with one item after the other."""

    def __init__(self, make: Callable[..., Callable[[Item], Result]], arguments: Any) -> None:
        # Forked processes would inherit the threads and locks of OpenCV and ONNX Runtime.
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self._process = context.Process(target=_serve, args=(end, make, arguments), daemon=True)
        self._process.start()
        end.close()  # so that the death of the process closes the pipe
        self.is_ready = False
        self.item: Item | None = None

    def send(self, item: Item) -> None:
        self.item = item
        self.pipe.send(item)

    def stop(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def run_in_processes(
    make: Callable[..., Callable[[Item], Result]],
    arguments: tuple[Any, ...],
    items: Iterable[Item],
    *,
    workers: int,
) -> Iterator[tuple[Item, Result]]:
    """Call `make(*arguments)` once in each process, and the result with every item.

    Yields (item, result) in the order in which they are ready. The item of a process that dies is
    given to another one, as often as that happens: the callable counts, if it must. The processes
    end with the iteration.

    Raises what `make` raised in a process, and RuntimeError when a process dies in `make`.
    """
    waiting = deque(items)
    running: dict[Connection, _Worker[Item, Result]] = {}

    def start() -> None:
        worker = _Worker(make, arguments)
        running[worker.pipe] = worker

    try:
        for _ in range(min(workers, len(waiting))):
            start()
        while running:
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                worker = running[pipe]
                try:
                    message = pipe.recv()
                except (EOFError, OSError):
                    if not worker.is_ready:
                        raise RuntimeError(
                            "a worker process ended while it loaded models"
                        ) from None
                    running.pop(pipe).stop()
                    if worker.item is not None:
                        waiting.appendleft(worker.item)
                    if waiting:
                        start()
                    continue
                if isinstance(message, BaseException):
                    raise message
                if worker.is_ready:
                    assert worker.item is not None
                    yield worker.item, message
                worker.is_ready, worker.item = True, None
                if waiting:
                    worker.send(waiting.popleft())
                else:
                    running.pop(pipe).stop()
    finally:
        for worker in running.values():
            worker.stop()


def _serve(
    pipe: Connection, make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]
) -> None:
    """Answer each item with a result, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    try:
        function = make(*arguments)
    except Exception as error:
        pipe.send(error)
        return
    pipe.send(None)
    with suppress(EOFError, OSError):  # the parent was killed
        while True:
            pipe.send(function(pipe.recv()))
