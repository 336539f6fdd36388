"""Reading of cameras: order, dropped frames, stalls, reconnection, times and threads."""

import itertools
import threading
import time

import numpy as np
import pytest

from deepsort_reid.io.live_options import LiveOptions, StreamState
from deepsort_reid.io.live_reader import LiveReader, StreamLostError
from tests.io.fake_captures import FakeCamera, FakeClock, numbered_frame, numbers_of

# Where a test waits for a stall, it is short; elsewhere so long that a busy machine does not stall.
SOON, NEVER = 0.1, 60.0


@pytest.fixture(autouse=True)
def _short_wait_for_hung_threads(monkeypatch):
    monkeypatch.setattr("deepsort_reid.io.live_reader._CLOSE_TIMEOUT", SOON)


def frames(*numbers, size=(64, 48)):
    return [numbered_frame(number, size) for number in numbers]


def options(**changes):
    return LiveOptions(
        **{"stall_timeout": NEVER, "open_timeout": NEVER, "retry_delay": 0.01, **changes}
    )


@pytest.fixture
def hang():
    """An event that nobody sets before the test is over: a read that hangs."""
    event = threading.Event()
    yield event
    event.set()


def read_all(reader, **selection):
    """All frames until the source is lost, and the reason."""
    found = []
    with pytest.raises(StreamLostError) as error:
        found.extend(frame for frame in reader.frames(10.0, **selection))
    return found, str(error.value)


def read(reader, count):
    return list(itertools.islice(reader.frames(10.0), count))


def test_every_frame_is_delivered_once_and_in_order():
    reader = LiveReader(FakeCamera(frames(*range(50))), options(reconnect=0))
    found, reason = read_all(reader)
    assert numbers_of(found) == list(range(50))
    assert [frame.number for frame in found] == list(range(1, 51))
    assert [frame.dt for frame in found] == [1] * 50
    assert reason == "the source ended"
    assert reader.report()["frames_received"] == 50
    assert reader.state is StreamState.ENDED


def test_start_stop_and_every_select_frames():
    def reader():
        return LiveReader(FakeCamera(frames(*range(1, 13))), options(reconnect=0))

    selected = list(reader().frames(10.0, start=3, stop=10, every=3))
    assert [(frame.number, frame.dt) for frame in selected] == [(3, 3), (6, 3), (9, 3)]
    assert numbers_of(selected) == [3, 6, 9]
    assert numbers_of(reader().frames(10.0, stop=2)) == [1, 2]


def test_last_selected_frame_is_not_followed_by_a_wait_for_another_one(hang):
    reader = LiveReader(FakeCamera([*frames(1, 2), hang]), options())
    assert numbers_of(reader.frames(10.0, stop=2)) == [1, 2]


def test_with_latest_a_slow_consumer_gets_the_newest_frame():
    """While the consumer has frame 1, frames 2 to 30 come; it gets 30, and misses the others."""
    busy, sent = threading.Event(), threading.Event()
    clock = FakeClock()
    script = [
        *frames(1),
        busy,
        *[item for frame in frames(*range(2, 31)) for item in (lambda: clock.advance(0.1), frame)],
        sent.set,
        threading.Event(),
    ]
    reader = LiveReader(FakeCamera(script), options(latest=True), clock=clock)
    received = reader.frames(10.0)
    first = next(received)
    busy.set()
    assert sent.wait(NEVER)
    second = next(received)
    assert numbers_of([first, second]) == [1, 30]
    assert (second.number, second.time) == (30, pytest.approx(2.9))
    assert second.dt == pytest.approx(29)  # 2.9 s at 10 frames per second
    assert reader.report()["frames_dropped"] == 28
    script[-1].set()
    received.close()


