"""The two-filter smoother against least squares over the whole track."""

import numpy as np
import pytest

from deepsort_reid.tracking.refinement.two_filter_smoother import (
    InformationState,
    filter_backwards,
    measurement_information,
)


def backwards(measured, time):
    """`filter_backwards` of measurements (F, N, 4)."""
    return filter_backwards(measurement_information(measured).transpose(0, 2, 1), time)


def least_squares_position(times, measured, at):
    """Position of one coordinate at time `at` given all measurements, as one linear system."""
    moments = np.unique([*times, at])
    equations, values = [], []

    def add(columns, coefficients, value):
        equation = np.zeros(2 * len(moments))
        equation[columns] = coefficients
        equations.append(equation)
        values.append(value)

    for time, value in zip(times, measured, strict=True):
        add([2 * np.searchsorted(moments, time)], [1 / 8], value / 8)
    add([1], [1 / 10], 0)  # prior of the first velocity
    for k, dt in enumerate(np.diff(moments)):
        process_noise = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        whitening = np.linalg.inv(np.linalg.cholesky(process_noise))
        transition = np.hstack([-whitening @ np.array([[1, dt], [0, 1]]), whitening])
        for row in transition:
            add(np.arange(2 * k, 2 * k + 4), row, 0)
    state = np.linalg.lstsq(np.array(equations), np.array(values), rcond=None)[0]
    return state[2 * np.searchsorted(moments, at)]


def two_filter_position(times, measured, at):
    """Position (4,) of one track at time `at` by both filters, from measurements (T, 4)."""
    past, now = InformationState.new_tracks(1), times[0]
    for time, value in zip(times, measured, strict=True):
        if time <= at:
            past, now = past.propagate(time - now).add_measurement(value[None]), time
    past = past.propagate(at - now)
    future, now = InformationState.uninformative(1), times[-1]
    for time, value in zip(times[::-1], measured[::-1], strict=True):
        if time > at:
            future, now = future.propagate(time - now).add_measurement(value[None]), time
    return past.fuse(future.propagate(at - now)).position()[0]


@pytest.mark.parametrize("at", [0.0, 3.0, 7.0, 8.5, 15.0])
def test_fused_past_and_future_equal_least_squares(at):
    rng = np.random.default_rng(0)
    times = np.array([0.0, 1, 2, 3, 4, 7, 11, 12, 13, 15])  # with gaps
    measured = 20 * rng.normal(size=(len(times), 4)) + 3 * times[:, None]
    expected = [least_squares_position(times, column, at) for column in measured.T]
    np.testing.assert_allclose(two_filter_position(times, measured, at), expected, atol=1e-6)


def test_filter_backwards_equals_measurements_and_steps_in_turns_bit_for_bit():
    rng = np.random.default_rng(3)
    for frames, tracks in ((0, 3), (1, 1), (4, 0), (30, 5), (12, 2)):
        measured = rng.uniform(-500, 500, (frames, tracks, 4))
        measured[rng.random((frames, tracks)) < 0.4] = np.nan
        steps = rng.choice([1.0, 1.0, 2.5, 0.3], frames)
        time = np.concatenate([[0], np.cumsum(steps)]).tolist()
        state = InformationState.uninformative(tracks)
        for number in range(frames - 1, -1, -1):
            state = state.add_measurement(measured[number])
            state = state.propagate(time[number] - time[number + 1])
        np.testing.assert_array_equal(backwards(measured, time).rows, state.rows)


def test_propagating_in_two_steps_equals_one_step():
    rng = np.random.default_rng(1)
    state = InformationState.new_tracks(3).add_measurement(rng.normal(size=(3, 4)))
    for dt in (3.0, -3.0):
        in_two_steps = state.propagate(dt / 3).propagate(2 * dt / 3)
        np.testing.assert_allclose(state.propagate(dt).rows, in_two_steps.rows, atol=1e-12)


def test_propagated_uninformative_state_is_uninformative():
    assert not InformationState.uninformative(2).propagate(-5.0).rows.any()


def test_missing_measurement_changes_nothing():
    state = InformationState.new_tracks(2).add_measurement(np.ones((2, 4)))
    unchanged = state.add_measurement(np.full((2, 4), np.nan))
    np.testing.assert_array_equal(state.rows, unchanged.rows)


def test_position_of_a_track_with_one_measurement_is_that_measurement():
    measured = np.array([[30.0, 40.0, 20.0, 50.0]])
    state = InformationState.new_tracks(1).add_measurement(measured)
    np.testing.assert_allclose(state.position(), measured)


def test_steps_of_no_and_of_very_long_time_give_finite_states():
    rng = np.random.default_rng(0)
    time = np.cumsum([0, 1, 1e6, 0, 1e-9, 1, 1000, 1e6, 1]).tolist()
    measured = 100 + rng.normal(size=(len(time) - 1, 3, 4))
    measured[rng.random(measured.shape[:2]) < 0.3] = np.nan
    with np.errstate(all="raise"):
        future = backwards(measured, time)
        past = InformationState.new_tracks(3).add_measurement(np.full((3, 4), 100.0))
        xywh = past.propagate(1e6).add_measurement(np.full((3, 4), 100.0)).fuse(future).position()
    np.testing.assert_allclose(xywh, 100, atol=10)


def test_first_step_of_no_time_is_possible():
    state = backwards(np.full((1, 2, 4), 50.0), [1e17, 1e17])
    np.testing.assert_allclose(state.rows[0, 2:] / state.rows[0, 0], 50)
