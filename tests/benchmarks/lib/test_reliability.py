"""benchmarks/lib/reliability.py: joins and their calibration error, counted by hand."""

import pytest

from benchmarks.lib import reliability


def test_join_is_right_when_most_other_tracks_are_of_its_identity():
    persons = [[(1, 1.0), (1, 0.9), (2, 0.6), (1, 0.8)], [(3, 1.0)], [(4, 1.0), (0, 0.7)]]
    assert reliability.joins_of(persons) == [(0.9, True), (0.6, False), (0.8, True)]


def test_calibration_error_is_the_mean_difference_over_bins():
    joins = [(0.6, True), (0.6, False), (0.99, True), (0.99, True)]
    assert reliability.calibration_error(joins) == pytest.approx((2 * 0.1 + 2 * 0.01) / 4)
    lines = reliability.table(joins)
    assert lines[1].split() == ["0.50", "to", "0.70", "2", "0.600", "0.500"]
    assert lines[-1].endswith("75.0% right, expected calibration error 5.5%")
    assert reliability.table([]) == ["no joins"]
