"""Smoothing by beliefs: against least squares over the whole track, and the laws of time."""

import numpy as np
import pytest

from deepsort_reid.tracking.refinement import two_filter_smoother


def least_squares(time, measured, at):
    """Where one coordinate was at `at`, from all measurements, in one linear system."""
    moments = np.unique([*time, at])
    lines, values = [], []

    def add(columns, numbers, value):
        row = np.zeros(2 * len(moments))
        row[columns] = numbers
        lines.append(row)
        values.append(value)

    for t, z in zip(time, measured, strict=True):
        add([2 * np.searchsorted(moments, t)], [1 / 8], z / 8)
    add([1], [1 / 10], 0)  # the first velocity
    for k, dt in enumerate(np.diff(moments)):
        drift = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        white = np.linalg.inv(np.linalg.cholesky(drift))
        step = np.hstack([-white @ np.array([[1, dt], [0, 1]]), white])
        for row in step:
            add(np.arange(2 * k, 2 * k + 4), row, 0)
    state = np.linalg.lstsq(np.array(lines), np.array(values), rcond=None)[0]
    return state[2 * np.searchsorted(moments, at)]


def smoothed(time, measured, at):
    """The same by the two filters: measurements (T, 4) of one track, their place (4,) at `at`."""
    past, now = two_filter_smoother.new(1), time[0]
    for t, z in zip(time, measured, strict=True):
        if t <= at:
            past, now = (
                two_filter_smoother.seen(two_filter_smoother.passed(past, t - now), z[None]),
                t,
            )
    past = two_filter_smoother.passed(past, at - now)
    future, now = two_filter_smoother.unknown(1), time[-1]
    for t, z in zip(time[::-1], measured[::-1], strict=True):
        if t > at:
            future, now = (
                two_filter_smoother.seen(two_filter_smoother.passed(future, t - now), z[None]),
                t,
            )
    return (past + two_filter_smoother.passed(future, at - now)).place()[0]


@pytest.mark.parametrize("at", [0.0, 3.0, 7.0, 8.5, 15.0])
def test_past_and_future_together_say_what_least_squares_say(at):
    rng = np.random.default_rng(0)
    time = np.array([0.0, 1, 2, 3, 4, 7, 11, 12, 13, 15])  # with gaps
    measured = 20 * rng.normal(size=(len(time), 4)) + 3 * time[:, None]
    expected = [least_squares(time, column, at) for column in measured.T]
    np.testing.assert_allclose(smoothed(time, measured, at), expected, atol=1e-6)


def test_time_that_passes_in_two_steps_passes_once():
    rng = np.random.default_rng(1)
    belief = two_filter_smoother.seen(two_filter_smoother.new(3), rng.normal(size=(3, 4)))
    for dt in (3.0, -3.0):
        halves = two_filter_smoother.passed(two_filter_smoother.passed(belief, dt / 3), 2 * dt / 3)
        for one, two in zip(two_filter_smoother.passed(belief, dt), halves, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-12)


def test_nothing_known_stays_nothing_known():
    for part in two_filter_smoother.passed(two_filter_smoother.unknown(2), -5.0):
        assert not part.any()


def test_what_is_not_seen_changes_nothing():
    belief = two_filter_smoother.seen(two_filter_smoother.new(2), np.ones((2, 4)))
    again = two_filter_smoother.seen(belief, np.full((2, 4), np.nan))
    for one, two in zip(belief, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_track_seen_once_is_where_it_was_seen():
    place = np.array([[30.0, 40.0, 20.0, 50.0]])
    np.testing.assert_allclose(
        two_filter_smoother.seen(two_filter_smoother.new(1), place).place(), place
    )
