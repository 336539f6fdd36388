"""benchmarks/leave_one_out.py on few configurations."""

from pathlib import Path

import pytest

from benchmarks import leave_one_out
from benchmarks.lib import inputs
from benchmarks.lib.crowd import crowd
from deepsort_reid.metrics import evaluate
from deepsort_reid.tracking import DeepSort, published


def test_scene_does_not_depend_on_the_detector() -> None:
    names = ("MOT16-09-public", "MOT17-09-SDP", "PETS09-S2L1-yolox", "TUD-Campus-public")
    scenes = [leave_one_out.scene_of(name) for name in names]
    assert scenes == ["MOT17-09", "MOT17-09", "PETS09-S2L1", "TUD-Campus"]


def test_configuration_that_is_best_on_one_scene_only_is_not_chosen_for_it() -> None:
    one = crowd(5, 20).truth
    half = one[one.frame <= 10]
    good, fair, none = (evaluate(one, rows, frames=20) for rows in (one, half, half[:1]))
    measured = {
        "steady": {"g": {"A-x": fair, "B-x": good, "C-x": good}},
        "lucky on A": {"g": {"A-x": good, "B-x": none, "C-x": fair}},
    }
    choice = leave_one_out.choose(measured)
    assert choice.best == "steady"
    assert choice.by_scene == {"A": "steady", "B": "steady", "C": "steady"}
    assert choice.held_out == choice.best_on_all
    measured["lucky on A"]["g"]["C-x"] = good
    choice = leave_one_out.choose(measured)
    assert choice.by_scene["B"] == "lucky on A"  # B was its only bad scene
    assert choice.held_out["g"].hota < choice.best_on_all["g"].hota


@pytest.mark.data
def test_report_has_the_choice_and_held_out_scores(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("TUD-Campus-public", "TUD-Stadtmitte-public")
    monkeypatch.setitem(inputs.GROUPS, "frames+public", names)
    monkeypatch.setattr(leave_one_out, "CUMULATIVE", {"as published": published})
    for others in ("SINGLE_CHANGES", "PARAMETER_VALUES"):
        monkeypatch.setattr(leave_one_out, others, {"DeepSort()": DeepSort})
    assert leave_one_out.main(["--data", str(data_root), "--group", "frames+public"]) == 0
    text = capsys.readouterr().out
    assert "2 configurations\nbest on all scenes: DeepSort()" in text
    for scene in ("TUD-Campus", "TUD-Stadtmitte"):
        assert f"  {scene} " in text
    assert "frames+public, scene left out" in text
    assert leave_one_out.main(["--data", str(data_root / "nowhere")]) == 2
