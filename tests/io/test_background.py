"""Reading ahead and writing behind: order, errors, bounds, and threads that end."""

import threading
import time

import pytest

from deepsort_reid.io.background import WriteBehind, read_ahead

TIMEOUT = 10  # seconds until a test that waits for a thread fails


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def wait_until(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_items_are_read_in_order_by_another_thread():
    threads = set()

    def items():
        for number in range(100):
            threads.add(threading.current_thread())
            yield number

    assert list(read_ahead(items())) == list(range(100))
    assert len(threads) == 1
    assert threading.current_thread() not in threads
    assert list(read_ahead(iter([]))) == []


def test_no_more_than_size_plus_one_items_are_read_ahead():
    read = []

    def items():
        for number in range(50):
            read.append(number)
            yield number

    ahead = read_ahead(items(), size=2)
    assert [next(ahead) for _ in range(10)] == list(range(10))
    wait_until(lambda: len(read) == 10 + 2 + 1)
    time.sleep(0.05)
    assert len(read) == 10 + 2 + 1
    ahead.close()


def test_error_of_the_iterator_is_raised_after_the_items_before_it():
    def items():
        yield from (1, 2)
        raise OSError("the disk is gone")

    ahead = read_ahead(items())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)
    assert next(ahead, "ended") == "ended"


@pytest.mark.parametrize("taken", [1, 4])
def test_iterator_is_closed_with_the_reader(taken):
    closed = []

    def items():
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    ahead = read_ahead(items())
    assert [next(ahead) for _ in range(taken)] == list(range(taken))
    assert not closed
    ahead.close()
    assert closed == [True]


def test_interrupt_of_the_caller_ends_the_reading_thread():
    def interrupted():
        for number in read_ahead(iter(range(1000))):
            if number == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_items_are_written_in_order_by_another_thread_before_close_returns():
    written, threads = [], set()

    def write(item):
        threads.add(threading.current_thread())
        time.sleep(0.001)
        written.append(item)

    with WriteBehind(write) as writer:
        for number in range(50):
            writer.add(number)
    assert written == list(range(50))
    assert len(threads) == 1
    assert threading.current_thread() not in threads
    writer.close()
    with pytest.raises(ValueError, match="after close"):
        writer.add(1)


def test_add_waits_while_the_queue_is_full():
    go_on, added = threading.Semaphore(0), []

    with WriteBehind(lambda item: go_on.acquire(timeout=TIMEOUT), size=2) as writer:

        def add_all():
            for number in range(10):
                writer.add(number)
                added.append(number)

        adder = threading.Thread(target=add_all)
        adder.start()
        wait_until(lambda: len(added) == 3)  # one is being written, two are queued
        time.sleep(0.05)
        assert len(added) == 3
        for _ in range(10):
            go_on.release()
        adder.join(TIMEOUT)
    assert len(added) == 10


def test_error_of_a_write_is_raised_by_a_later_add_and_nothing_more_is_written():
    written = []

    def write(item):
        if item == 2:
            raise OSError("no space left")
        written.append(item)

    def add_all(writer):
        for number in range(1000):
            writer.add(number)

    writer = WriteBehind(write)
    with pytest.raises(OSError, match="no space left"):
        add_all(writer)
    assert written == [0, 1]
    with pytest.raises(OSError, match="no space left"):
        writer.add(1001)
    writer.close()  # the error was raised before
    assert written == [0, 1]


def test_error_of_the_last_write_is_raised_by_close():
    def write(item):
        raise OSError("no space left")

    writer = WriteBehind(write)
    writer.add(1)
    with pytest.raises(OSError, match="no space left"):
        writer.close()