def test_with_latest_dt_follows_the_clock_and_not_the_number_of_frames():
    clock, gate = FakeClock(), threading.Semaphore(0)
    steps = [0.05, 0.25, 0.001]

    def wait_then_advance(seconds):
        return lambda: (gate.acquire(), clock.advance(seconds))

    script = [*frames(0)]
    for number, seconds in enumerate(steps, start=1):
        script += [wait_then_advance(seconds), *frames(number)]
    reader = LiveReader(FakeCamera(script), options(latest=True, reconnect=0), clock=clock)
    received = reader.frames(10.0)
    found = [next(received)]
    for _ in steps:
        gate.release()
        found.append(next(received))
    assert [frame.time for frame in found] == pytest.approx([0, 0.05, 0.3, 0.301])
    # Frames that come at once were not taken at once: not less than half a frame.
    assert [frame.dt for frame in found] == pytest.approx([1, 0.5, 2.5, 0.5])
    received.close()


def test_slow_consumer_loses_nothing_without_latest():
    reader = LiveReader(FakeCamera(frames(*range(100))), options(reconnect=0))
    time.sleep(0.05)  # the thread reads ahead, and waits
    found, _ = read_all(reader)
    assert numbers_of(found) == list(range(100))
    assert reader.report()["frames_dropped"] == 0


def test_thread_waits_for_a_slow_consumer_with_few_frames_in_memory(hang):
    delivered = []
    script = [item for frame in frames(*range(40)) for item in (lambda: delivered.append(1), frame)]
    reader = LiveReader(FakeCamera([*script, hang]), options())
    time.sleep(0.1)
    assert len(delivered) <= 10
    reader.close()


def test_stream_that_closes_is_opened_again_and_numbers_go_on():
    changes = []
    camera = FakeCamera(frames(1, 2), frames(3, 4), frames(5))
    reader = LiveReader(camera, options(reconnect=0.3, on_change=changes.append))
    found, reason = read_all(reader)
    assert numbers_of(found) == [1, 2, 3, 4, 5]
    assert [frame.number for frame in found] == [1, 2, 3, 4, 5]
    assert reason == "the source ended, and no frame in 0.3 s of attempts to reconnect"
    report = reader.report()
    assert (report["reconnects"], report["frames_received"], report["state"]) == (2, 5, "ended")
    assert [each["reason"] for each in report["interruptions"]] == ["the source ended"] * 3
    assert [each["seconds"] is None for each in report["interruptions"]] == [False, False, True]
    states = [change.state for change in changes]
    between = [StreamState.RECONNECTING, StreamState.CONNECTED]
    assert states == [*between, *between, StreamState.RECONNECTING, StreamState.ENDED]


def test_dt_after_an_interruption_is_the_time_that_has_passed():
    clock = FakeClock()
    camera = FakeCamera(frames(1, 2), [lambda: clock.advance(3), *frames(3, 4)])
    reader = LiveReader(camera, options(), clock=clock)
    found = read(reader, 4)
    assert [frame.dt for frame in found] == pytest.approx([1, 1, 30, 1])
    assert [frame.time for frame in found] == pytest.approx([0, 0, 3, 3])
    assert reader.report()["interruptions"][0]["seconds"] == pytest.approx(3)


def test_dt_after_an_interruption_is_in_the_units_of_a_camera_slower_than_it_declares():
    """Frames come every 0.5 s, while the camera declares 10 per second; 3 s are 6 of them."""
    clock, gate = FakeClock(), threading.Semaphore(0)

    def after(seconds):
        return lambda: (gate.acquire(), clock.advance(seconds))

    camera = FakeCamera(
        [*frames(1), after(0.5), *frames(2), after(0.5), *frames(3)], [after(3), *frames(4)]
    )
    received, found = LiveReader(camera, options(), clock=clock).frames(10.0), []
    for _ in range(4):
        found.append(next(received))
        gate.release()
    assert [frame.dt for frame in found] == pytest.approx([1, 1, 1, 6])
    received.close()


@pytest.mark.parametrize("latest", [False, True])
def test_tracks_are_not_deleted_by_a_long_interruption(latest):
    """100 s are 1000 frames; the default `max_age` is 120."""
    clock = FakeClock()
    camera = FakeCamera(frames(1), [lambda: clock.advance(100), *frames(2)])
    found = read(LiveReader(camera, options(latest=latest), clock=clock), 2)
    assert [frame.dt for frame in found] == [1, 60]
    assert found[1].time == pytest.approx(100)


