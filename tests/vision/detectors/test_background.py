"""Background subtraction on moving figures of known boxes in front of a textured background."""

import numpy as np
import pytest

from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.io.video_reader import iter_frames
from deepsort_reid.structures import boxes
from deepsort_reid.vision.detectors import BackgroundSubtraction

HEIGHT, WIDTH = 240, 320


def background(seed=0):
    """A blocky random texture as background."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 160, (HEIGHT // 8, WIDTH // 8, 3))
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1).astype(np.uint8)


def person(left, top, width=20, height=60):
    return [left, top, left + width, top + height]


def render(scene, people, rng, light=1.0):
    """Bright figures in front of the background, with sensor noise and a gain of the light."""
    frame = scene.astype(np.float64)
    for left, top, right, bottom in np.array(people, dtype=int).reshape(-1, 4):
        frame[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = (230, 225, 240)
    frame = frame * light + rng.normal(0, 1.5, frame.shape)
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def overlap(detections, people):
    return boxes.iou(detections.xyxy, np.array(people, dtype=np.float64).reshape(-1, 4))


def test_moving_person_is_the_only_detection_of_every_frame():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    for number in range(60):
        people = [person(20 + 4 * number, 100)]
        found = detector(render(background(), people if number > 2 else [], rng))
        if number > 4:
            assert len(found) == 1
            assert overlap(found, people).max() > 0.8
            assert 0.8 < found.score[0] <= 1


def test_empty_street_gives_no_detections():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    for _ in range(20):
        assert len(detector(render(background(), [], rng))) == 0


def test_change_of_light_is_not_foreground():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    found = []
    for number in range(60):
        people = [person(20 + 4 * number, 100)] if number > 2 else []
        light = 1.0 if number < 30 else 1.3
        found.append(detector(render(background(), people, rng, light)))
    assert [len(d) for d in found[5:]] == [1] * 55


def test_complete_change_of_the_image_gives_no_detections():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    for _ in range(10):
        detector(render(background(seed=0), [], rng))
    assert len(detector(render(background(seed=5), [], rng))) == 0


def test_two_touching_people_are_split_once_the_height_model_is_fitted():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    detector(render(background(), [], rng))
    for number in range(60):
        detector(render(background(), [person(20 + 4 * number, 100)], rng))
    people = [person(100, 100), person(119, 100)]
    overlaps = overlap(detector(render(background(), people, rng)), people)
    assert overlaps.shape == (2, 2)
    assert (overlaps.max(axis=0) > 0.7).all()
    assert (overlaps.max(axis=1) > 0.7).all()


def test_person_interrupted_by_an_occluder_is_one_detection():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction()
    detector(render(background(), [], rng))
    for number in range(60):
        detector(render(background(), [person(20 + 4 * number, 100)], rng))
    whole = person(140, 100)
    frame = render(background(), [whole], rng)
    empty = render(background(), [], rng)
    frame[125:137] = empty[125:137]  # an occluder hides the hips
    found = detector(frame)
    assert len(found) == 1
    assert overlap(found, [whole])[0, 0] > 0.8


def test_boxes_stay_inside_the_frame_and_scale_with_it():
    rng = np.random.default_rng(1)
    detector = BackgroundSubtraction(height=120)
    for number in range(12):
        found = detector(render(background(), [person(250 + 6 * number, 100)] * (number > 2), rng))
        assert (found.xyxy >= 0).all()
        assert (found.xyxy <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
        if 4 < number < 8:
            assert overlap(found, [person(250 + 6 * number, 100)]).max() > 0.75


def test_two_detectors_do_not_share_a_background():
    rng = np.random.default_rng(1)
    first, second = BackgroundSubtraction(), BackgroundSubtraction()
    for number in range(10):
        people = [person(20 + 4 * number, 100)] if number > 2 else []
        frame = render(background(), people, rng)
        alone = first(frame)
        second(render(background(seed=9), [], rng))
    assert len(alone) == 1


def test_detections_below_the_minimum_score_are_dropped():
    rng, detector = np.random.default_rng(1), BackgroundSubtraction(min_score=1.0)
    for number in range(10):
        found = detector(render(background(), [person(20 + 4 * number, 100)] * (number > 2), rng))
        assert (found.score >= 1).all()


def test_invalid_frames_and_arguments_are_rejected():
    detector = BackgroundSubtraction()
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        detector(None)
    detector(background())
    with pytest.raises(ValueError, match="one detector per video"):
        detector(background()[:200])
    with pytest.raises(ValueError, match="min_score"):
        BackgroundSubtraction(min_score=2)
    with pytest.raises(ValueError, match="height"):
        BackgroundSubtraction(height=3)


@pytest.mark.data
def test_most_people_of_pets_are_detected(data_root):
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
