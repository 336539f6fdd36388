"""Explanations of matches and ids, and the causes of identity switches."""

from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, metrics
from deepsort_reid.metrics import EventKind, SwitchCause, cause_of_rejection
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.structures.tracks import State
from deepsort_reid.tracking import AspectMotion, GalleryAppearance, MatchingCascade, published
from tests.tracking.scenarios import boxes_at, crowd, orthogonal_embeddings

RED, BLUE, GREEN = orthogonal_embeddings(3)


def explaining(**config):
    return DeepSort(DeepSortConfig(n_init=1, **config), explain=True)


def explaining_published(**config):
    return DeepSort(
        replace(DeepSortConfig.published(), n_init=1, **config),
        association=MatchingCascade(),
        motion=AspectMotion(),
        appearance=GalleryAppearance(),
        explain=True,
    )


each_rule = pytest.mark.parametrize(
    "make", [explaining, explaining_published], ids=["default", "published"]
)


def seen(xyxy, embedding=None, score=0.9):
    xyxy = np.reshape(np.asarray(xyxy, dtype=np.float64), (-1, 4))
    score = np.broadcast_to(score, len(xyxy))
    return Detections(xyxy, score, embedding=embedding)


def run(tracker, *frames):
    return [tracker.update(frame) for frame in frames]


def test_tracker_keeps_no_decisions_by_default():
    tracker = DeepSort()
    run(tracker, seen(boxes_at(10)), seen(boxes_at(10)))
    assert tracker.decision_log is None
    with pytest.raises(ValueError, match=r"make it with DeepSort\(explain=True\)"):
        tracker.explain(1, 1)


@pytest.mark.parametrize("embedded", [True, False], ids=["embeddings", "no embeddings"])
@pytest.mark.parametrize(
    "make",
    [lambda explain: DeepSort(explain=explain), lambda explain: published(explain=explain)],
    ids=["default", "published"],
)
def test_results_are_the_same_with_and_without_explain(make, embedded):
    plain, explaining_one = make(explain=False), make(explain=True)
    for number, detections in enumerate(crowd(40, embedded=embedded), start=1):
        one, other = plain.update(detections), explaining_one.update(detections)
        np.testing.assert_array_equal(one.id, other.id)
        np.testing.assert_array_equal(one.filtered_xyxy, other.filtered_xyxy)
        assert len(explaining_one.decision_log) == number
        np.testing.assert_array_equal(
            explaining_one.decision_log.detections(number), detections.xyxy
        )
    assert len(one) > 5


@pytest.mark.parametrize("embedded", [True, False], ids=["embeddings", "no embeddings"])
@pytest.mark.parametrize("make", [DeepSort, published], ids=["default", "published"])
def test_rejected_pairs_are_unmatched_and_possible_pairs_do_not_both_stay_unmatched(make, embedded):
    tracker = make(explain=True)
    possible_pairs = 0
    for number, detections in enumerate(crowd(40, embedded=embedded), start=1):
        tracker.update(detections)
        frame = tracker.decision_log.frame(number)
        scores = frame.pair_scores
        rejected = scores.rejected_by_motion | scores.rejected_by_appearance
        assert not (scores.rejected_by_motion & scores.rejected_by_appearance).any()
        matched = frame.matched[:, None] == frame.row
        assert not (rejected & matched).any()
        alone = ~matched.any(axis=1)[:, None] & ~matched.any(axis=0)
        assert not (alone & ~rejected).any()
        possible_pairs += np.count_nonzero(~rejected)
    assert possible_pairs > 300


@pytest.mark.parametrize("make", [DeepSort, published], ids=["default", "published"])
def test_explanation_names_the_match_of_the_results(make):
    tracker = make(explain=True)
    explained = 0
    for number, detections in enumerate(crowd(25), start=1):
        before = tracker.tracks
        tracks = tracker.update(detections)
        for track in before.id[before.id > 0].tolist():
            explanation = tracker.explain(number, track)
            here = np.flatnonzero(tracks.id == track)
            expected = tracks.detection[here[0]] if len(here) else -1
            assert explanation.matched == expected
            matched = [
                int(row)
                for row, reason in zip(explanation.detection, explanation.reason, strict=True)
                if reason == "matched"
            ]
            assert matched == ([] if expected < 0 else [expected])
            explained += 1
    assert explained > 100


