"""People before a static camera: moving figures of known boxes on a textured street."""

import numpy as np
import pytest

from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.io.video_reader import iter_frames
from deepsort_reid.structures import boxes
from deepsort_reid.vision.detectors import BackgroundSubtraction

HEIGHT, WIDTH = 240, 320


def street(seed=0):
    """A smooth texture, so that no two places look alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 160, (HEIGHT // 8, WIDTH // 8, 3))
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1).astype(np.uint8)


def person(left, top, width=20, height=60):
    return [left, top, left + width, top + height]


def picture(background, people, rng, light=1.0):
    """Bright figures before the background, sensor noise, and a light that may change."""
    frame = background.astype(np.float64)
    for left, top, right, bottom in np.array(people, dtype=int).reshape(-1, 4):
        frame[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = (230, 225, 240)
    frame = frame * light + rng.normal(0, 1.5, frame.shape)
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def overlap(detections, people):
    return boxes.iou(detections.xyxy, np.array(people, dtype=np.float64).reshape(-1, 4))


def test_a_walker_is_found_in_every_frame_and_nothing_else_is():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    for number in range(60):
        people = [person(20 + 4 * number, 100)]
        found = detector(picture(street(), people if number > 2 else [], rng))
        if number > 4:
            assert len(found) == 1
            assert overlap(found, people).max() > 0.8
            assert 0.8 < found.score[0] <= 1


def test_an_empty_street_gives_no_detections():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    for _ in range(20):
        assert len(detector(picture(street(), [], rng))) == 0


def test_a_change_of_light_is_no_movement():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    found = []
    for number in range(60):
        people = [person(20 + 4 * number, 100)] if number > 2 else []
        light = 1.0 if number < 30 else 1.3
        found.append(detector(picture(street(), people, rng, light)))
    assert [len(d) for d in found[5:]] == [1] * 55


def test_a_picture_that_changes_altogether_reports_nobody():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    for _ in range(10):
        detector(picture(street(seed=0), [], rng))
    assert len(detector(picture(street(seed=5), [], rng))) == 0


def test_two_people_who_touch_are_split_once_statures_are_known():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    detector(picture(street(), [], rng))
    for number in range(60):
        detector(picture(street(), [person(20 + 4 * number, 100)], rng))
    people = [person(100, 100), person(119, 100)]
    overlaps = overlap(detector(picture(street(), people, rng)), people)
    assert overlaps.shape == (2, 2)
    assert (overlaps.max(axis=0) > 0.7).all()
    assert (overlaps.max(axis=1) > 0.7).all()


def test_a_person_behind_a_bar_stays_one_person():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    detector(picture(street(), [], rng))
    for number in range(60):
        detector(picture(street(), [person(20 + 4 * number, 100)], rng))
    whole = person(140, 100)
    frame = picture(street(), [whole], rng)
    empty = picture(street(), [], rng)
    frame[125:137] = empty[125:137]  # a parapet hides the hips
    found = detector(frame)
    assert len(found) == 1
    assert overlap(found, [whole])[0, 0] > 0.8


def test_boxes_stay_inside_the_frame_and_scale_with_it():
    rng = np.random.default_rng(1)
    detector = BackgroundSubtraction(height=120)
    for number in range(12):
        found = detector(picture(street(), [person(250 + 6 * number, 100)] * (number > 2), rng))
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
        if 4 < number < 8:
            assert overlap(found, [person(250 + 6 * number, 100)]).max() > 0.75


def test_two_detectors_do_not_share_a_background():
    rng = np.random.default_rng(1)
    first, second = BackgroundSubtraction(), BackgroundSubtraction()
    for number in range(10):
        people = [person(20 + 4 * number, 100)] if number > 2 else []
        frame = picture(street(), people, rng)
        alone = first(frame)
        second(picture(street(seed=9), [], rng))
    assert len(alone) == 1


def test_scores_below_the_limit_are_left_out():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction(min_score=1.0)
    for number in range(10):
        found = detector(picture(street(), [person(20 + 4 * number, 100)] * (number > 2), rng))
        assert (found.score >= 1).all()


def test_bad_frames_and_settings_are_refused():
    detector = BackgroundSubtraction()
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        detector(None)
    detector(street())
    with pytest.raises(ValueError, match="one detector per video"):
        detector(street()[:200])
    with pytest.raises(ValueError, match="min_score"):
        BackgroundSubtraction(min_score=2)
    with pytest.raises(ValueError, match="height"):
        BackgroundSubtraction(height=3)


@pytest.mark.data
def test_most_people_of_pets_are_found(data_root):
    folder = data_root / "mot" / "PETS09-S2L1"
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    detector = BackgroundSubtraction()
    hits = found = there = 0
    for number, frame in iter_frames(folder, stop=150):
        detections = detector(frame)
        if number <= 20:
            continue
        people = truth.xyxy[truth.frame == number]
        overlaps = boxes.iou(detections.xyxy, people) >= 0.5
        hits += int(overlaps.any(axis=0).sum())
        found += int(overlaps.any(axis=1).sum())
        there += len(people)
        last = len(detections)
    assert hits / there > 0.6
    assert found > 0.9 * hits
    assert last > 0