def test_interruption_shorter_than_a_frame_is_one_frame():
    reader = LiveReader(FakeCamera(frames(1), frames(2)), options(), clock=FakeClock())
    assert [frame.dt for frame in read(reader, 2)] == [1, 1]


def test_stalled_stream_is_left_and_opened_again(hang):
    """The second connection may stall as well on a busy machine; it would be opened again."""
    changes = []
    camera = FakeCamera([*frames(1, 2), hang], *[frames(3, 4, 5)] * 3)
    reader = LiveReader(camera, options(stall_timeout=SOON, on_change=changes.append))
    assert numbers_of(read(reader, 3)) == [1, 2, 3]
    interruption = reader.report()["interruptions"][0]
    assert interruption["reason"] == "no frame for 0.1 s"
    assert interruption["seconds"] >= SOON
    states = [change.state for change in changes[:3]]
    assert states == [StreamState.STALLED, StreamState.RECONNECTING, StreamState.CONNECTED]


def test_stream_that_stalls_for_good_is_lost_and_the_program_goes_on(hang):
    camera = FakeCamera([*frames(1), hang], [hang], [hang])
    reader = LiveReader(camera, options(stall_timeout=SOON, open_timeout=SOON, reconnect=0.3))
    found, reason = read_all(reader)
    assert numbers_of(found) == [1]
    assert reason == "no frame for 0.1 s, and no frame in 0.3 s of attempts to reconnect"
    assert reader.state is StreamState.ENDED


def test_stalled_stream_is_lost_at_once_without_reconnection(hang):
    reader = LiveReader(
        FakeCamera([*frames(1), hang], frames(2)), options(stall_timeout=SOON, reconnect=0)
    )
    found, reason = read_all(reader)
    assert (numbers_of(found), reason) == ([1], "no frame for 0.1 s")


def test_slow_consumer_is_no_stall(hang):
    """A thread that waits for the consumer is not a source that delivers nothing."""
    camera = FakeCamera([*frames(*range(30)), hang])
    reader = LiveReader(camera, options(stall_timeout=SOON, reconnect=0))
    time.sleep(3 * SOON)
    found, _ = read_all(reader)
    assert numbers_of(found) == list(range(30))


def test_attempts_to_reconnect_wait_longer_and_longer(monkeypatch):
    clock, waits = FakeClock(), []
    reader = LiveReader(FakeCamera(frames(1)), options(reconnect=100, retry_delay=1), clock=clock)

    def sleep(seconds):
        waits.append(seconds)
        clock.advance(seconds)

    monkeypatch.setattr(reader, "_sleep", sleep)
    read_all(reader)
    assert waits == [0, 1, 2, 4, 8, *[10] * 8]


def test_connection_that_lasted_is_tried_again_at_once(monkeypatch):
    clock, waits = FakeClock(), []
    lasting = [lambda: clock.advance(11), *frames(2)]
    camera = FakeCamera(frames(1), lasting, frames(3), frames(4))
    reader = LiveReader(camera, options(retry_delay=1, reconnect=100), clock=clock)
    monkeypatch.setattr(reader, "_sleep", waits.append)
    assert numbers_of(read(reader, 4)) == [1, 2, 3, 4]
    assert waits == [0, 0, 1]


def test_source_without_a_frame_is_refused():
    for camera in (FakeCamera(), FakeCamera(()), FakeCamera([RuntimeError("driver")])):
        with pytest.raises(StreamLostError):
            LiveReader(camera, options())


def test_source_that_does_not_open_in_time_is_refused(hang):
    with pytest.raises(StreamLostError, match=r"no frame for 0\.1 s"):
        LiveReader(FakeCamera([hang]), options(open_timeout=SOON))