@each_rule
def test_detection_far_away_is_rejected_by_motion(make):
    tracker = make()
    run(tracker, *[seen(boxes_at(10, 300), [RED, BLUE])] * 4)
    # The same appearance, elsewhere.
    run(tracker, seen(boxes_at(600, 300), [RED, BLUE]))
    explanation = tracker.explain(5, 1)
    assert explanation.reason == ("rejected by motion", "rejected by motion")
    assert (explanation.matched, explanation.state) == (-1, State.CONFIRMED)
    assert tracker.decision_log.rejection_reason(5, 1, 0) == "motion"
    text = str(explanation)
    assert "frame 5, track 1: confirmed, last match 1 frame(s) ago" in text
    assert "predicted at [10, 100, 30, 150]" in text
    assert "rejected by motion" in text
    assert "\n  not matched" in text
    if make is explaining:  # the tracker that reuses ids
        assert text.endswith("no other below 1.00: clear, required margin 0.20")
        assert "its id was assigned to detection 0: nearest track 1 at distance 0.00" in text


@each_rule
def test_other_person_at_the_position_of_a_coasting_track_is_rejected_by_appearance(make):
    def run_scene(appearance):
        tracker = make()
        run(tracker, *[seen(boxes_at(10, 300), [RED, BLUE])] * 4)
        run(tracker, *[seen(boxes_at(300), [BLUE])] * 25)
        run(tracker, seen(boxes_at(14, 300), [appearance, BLUE]))
        return tracker

    tracker = run_scene(GREEN)
    explanation = tracker.explain(30, 1)
    assert explanation.reason[0] == "rejected by appearance"
    assert explanation.matched == -1
    assert (explanation.state, explanation.misses) == (State.COASTING, 26)
    assert tracker.decision_log.rejection_reason(30, 1, 0) == "appearance"
    assert "coasting, last match 26 frame(s) ago" in str(explanation)
    assert tracker.tracks.id.tolist() == [1, 2, 3]
    # Appearance was the only cause.
    assert run_scene(RED).explain(30, 1).reason[0] == "matched"


@pytest.mark.parametrize("embedded", [True, False], ids=["embeddings", "no embeddings"])
@each_rule
def test_detection_of_a_nearer_track_is_a_lost_assignment(make, embedded):
    def run_scene(*lefts):
        tracker = make()
        appearances = [RED] * len(lefts) if embedded else None
        run(tracker, *[seen(boxes_at(*lefts), appearances)] * 4)
        run(tracker, seen(boxes_at(106), [RED] if embedded else None))
        return tracker

    tracker = run_scene(100, 108)
    assert tracker.explain(5, 1).reason == ("possible, but lost assignment to track 2",)
    assert tracker.explain(5, 2).reason == ("matched",)
    assert tracker.decision_log.rejection_reason(5, 1, 0) == "lost assignment"
    assert "matched to detection 0" in str(tracker.explain(5, 2))
    # The other track was the only cause.
    assert run_scene(100).explain(5, 1).reason == ("matched",)


@each_rule
def test_second_best_detection_is_explained_by_the_better_match(make):
    tracker = make()
    run(tracker, *[seen(boxes_at(100))] * 4)
    run(tracker, seen(boxes_at(106, 101)))
    explanation = tracker.explain(5, 1)
    assert explanation.reason == ("possible, but the track has a better match", "matched")
    assert explanation.matched == 1
    # The best detection is listed first, and the text does not say that a match was impossible.
    assert "impossible" not in str(explanation)
    assert [line.split(":")[0].strip() for line in str(explanation).splitlines()[1:3]] == [
        "detection 1",
        "detection 0",
    ]


