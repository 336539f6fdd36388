"""benchmarks/evaluator_speed.py on a small scene."""

from pathlib import Path

import pytest

from benchmarks import evaluator_speed


def test_report_says_whether_both_evaluators_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n_truth, n_predicted = evaluator_speed.write_scene(tmp_path, people=6, frames=40, seed=1)
    assert n_truth == 240
    assert 350 < n_predicted < 440
    found = {
        "deepsort_reid": [evaluator_speed.run_deepsort_reid(tmp_path, 40) | {"megabytes": 10.0}],
        "trackeval": [evaluator_speed.run_trackeval(tmp_path, 40) | {"megabytes": 30.0}],
    }
    assert found["deepsort_reid"][0]["IDSW"] > 0
    assert evaluator_speed.show(found) == 0
    out = capsys.readouterr().out
    assert "peak memory, MB              10.000      30.000      3.0" in out
    assert "Both agree to 1e-9 in HOTA, DetA" in out
    found["trackeval"][0]["IDF1"] += 1e-6
    assert evaluator_speed.show(found) == 1
    assert "Both differ in IDF1" in capsys.readouterr().out
