"""Restart of a script with one thread."""

import pytest

from benchmarks.lib import single_core


def test_a_restarted_process_does_not_restart_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSORT_REID_ONE_CORE", "1")
    assert single_core.rerun_single_threaded("benchmarks.tracking_speed", []) is None


def test_a_process_is_restarted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEEPSORT_REID_ONE_CORE", raising=False)
    assert single_core.rerun_single_threaded("benchmarks.tracking_speed", ["--help"]) == 0
