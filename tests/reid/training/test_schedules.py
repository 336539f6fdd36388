"""Learning rate schedules."""

import math

import pytest

from deepsort_reid.reid.training.schedules import flat_cosine, step_drop


def test_step_drop_falls_to_a_tenth_at_half_of_the_epochs():
    rate = step_drop(120)
    assert [rate(done) for done in (0, 59.99, 60, 119)] == [1.0, 1.0, 0.1, 0.1]


def test_cosine_schedule_warms_up_and_ends_at_zero():
    rate = flat_cosine(100, warmup_epochs=10)
    assert rate(0) == 0
    assert rate(5) == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi * 0.05)))
    assert rate(50) == pytest.approx(0.5)
    assert rate(100) == pytest.approx(0, abs=1e-12)


def test_flat_cosine_is_constant_up_to_the_decay_for_any_number_of_epochs():
    for epochs in (40, 80):
        rate = flat_cosine(epochs, warmup_epochs=2, decay_from=30)
        assert [rate(done) for done in (2, 10, 30)] == [1.0, 1.0, 1.0]
        assert rate((30 + epochs) / 2) == pytest.approx(0.5)


def test_decay_after_the_end_is_rejected():
    with pytest.raises(ValueError, match="expected less than the 10 epochs, got 10"):
        flat_cosine(10, decay_from=10)
