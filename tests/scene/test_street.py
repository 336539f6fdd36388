"""Rendered street: the ground truth agrees with the pixels of the frames."""

import itertools

import cv2
import numpy as np
import pytest

from deepsort_reid.scene import Street
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

HORIZON_ROW, CAMERA_HEIGHT = 142.0, 3.5  # pixels in an image of 540 rows, metres


def small(**arguments) -> Street:
    return Street(**{"width": 480, "height": 270, "frames": 120, **arguments})


def assert_same_rows(first: MotRows, second: MotRows) -> None:
    for name in ("frame", "id", "xyxy", "score", "class_id", "visibility"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def body_pixels(frame: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Return the pixels of a frame that differ from the empty street by more than a shadow."""
    ratio = (frame.astype(float) + 1) / (empty.astype(float) + 1)
    same_hue = np.ptp(ratio, axis=2) < 0.08
    return ~(same_hue & (ratio.min(axis=2) > 0.62) & (ratio.max(axis=2) < 1.05))


@pytest.fixture(scope="module")
def single_person() -> tuple[Street, np.ndarray]:
    """A street with one person and no sensor noise, and one of its frames without the person."""
    street = Street(seed=15, people=1, frames=420, noise=0, light_change=0)
    number = next(n for n in range(1, 421) if len(street.rows(n)) == 0)
    return street, street.frame(number)


def test_streets_are_equal_for_equal_seeds_only():
    first, again, other = small(seed=3), small(seed=3), small(seed=4)
    assert_same_rows(first.truth, again.truth)
    np.testing.assert_array_equal(first.frame(70), again.frame(70))
    assert len(first.truth) != len(other.truth) or not np.array_equal(
        first.truth.xyxy, other.truth.xyxy
    )
    assert np.mean(first.frame(70) != other.frame(70)) > 0.5


def test_single_frames_equal_the_iterated_frames():
    street = small(seed=2, frames=60, camera_pan=True)
    iterated = list(street)
    assert [number for number, _, _ in iterated] == list(range(1, 61))
    for number, frame, rows in (iterated[41], iterated[7], iterated[59]):
        np.testing.assert_array_equal(street.frame(number), frame)
        assert_same_rows(street.rows(number), rows)
    assert_same_rows(street.truth, MotRows.concatenate(rows for _, _, rows in iterated))


def test_frames_are_uint8_images_of_the_requested_size():
    street = Street(width=350, height=240, frames=5)
    assert street.frame(5).shape == (240, 350, 3)
    assert street.frame(5).dtype == np.uint8
    assert street.size == (350, 240)
    assert len(street) == 5


def test_truth_contains_every_pedestrian():
    street = small(seed=0, people=9, frames=300)
    truth = street.truth
    assert set(truth.id.tolist()) == set(range(1, 10))
    assert set(truth.class_id.tolist()) == {1}
    assert set(truth.score.tolist()) == {1.0}
    assert truth.visibility.min() >= 0
    assert truth.visibility.max() == 1
    for number in (1, 150, 300):
        identities = truth.id[truth.frame == number]
        assert len(np.unique(identities)) == len(identities)


def test_boxes_enclose_the_pixels_of_the_person_tightly(single_person):
    street, empty = single_person
    checked = 0
    for number in range(1, 421, 6):
        rows = street.rows(number)
        if len(rows) == 0 or rows.visibility[0] < 1:
            continue
        box = rows.xyxy[0]
        x0, y0, x1, y1 = (box + np.array([-15, -15, 15, 10])).astype(int).clip(0)
        body = body_pixels(street.frame(number)[y0:y1, x0:x1], empty[y0:y1, x0:x1])
        columns, lines = (np.flatnonzero(body.any(axis=axis))[[0, -1]] for axis in (0, 1))
        assert columns + x0 == pytest.approx(box[[0, 2]] - (0, 1), abs=2)
        assert lines + y0 == pytest.approx(box[[1, 3]] - (0, 1), abs=2)
        checked += 1
    assert checked > 10


def test_visibility_is_the_visible_fraction_of_the_person(single_person):
    street, empty = single_person
    measured, reported = [], []
    for number in range(1, 421, 5):
        rows = street.rows(number)
        if len(rows):
            x0, y0, x1, y1 = street.clipped(rows).xyxy[0].round().astype(int)
            body = body_pixels(street.frame(number)[y0:y1, x0:x1], empty[y0:y1, x0:x1])
            height = rows.xyxy[0, 3] - rows.xyxy[0, 1]
            measured.append(body.sum() / height**2)
            reported.append(rows.visibility[0])
    measured, reported = np.array(measured), np.array(reported)
    assert (reported == 1).sum() > 10
    assert (reported < 0.05).sum() > 3
    whole = np.median(measured[reported == 1])
    assert (measured / whole)[reported < 0.05].max() < 0.06
    assert (measured / whole)[reported == 1].min() > 0.7
    assert np.abs(measured / whole - reported).mean() < 0.1
    assert np.corrcoef(measured, reported)[0, 1] > 0.95


def test_distant_pedestrians_are_smaller_and_higher_in_the_image():
    truth = Street(seed=5, frames=200).truth
    whole = truth[truth.visibility == 1]
    heights = whole.xyxy[:, 3] - whole.xyxy[:, 1]
    metres = CAMERA_HEIGHT * heights / (whole.xyxy[:, 3] - HORIZON_ROW)
    assert heights.max() > 2 * heights.min()
    assert metres.min() > 1.4
    assert metres.max() < 2.1


def test_pedestrians_occlude_each_other():
    truth = Street(seed=1).truth
    crossings = 0
    for number in range(1, 301):
        here = truth[(truth.frame == number) & (truth.visibility > 0)]
        overlap = np.triu(boxes.iou(here.xyxy, here.xyxy), 1)
        crossings += (overlap > 0.3).sum()
    assert crossings > 100


@pytest.mark.parametrize("camera_pan", [False, True])
def test_pedestrians_return_after_exactly_the_planned_absence(camera_pan):
    absences = (60, 1, 150, 300)
    street = small(seed=6, people=8, frames=600, absences=absences, camera_pan=camera_pan)
    truth = street.truth
    for identity, absence in enumerate(absences, start=1):
        frames = truth.frame[truth.id == identity]
        planned = [r for r in street.returns if r.identity == identity and r.frames == absence]
        assert planned
        for left_at, back_at in ((one.left_at, one.back_at) for one in planned):
            assert back_at - left_at - 1 == absence
            assert not ((frames > left_at) & (frames < back_at)).any()
            for number, step in ((left_at, -1), (back_at, 1)):
                assert set(number + step * np.arange(49)) <= set(frames.tolist())


def test_returns_list_all_gaps_in_the_truth():
    street = small(seed=9, frames=500)
    counted = []
    for identity in range(1, street.people + 1):
        frames = street.truth.frame[street.truth.id == identity]
        gaps = itertools.pairwise(frames.tolist())
        counted += [(identity, left, back) for left, back in gaps if back > left + 1]
    assert list(street.returns) == counted
    assert len(counted) > 3


def test_warp_maps_every_background_pixel_to_the_next_frame():
    street = small(seed=8, people=1, frames=420, noise=0, light_change=0, camera_pan=True)
    empty = [number for number in range(1, 421) if len(street.rows(number)) == 0]
    pairs = [(a, b) for a, b in itertools.pairwise(empty) if b == a + 1]
    moves = 0
    for before, after in pairs[:60]:
        warp = street.warp(after)
        moves += np.abs(warp[:, 2]).sum()
        moved = cv2.warpAffine(street.frame(before), warp, street.size, borderValue=(0, 0, 0))
        inside = cv2.warpAffine(np.full((270, 480), 255, np.uint8), warp, street.size) == 255
        np.testing.assert_array_equal(moved[inside], street.frame(after)[inside])
    assert moves > 10


def test_warp_of_a_static_camera_is_the_identity():
    street = small()
    for number in (1, 2, 120):
        np.testing.assert_array_equal(street.warp(number), np.eye(2, 3))
    np.testing.assert_array_equal(small(camera_pan=True).warp(1), np.eye(2, 3))


def test_only_a_panning_camera_has_camera_motion():
    static, panning = (small(seed=3, camera_pan=pan, people=1) for pan in (False, True))
    assert np.abs([panning.warp(n)[:, 2] for n in range(2, 121)]).max() >= 1
    assert np.abs([static.warp(n)[:, 2] for n in range(2, 121)]).max() == 0


@pytest.mark.parametrize("camera_pan", [False, True])
def test_clipped_boxes_are_inside_the_frame_and_not_empty(camera_pan):
    street = small(seed=7, camera_pan=camera_pan)
    clipped = street.clipped(street.truth)
    assert len(clipped) == len(street.truth)
    assert clipped.xyxy.min() >= 0
    assert (clipped.xyxy[:, 2:] <= (480, 270)).all()
    assert (clipped.xyxy[:, 2:] - clipped.xyxy[:, :2]).min() > 1
    assert street.truth.xyxy[:, 0].min() < 0


def test_light_and_noise_change_frames_but_not_the_truth():
    plain, noisy = small(noise=0, light_change=0), small(noise=4, light_change=0.2)
    assert_same_rows(plain.truth, noisy.truth)
    assert 2 < np.abs(plain.frame(30).astype(float) - noisy.frame(30)).mean() < 60


def test_background_subtraction_detects_most_visible_pedestrians():
    street = Street(seed=3, width=640, height=360, frames=140)
    subtractor = cv2.createBackgroundSubtractorMOG2()
    kernel = np.ones((9, 3), np.uint8)
    found = []
    for number, frame, rows in street:
        mask = (subtractor.apply(frame) == 255).astype(np.uint8)
        closed = cv2.morphologyEx(cv2.medianBlur(mask, 3), cv2.MORPH_CLOSE, kernel)
        blobs = cv2.connectedComponentsWithStats(closed)[2][1:, :4].astype(float)
        detected = boxes.tlwh_to_xyxy(blobs)
        visible = street.clipped(rows[rows.visibility > 0.7])
        if number > 20 and len(visible):
            found += (boxes.iou(visible.xyxy, detected) > 0.5).any(axis=1).tolist()
    assert np.mean(found) > 0.7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be an integer of at least 0: got -1"),
        ({"people": 0}, "people must be an integer of at least 1: got 0"),
        ({"people": 2.5}, "people must be an integer of at least 1: got 2.5"),
        ({"frames": 0}, "frames must be"),
        ({"width": 20}, "width must be an integer of at least 160: got 20"),
        ({"height": 20}, "height must be an integer of at least 90: got 20"),
        ({"frame_rate": 0}, "frame_rate must be from 1 to 240 per second: got 0"),
        ({"frame_rate": float("nan")}, "frame_rate must be"),
        ({"light_change": 0.9}, "light_change must be from 0 to 0.3: got 0.9"),
        ({"noise": -1}, "noise must be from 0 to 50 grey levels: got -1"),
        ({"absences": (300,)}, "an absence must be from 1 to 200 of 300 frames.*got 300"),
        ({"absences": (0,)}, "an absence must be from 1 to 200.*got 0"),
        ({"people": 1, "absences": (60, 60)}, "got 2 absences for 1 people"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        Street(**arguments)


@pytest.mark.parametrize("number", [0, 121, -1])
def test_invalid_frame_numbers_are_rejected(number):
    street = small()
    for method in (street.frame, street.rows, street.warp):
        with pytest.raises(ValueError, match=f"frame number must be from 1 to 120: got {number}"):
            method(number)
