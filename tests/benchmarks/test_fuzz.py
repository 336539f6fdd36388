"""benchmarks/fuzz.py: no failures in a short run, and planted faults are found."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from benchmarks.lib import fuzzing
from deepsort_reid import DeepSort, Detections


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_random_episode_has_no_failure(seed: int) -> None:
    findings = fuzzing.run_episode(seed, frames=40)
    assert findings.failures == []
    assert findings.counts["updates"] == 40


def test_counts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["100", "3"]) == 0
    printed = capsys.readouterr().out
    for name in ("frames", "updates"):
        assert f"{name:20}       100" in printed
    assert "broken properties            0" in printed


def first_failure(monkeypatch: pytest.MonkeyPatch, update: object, frames: int = 800) -> str:
    """The failure that fuzzing finds in trackers with another `update`."""
    monkeypatch.setattr(DeepSort, "update", update)
    return fuzz.run(frames, 0).failures[0]


def test_exception_warning_broken_property_and_changed_state_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    update = DeepSort.update

    def fails(self: DeepSort, *_: object, **__: object) -> None:
        raise TypeError("planted")

    def warns(self: DeepSort, detections: Detections, **arguments: object) -> object:
        warnings.warn("planted", RuntimeWarning, stacklevel=2)
        return update(self, detections, **arguments)

    def repeats(self: DeepSort, detections: Detections, **arguments: object) -> object:
        tracks = update(self, detections, **arguments)
        return tracks[[0, 0]] if len(tracks) else tracks

    def changes(self: DeepSort, detections: Detections, **arguments: object) -> object:
        self._table.start_frame(1)
        return update(self, detections, **arguments)

    assert "TypeError: planted" in first_failure(monkeypatch, fails)
    assert "RuntimeWarning: planted" in first_failure(monkeypatch, warns)
    assert "broken property: ids are unique" in first_failure(monkeypatch, repeats)
    assert "state after a" in first_failure(monkeypatch, changes)