def test_error_of_the_driver_is_an_interruption():
    reader = LiveReader(
        FakeCamera([*frames(1), RuntimeError("secret address")], frames(2)), options()
    )
    assert numbers_of(read(reader, 2)) == [1, 2]
    reason = reader.report()["interruptions"][0]["reason"]
    assert reason == "the source cannot be read (RuntimeError)"


def test_frames_of_another_size_are_scaled_to_the_first_size():
    camera = FakeCamera([*frames(10), *frames(20, size=(128, 96)), *frames(30, size=(64, 24))])
    reader = LiveReader(camera, options(reconnect=0))
    found, _ = read_all(reader)
    assert [frame.frame.shape for frame in found] == [(48, 64, 3)] * 3
    assert (found[1].frame == 20).all()
    # Twice as wide as high: black margins above and below.
    rows = found[2].frame[:, :, 0]
    assert (rows[:12] == 0).all()
    assert (rows[12:36] == 30).all()
    assert (rows[36:] == 0).all()
    assert reader.report()["sizes"] == [[64, 48], [128, 96], [64, 24]]


@pytest.mark.parametrize(("restart", "dt"), [(False, 1), (True, 1e6)])
def test_change_of_size_ends_the_tracks_by_choice(restart, dt):
    other = frames(2, 3, size=(128, 96))
    camera = FakeCamera([*frames(1), *other, *frames(4, 5)])
    reader = LiveReader(camera, options(reconnect=0, restart_on_size_change=restart))
    found, _ = read_all(reader)
    assert [frame.dt for frame in found] == [1, dt, 1, dt, 1]


def test_change_of_size_in_a_frame_that_is_left_out_ends_the_tracks_as_well():
    camera = FakeCamera([*frames(1), *frames(2, 3, size=(128, 96)), *frames(4)])
    reader = LiveReader(camera, options(reconnect=0, restart_on_size_change=True))
    found, _ = read_all(reader, every=3)
    assert [(frame.number, frame.dt) for frame in found] == [(1, 3), (4, 1e6)]


def test_threads_end_when_the_frames_are_closed():
    endless = (numbered_frame(1) for _ in itertools.count())
    camera = FakeCamera(endless)
    reader = LiveReader(camera, options())
    received = reader.frames(10.0)
    next(received)
    received.close()
    assert camera.captures[0].released.wait(NEVER)
    assert reader.state is StreamState.ENDED
    assert list(reader.frames(10.0)) == []


def test_thread_of_a_reader_that_nobody_closed_ends():
    camera = FakeCamera(numbered_frame(1) for _ in itertools.count())
    reader = LiveReader(camera, options())
    del reader
    assert camera.captures[0].released.wait(NEVER)


def test_close_does_not_wait_for_a_hung_read(hang):
    reader = LiveReader(FakeCamera([*frames(1), hang]), options())
    reader.close()
    assert not hang.is_set()


def test_close_from_another_thread_ends_the_frames(hang):
    reader = LiveReader(FakeCamera([*frames(1, 2), hang]), options())
    thread = threading.Thread(target=lambda: list(reader.frames(10.0)))
    thread.start()
    while reader.report()["frames_received"] < 2:
        time.sleep(0.01)
    reader.close()
    thread.join(NEVER)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stall_timeout": 0}, "stall_timeout: expected seconds above 0, got 0"),
        ({"open_timeout": float("inf")}, "open_timeout: expected seconds above 0, got inf"),
        ({"retry_delay": float("nan")}, "retry_delay: expected seconds above 0, got nan"),
        ({"reconnect": -1}, "reconnect: expected 0 seconds or more, got -1"),
        ({"reconnect": float("nan")}, "reconnect: expected 0 seconds or more, got nan"),
    ],
)
def test_options_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        LiveOptions(**change)


def test_report_is_plain_data():
    reader = LiveReader(FakeCamera(frames(1), frames(2)), options(reconnect=0.1))
    read_all(reader)
    kinds = {type(value) for value in reader.report().values()}
    assert kinds <= {str, bool, int, list}
    assert np.isfinite(reader.report()["interruptions"][0]["seconds"])
