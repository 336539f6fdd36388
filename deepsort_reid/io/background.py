"""Reading ahead and writing behind: a thread decodes or encodes while the caller computes.

OpenCV releases the interpreter's lock, so the work overlaps with the networks. Order and results
are those of the same calls one after the other, and the queues are short.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")

_SIZE = 3  # items in a queue: more take memory, but save time only where single frames are slow
_WAIT = 0.5  # seconds, so that Ctrl-C is handled on every system


class _End:
    """Last entry of the queue of `read_ahead`: how the iterator ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterator[Item], size: int = _SIZE) -> Generator[Item, None, None]:
    """Yield the items of an iterator, which a thread reads up to `size` + 1 items ahead.

    An exception of the iterator is raised after the items before it. The thread ends, and the
    iterator is closed, when this generator ends or is closed; it starts with the first item.
    """
    entries: queue.Queue[Item | _End] = queue.Queue(size)
    stopped = threading.Event()

    def read() -> None:
        end = _End(None)
        try:
            for item in items:
                entries.put(item)
                if stopped.is_set():
                    break
        except BaseException as error:
            end = _End(error)
        finally:
            # After a stop the queue is not read, and there may be no room.
            if not stopped.is_set():
                entries.put(end)

    # A daemon, so that a device that never answers cannot keep the program from ending.
    thread = threading.Thread(target=read, name="read ahead", daemon=True)
    try:
        thread.start()
        while not isinstance(entry := _get(entries), _End):
            yield entry
        if entry.error is not None:
            raise entry.error
    finally:
        stopped.set()
        _empty(entries)  # the thread may wait for room
        if thread.is_alive():
            thread.join()
        close = getattr(items, "close", None)
        if close is not None:
            close()


class WriteBehind(Generic[Item]):
    """Calls `write(item)` in a thread, one item after the other; a context manager.

        with WriteBehind(video.write) as writer:
            writer.add(image)

    `add` waits while `size` items are queued. After an exception of `write` the later items are
    dropped, and `add` raises the exception, or `close` where no `add` followed.
    """

    def __init__(self, write: Callable[[Item], object], size: int = _SIZE) -> None:
        self._write = write
        self._items: queue.Queue[Item | _End] = queue.Queue(size)
        self._error: BaseException | None = None
        self._raised = False
        self._thread = threading.Thread(target=self._run, name="write behind", daemon=True)
        self._thread.start()

    def add(self, item: Item) -> None:
        """Write an item soon; the caller must not change it. Raises what an earlier write raised.

        Raises ValueError after `close`.
        """
        self._raise_error()
        if not self._thread.is_alive():
            raise ValueError("items cannot be added after close")
        self._items.put(item)

    def close(self) -> None:
        """Write what is queued, and end the thread; a second call does nothing."""
        if self._thread.is_alive():
            self._items.put(_End(None))
            try:
                self._thread.join()
            except KeyboardInterrupt:
                # What the thread writes to must not be closed before it has ended.
                self._thread.join()
                raise
        if not self._raised:
            self._raise_error()

    def __enter__(self) -> "WriteBehind[Item]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _raise_error(self) -> None:
        if self._error is not None:
            self._raised = True
            raise self._error

    def _run(self) -> None:
        while not isinstance(item := self._items.get(), _End):
            if self._error is not None:
                continue  # nothing is written, but `add` must not wait forever
            try:
                self._write(item)
            except BaseException as error:
                self._error = error


def _get(entries: "queue.Queue[Item | _End]") -> Item | _End:
    """The next entry, when there is one."""
    while True:
        try:
            return entries.get(timeout=_WAIT)
        except queue.Empty:
            continue


def _empty(entries: "queue.Queue[Item | _End]") -> None:
    while True:
        try:
            entries.get_nowait()
        except queue.Empty:
            return