def test_low_score_detection_is_rejected_away_from_the_prediction():
    tracker = explaining()
    run(tracker, *[seen(boxes_at(100, 300))] * 4)
    run(tracker, seen(boxes_at(100, 200), score=[0.2, 0.2]))
    assert tracker.explain(5, 1).reason == ("matched", "rejected by motion")
    assert tracker.explain(5, 2).reason == ("rejected by motion", "rejected by motion")


def test_rows_are_those_of_the_input_and_low_scores_are_below_min_score():
    tracker = explaining()
    run(tracker, seen(boxes_at(100)))
    run(tracker, seen(boxes_at(400, 100), score=[0.05, 0.9]))
    explanation = tracker.explain(2, 1)
    assert explanation.detection.tolist() == [1]
    assert explanation.matched == 1
    assert tracker.decision_log.rejection_reason(2, 1, 0) == "below min_score"
    assert len(tracker.decision_log.detections(2)) == 2


def test_deleted_track_is_expired_and_tentative_track_not_confirmed():
    tracker = DeepSort(DeepSortConfig(max_age=2), explain=True)
    there = seen(boxes_at(100))
    run(tracker, *[there] * 5, *[Detections.empty()] * 3, there)
    assert tracker.tracks.id.tolist() == [0]
    assert tracker.decision_log.rejection_reason(9, 1, 0) == "expired"
    assert tracker.decision_log.rejection_reason(3, 1, 0) == "not confirmed"
    with pytest.raises(ValueError, match=r"no track 1 before frame 9; tracks were \[\]"):
        tracker.explain(9, 1)
    with pytest.raises(ValueError, match=r"no track 7 before frame 5; tracks were \[1\]"):
        tracker.explain(5, 7)


@pytest.mark.parametrize("frame", [0, 3, -1])
def test_unknown_frame_is_refused(frame):
    tracker = explaining()
    run(tracker, seen(boxes_at(100)), seen(boxes_at(100)))
    with pytest.raises(ValueError, match=f"frame must be in 1 to 2, got {frame}"):
        tracker.explain(frame, 1)


def test_reset_clears_the_decision_log():
    tracker = explaining()
    run(tracker, seen(boxes_at(100)))
    tracker.reset()
    assert len(tracker.decision_log) == 0


# --- causes of identity switches ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("expired", SwitchCause.EXPIRED),
        ("not confirmed", SwitchCause.NOT_CONFIRMED),
        ("below min_score", SwitchCause.MISSED_DETECTION),
        ("motion", SwitchCause.MOTION_GATE),
        ("appearance", SwitchCause.APPEARANCE),
        ("lost assignment", SwitchCause.LOST_ASSIGNMENT),
        ("something new", SwitchCause.UNKNOWN),
    ],
)
def test_every_rejection_reason_has_a_cause(reason, cause):
    assert cause_of_rejection(reason) == cause


def causes(tracker, person, frames):
    """Causes of the switches of one `person`, {frame: box}, among the detections `frames`."""
    results = run(tracker, *frames)
    numbers = np.concatenate([np.full(len(t), n) for n, t in enumerate(results, start=1)])
    predicted = MotRows(
        numbers,
        np.concatenate([t.id for t in results]),
        np.concatenate([t.xyxy for t in results]),
    )
    truth = MotRows(list(person), [1] * len(person), np.concatenate(list(person.values())))
    comparison = metrics.compare_boxes(truth, predicted, frames=len(frames))
    found = metrics.events(comparison, truth)
    found = metrics.attribute_switches(found, comparison, truth, tracker.decision_log)
    return [SwitchCause(cause) for cause in found.of_kind(EventKind.SWITCH).cause]


HERE, THERE = boxes_at(100), boxes_at(400)


def test_switch_by_a_large_displacement_is_caused_by_the_motion_gate():
    person = {n: HERE if n <= 4 else THERE for n in range(1, 7)}
    frames = [seen(box) for box in person.values()]
    assert causes(explaining(), person, frames) == [SwitchCause.MOTION_GATE]


