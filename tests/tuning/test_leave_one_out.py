import json

import numpy as np
import pytest

from deepsort_reid.metrics import ScoringRules
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.tracking import DeepSort
from deepsort_reid.tuning import LabelledSequence, tune
from deepsort_reid.tuning.evaluation import score
from deepsort_reid.tuning.search_space import as_config, default_settings, search_space
from deepsort_reid.tuning.trial_log import Trial, TrialLog

FRAMES = 40


def sequence(name: str, seed: int, score: float) -> LabelledSequence:
    """Three people who walk, each detected with this score."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 50, (3, 2)) + np.array([[0, 0], [300, 0], [600, 0]])
    rows, detections = [], []
    for frame in range(1, FRAMES + 1):
        left_top = start + np.array([2.0 * frame, 0])
        xyxy = np.concatenate([left_top, left_top + np.array([40, 100])], 1)
        rows.append(MotRows(frame=np.full(3, frame), id=np.arange(1, 4), xyxy=xyxy))
        detections.append(Detections(xyxy, np.array([score, score, score - 0.01])))
    return LabelledSequence(name, detections, MotRows.concatenate(rows), ScoringRules())


@pytest.fixture
def faint() -> list[LabelledSequence]:
    """People whose scores the default takes for clutter."""
    return [sequence(name, seed, 0.45) for seed, name in enumerate(("a", "b", "c"))]


def test_settings_that_detect_faint_people_are_found_on_the_other_sequences(faint, tmp_path):
    log = TrialLog(tmp_path / "trials.jsonl", {})
    found = tune(faint, log, trials=30)
    assert found.default == 0.0  # no track starts at this score
    assert found.held_out > 0.8
    assert found.is_better
    assert found.is_conclusive
    assert list(found.without) == ["a", "b", "c"]
    counts = score(faint[0], found.settings)
    assert counts.sum() > 0


def test_a_default_that_is_perfect_is_not_beaten(tmp_path):
    clear = [sequence(name, seed, 0.9) for seed, name in enumerate(("a", "b"))]
    # Without the frames before a track is confirmed, which n_init=1 would gain.
    clear = [each._replace(truth=each.truth[each.truth.frame >= 3]) for each in clear]
    found = tune(clear, TrialLog(tmp_path / "trials.jsonl", {}), trials=3, metric="idf1")
    assert found.default == pytest.approx(1.0)
    assert not found.is_better


def test_a_sequence_that_is_left_out_is_not_looked_at(faint, tmp_path):
    changed = [*faint[:2], sequence("c", 99, 0.9)]
    logs = [TrialLog(tmp_path / f"{k}.jsonl", {}) for k in range(2)]
    for sequences, log in zip((faint, changed), logs, strict=True):
        tune(sequences, log, trials=4)
    assert logs[0].of("c") == logs[1].of("c")
    assert logs[0].of("a") != logs[1].of("a")


def test_an_interrupted_tuning_continues_as_it_would_have(faint, tmp_path):
    whole = TrialLog(tmp_path / "whole.jsonl", {})
    expected = tune(faint, whole, trials=12)

    class StopError(Exception):
        pass

    seen = 0

    def stop() -> None:
        nonlocal seen
        seen += 1
        if seen == 17:
            raise StopError

    path = tmp_path / "cut.jsonl"
    with pytest.raises(StopError):
        tune(faint, TrialLog(path, {}), trials=12, on_trial=stop)
    with path.open("a") as file:
        file.write('{"left_out": "b", "sett')  # the process was killed while it wrote
    log = TrialLog(path, {})
    assert len(log.trials) == 17
    found = tune(faint, log, trials=12)
    assert log.trials == whole.trials
    assert (found.settings, found.without) == (expected.settings, expected.without)


def test_more_trials_continue_a_search(faint, tmp_path):
    log = TrialLog(tmp_path / "trials.jsonl", {})
    tune(faint, log, trials=3)
    few = list(log.of("a"))
    tune(faint, log, trials=5)
    assert log.of("a")[:3] == few
    assert len(log.of("a")) == 5


def test_trials_of_other_inputs_are_refused(tmp_path):
    path = tmp_path / "trials.jsonl"
    log = TrialLog(path, {"metric": "hota", "sequences": {"a": "1"}})
    log.add(Trial("a", {"n_init": 2}, {"b": 0.5}))
    log.close()
    assert TrialLog(path, {"metric": "hota", "sequences": {"a": "1"}}).trials == log.trials
    content = path.read_bytes()
    with pytest.raises(ValueError, match=r"trials\.jsonl: expected trials on the same sequences"):
        TrialLog(path, {"metric": "idf1", "sequences": {"a": "1"}})
    assert path.read_bytes() == content
    path.write_text("frame,id\n1,2\n")
    with pytest.raises(ValueError, match="expected the trials of a tuning, got other text"):
        TrialLog(path, {})


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a"]])
def test_at_least_two_sequences_are_needed(names, tmp_path):
    log = TrialLog(tmp_path / "trials.jsonl", {})
    with pytest.raises(ValueError, match="expected at least two sequences with different names"):
        tune([sequence(name, 0, 0.9) for name in names], log, trials=2)


def test_default_settings_make_the_default_tracker(faint):
    space = search_space(faint[0].detections)
    values = as_config(default_settings(space))
    tracker = DeepSort()
    for name, value in values.items():
        if name != "association":
            assert getattr(tracker.config, name) == value
    assert values["association"]["min_iou"] == tracker.association.min_iou
    assert json.loads(json.dumps(values)) == values


def test_equal_scores_need_no_thresholds_and_no_embeddings_no_appearance():
    box = np.array([[0.0, 0, 10, 20]])
    plain = search_space([Detections(box), Detections(box)])
    assert not [each for each in plain if "score" in each.name or "appearance" in each.name]
    frames = [Detections(box, np.array([s]), embedding=np.eye(4)[:1]) for s in (0.2, 0.8)]
    scored = search_space(frames)
    names = {each.name for each in scored}
    assert {"new_track_score", "association.appearance.llr_cap"} <= names


def test_thresholds_of_unbounded_scores_lie_within_them():
    box = np.array([[0.0, 0, 10, 20]])
    space = search_space([Detections(box, np.array([s])) for s in np.linspace(-3, 5, 50)])
    threshold = next(each for each in space if each.name == "new_track_score")
    assert -3 <= threshold.low < threshold.high <= 5