def test_switch_after_max_age_is_caused_by_expiry():
    person = dict.fromkeys((1, 2, 3, 8, 9), HERE)
    frames = [seen(person[n]) if n in person else Detections.empty() for n in range(1, 10)]
    assert causes(explaining(max_age=3), person, frames) == [SwitchCause.EXPIRED]


def test_switch_to_a_nearer_track_is_caused_by_a_lost_assignment():
    person = {n: boxes_at(100 if n <= 4 else 106) for n in range(1, 6)}
    frames = [seen(boxes_at(100, 108))] * 4 + [seen(boxes_at(106))]
    assert causes(explaining(), person, frames) == [SwitchCause.LOST_ASSIGNMENT]


def test_switch_after_a_change_of_appearance_is_caused_by_appearance():
    person = dict.fromkeys((1, 2, 3, 4, 30, 31), HERE)
    bystander = boxes_at(300)
    both = np.concatenate([HERE, bystander])
    frames = [seen(both, [RED, BLUE])] * 4 + [seen(bystander, [BLUE])] * 25
    frames += [seen(both, [GREEN, BLUE])] * 2
    assert causes(explaining(), person, frames) == [SwitchCause.APPEARANCE]


def test_switch_after_unused_detections_is_caused_by_a_missed_detection():
    person = {n: HERE if n <= 3 else THERE for n in range(1, 7)}
    frames = [seen(box, score=0.05 if n == 4 else 0.9) for n, box in person.items()]
    assert causes(explaining(), person, frames) == [SwitchCause.MISSED_DETECTION]


def test_new_id_is_explained_by_the_nearest_lost_identities() -> None:
    tracker = DeepSort(DeepSortConfig(max_age=3), explain=True)
    first, second = orthogonal_embeddings(2)
    between = (0.8 * first + 0.6 * second).astype(np.float32)
    people = boxes_at(100, 300)
    for _ in range(40):
        tracker.update(Detections(people, embedding=np.stack([first, second])))
    for _ in range(10):
        tracker.update(Detections(people[1:], embedding=second[None]))
    for _ in range(3):
        shown = tracker.update(Detections(boxes_at(600), embedding=between[None]))
    assert shown.id == [3]
    text = str(tracker.explain(53, 3))
    assert "frame 53, track 3: tentative, no id yet" in text
    nearest = "nearest track 1 at distance 0.20, second track 2 at 0.40"
    assert f"was assigned id 3, new: {nearest}: not clear" in text


def test_reidentification_is_explained_by_its_distance() -> None:
    tracker = DeepSort(DeepSortConfig(max_age=3), explain=True)
    embedding = orthogonal_embeddings(2)
    for _ in range(40):
        tracker.update(Detections(boxes_at(100, 300), embedding=embedding))
    for _ in range(10):
        tracker.update(Detections(boxes_at(300), embedding=embedding[1:]))
    for _ in range(3):
        shown = tracker.update(Detections(boxes_at(300, 600), embedding=embedding[::-1]))
    assert shown.id.tolist() == [1, 2]
    text = str(tracker.explain(53, 1))
    nearest = "nearest track 1 at distance 0.00, no other below 1.00"
    assert f"was assigned id 1, re-identified: {nearest}: clear" in text
    assert "assigned id" not in str(tracker.explain(53, 2))


@pytest.mark.parametrize("n_init", [1, 3])
def test_new_id_without_embeddings_is_explained(n_init: int) -> None:
    tracker = DeepSort(DeepSortConfig(n_init=n_init), explain=True)
    for _ in range(n_init):
        tracker.update(Detections(boxes_at(100)))
    expected = "was assigned id 1, new: no usable embeddings"
    if n_init == 1:  # a new track: nothing was associated
        with pytest.raises(ValueError, match=f"track 1 began in frame 1 and {expected}"):
            tracker.explain(1, 1)
    else:
        assert expected in str(tracker.explain(3, 1))
