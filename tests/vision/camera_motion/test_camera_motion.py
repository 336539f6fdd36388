"""Camera motion against known warps of pictures, and cameras that stand still."""

import cv2
import numpy as np
import pytest

from deepsort_reid.io.video_reader import iter_frames
from deepsort_reid.scene import Street
from deepsort_reid.vision.camera_motion import CameraMotionFromFile, Ecc, SparseFlow
from deepsort_reid.vision.camera_motion.motion import LOOK_EVERY, STANDS_AFTER, CameraMotion

HEIGHT, WIDTH = 240, 320
IDENTITY = np.eye(2, 3)


def similarity(degrees=0.0, zoom=1.0, shift=(0.0, 0.0), size=(WIDTH, HEIGHT)):
    """Rotation and zoom about the centre of the picture, then a shift: (2, 3)."""
    angle = np.deg2rad(degrees)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(size) / 2
    return np.column_stack([turn, centre - turn @ centre + shift])


def texture(seed=0, size=(WIDTH, HEIGHT)):
    """Blots of many sizes, so that every place is different."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((size[1], size[0], 3))
    for cells in (6, 20, 60):
        coarse = rng.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 45 * picture, 0, 255).astype(np.uint8)


def seen_by(frame, warp, noise=1.5, seed=0):
    """The frame after the camera moved, with sensor noise."""
    moved = cv2.warpAffine(
        frame, warp, frame.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    rng = np.random.default_rng(seed)
    return np.clip(moved + rng.normal(0, noise, moved.shape), 0, 255).astype(np.uint8)


def error(motion, warp, size=(WIDTH, HEIGHT)):
    """Largest error of a corner of the picture, in pixels."""
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]], dtype=float)
    return np.linalg.norm(corners @ (motion.warp - warp).T, axis=1).max()


MOTIONS = {
    "a small shift": similarity(shift=(2.3, -1.6)),
    "a large shift": similarity(shift=(25, 9)),
    "a rotation": similarity(degrees=1.5),
    "zooming in": similarity(zoom=1.03),
    "zooming out": similarity(zoom=0.97),
    "all of it": similarity(degrees=-1, zoom=1.02, shift=(-6.5, 3.2)),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_sparse_flow_recovers_a_known_motion_to_a_fraction_of_a_pixel(name):
    frame, estimator = texture(), SparseFlow()
    assert estimator(frame, None).quality == 0
    motion = estimator(seen_by(frame, MOTIONS[name]), None)
    assert error(motion, MOTIONS[name]) < 0.3
    assert motion.quality > 0.8


@pytest.mark.parametrize("name", MOTIONS)
def test_ecc_recovers_a_known_motion_to_a_pixel(name):
    frame, estimator = texture(), Ecc()
    estimator(frame, None)
    motion = estimator(seen_by(frame, MOTIONS[name]), None)
    assert error(motion, MOTIONS[name]) < 1.2
    assert motion.quality > 0.9


def test_frames_that_are_shrunk_give_motion_in_their_own_pixels():
    size = (1280, 960)
    frame = texture(size=size)
    warp = similarity(degrees=0.7, zoom=1.01, shift=(11, -7), size=size)
    estimator = SparseFlow()
    estimator(frame, None)
    assert error(estimator(seen_by(frame, warp), None), warp, size) < 0.5


@pytest.mark.parametrize("estimator", [SparseFlow, Ecc])
def test_the_warp_is_a_similarity(estimator):
    look = estimator()
    look(texture())
    warp = look(seen_by(texture(), similarity(degrees=1, zoom=1.02, shift=(3, 2)))).warp
    assert warp.shape == (2, 3)
    assert warp.dtype == np.float64
    np.testing.assert_allclose([warp[0, 0], warp[0, 1]], [warp[1, 1], -warp[1, 0]], atol=1e-9)


def people(frame, number):
    """Two large patterned people who walk right, and their boxes."""
    frame = frame.copy()
    pattern = texture(seed=9)[:150, :60]
    boxes = []
    for left, top in ((20 + 6 * number, 70), (120 + 6 * number, 60)):
        frame[top : top + 150, left : left + 60] = pattern
        boxes.append([left, top, left + 60, top + 150])
    return frame, np.array(boxes, dtype=float)


def test_people_who_walk_are_not_the_camera():
    for estimator in (SparseFlow(), Ecc()):
        for number in range(12):
            frame, boxes = people(seen_by(texture(), IDENTITY, seed=number), number)
            assert estimator(frame, boxes).is_identity


def test_people_who_walk_do_not_spoil_the_motion_of_the_camera():
    estimator = SparseFlow()
    step = similarity(shift=(3.0, 1.0))
    warp = np.eye(3)
    for number in range(6):
        frame, boxes = people(seen_by(texture(), warp[:2], seed=number), number)
        motion = estimator(frame, boxes)
        if number:
            assert error(motion, step) < 0.4
        warp = np.vstack([step, [0, 0, 1]]) @ warp


@pytest.mark.parametrize("kind", [SparseFlow, Ecc])
def test_a_camera_that_stands_gives_exactly_no_motion_and_is_seldom_looked_at(kind):
    looks = []
    estimator = kind()
    inner = estimator._watch._look
    estimator._watch._look = lambda *given: looks.append(1) or inner(*given)
    for number in range(100):
        motion = estimator(seen_by(texture(), IDENTITY, seed=number), None)
        np.testing.assert_array_equal(motion.warp, IDENTITY)
        assert (motion.quality > 0.8) == (number > 0)
    assert len(looks) <= STANDS_AFTER + 1 + 100 / LOOK_EVERY


def test_a_camera_that_starts_to_move_is_caught_up_with():
    estimator = SparseFlow()
    for number in range(20):
        estimator(seen_by(texture(), IDENTITY, seed=number), None)
    position, told = np.eye(3), np.eye(3)
    for number in range(20):
        position = np.vstack([similarity(shift=(1.5, 0.5)), [0, 0, 1]]) @ position
        motion = estimator(seen_by(texture(), position[:2], seed=number), None)
        told = np.vstack([motion.warp, [0, 0, 1]]) @ told
        if number > LOOK_EVERY:
            assert not motion.is_identity
    assert error(CameraMotion(told[:2], 1.0), position[:2]) < 1.5


def test_drift_too_slow_to_see_from_frame_to_frame_adds_up():
    estimator = SparseFlow()
    told = np.eye(3)
    for number in range(60):
        warp = similarity(shift=(0.1 * number, 0.0))
        motion = estimator(seen_by(texture(), warp, seed=number), None)
        told = np.vstack([motion.warp, [0, 0, 1]]) @ told
    assert told[0, 2] == pytest.approx(5.9, abs=1.0)


@pytest.mark.parametrize("kind", [SparseFlow, Ecc])
def test_black_frames_and_cuts_are_no_motion_of_quality_0(kind):
    estimator = kind()
    black = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for frame in (black, black, texture(), black, texture(seed=1), texture(seed=2)):
        motion = estimator(frame, None)
        assert motion.is_identity
        assert motion.quality == 0


@pytest.mark.parametrize("kind", [SparseFlow, Ecc])
@pytest.mark.parametrize(
    "odd",
    [
        None,
        "frame",
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((5, 5, 3), np.uint8),
        np.zeros((HEIGHT, WIDTH, 3), np.float64),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((HEIGHT // 2, WIDTH, 3), np.uint8),
    ],
)
def test_odd_frames_never_raise_and_the_next_good_ones_work_again(kind, odd):
    estimator = kind()
    for frame in (texture(), odd, texture()):
        assert estimator(frame, None).quality == 0
    warp = similarity(shift=(3, 2))
    assert error(estimator(seen_by(texture(), warp), None), warp) < 0.6


def test_grey_frames_are_understood():
    estimator, warp = SparseFlow(), similarity(shift=(3, 2))
    estimator(texture()[:, :, 1], None)
    assert error(estimator(seen_by(texture(), warp)[:, :, 1], None), warp) < 0.3


@pytest.mark.parametrize(
    "boxes",
    [
        np.empty((0, 4)),
        [],
        [[np.nan, 0, 10, 10]],
        [[-50, -50, -10, -10]],
        [[1e12, 0, 2e12, 9]],
        [[0, 0, WIDTH, HEIGHT]],
        [1, 2, 3],
    ],
)
def test_odd_boxes_never_raise(boxes):
    for estimator in (SparseFlow(), Ecc()):
        for warp in (IDENTITY, similarity(shift=(3, 2))):
            assert np.isfinite(estimator(seen_by(texture(), warp), boxes).warp).all()


def test_estimators_do_not_share_what_they_saw():
    one, other = SparseFlow(), SparseFlow()
    warp = similarity(shift=(3, 2))
    one(texture())
    other(texture(seed=5))
    assert error(one(seen_by(texture(), warp)), warp) < 0.3


def test_the_pan_over_a_street_with_people_is_followed():
    street = Street(seed=3, frames=40, camera_pan=True, width=480, height=270)
    estimator, told, true = SparseFlow(), np.eye(3), np.eye(3)
    for number, frame, rows in street:
        told = np.vstack([estimator(frame, rows.xyxy).warp, [0, 0, 1]]) @ told
        true = np.vstack([street.warp(number), [0, 0, 1]]) @ true
    assert np.abs(true[:2, 2]).max() > 20
    assert error(CameraMotion(told[:2], 1.0), true[:2], street.size) < 1.5


def write_warps(path, shifts):
    lines = [f"{k} 1.0 0.0 {dx} 0.0 1.0 0.5" for k, dx in enumerate(shifts)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_answers_frame_by_frame(tmp_path):
    path = write_warps(tmp_path / "warps.txt", [0, 2, 3, 4])
    motions = [CameraMotionFromFile(path).at(number) for number in range(6)]
    assert [motion.warp[0, 2] for motion in motions] == [0, 0, 2, 3, 4, 0]
    assert [motion.quality for motion in motions] == [0, 1, 1, 1, 1, 0]
    reader = CameraMotionFromFile(path)
    assert reader(None).is_identity  # nothing lies before the first frame
    assert [reader(None).warp[0, 2] for _ in range(4)] == [2, 3, 4, 0]


def test_a_file_read_with_gaps_gives_the_motion_across_them(tmp_path):
    reader = CameraMotionFromFile(
        write_warps(tmp_path / "warps.txt", [0, 2, 3, 4, 5]), start=2, every=2
    )
    assert reader(None).is_identity
    np.testing.assert_array_equal(reader(None).warp, [[1, 0, 7], [0, 1, 1]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0 1 0 0 0 1 0\n1 1 0 0 0 1\n", r"warps\.txt:2: expected .* got '1 1 0 0 0 1'"),
        ("0 1 0 zero 0 1 0\n", r"warps\.txt:1"),
        ("0 1 0 nan 0 1 0\n", r"warps\.txt:1"),
        ("\n", "empty file"),
    ],
)
def test_bad_rows_are_named_by_file_and_line(tmp_path, content, message):
    path = tmp_path / "warps.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        CameraMotionFromFile(path)
    with pytest.raises(FileNotFoundError):
        CameraMotionFromFile(tmp_path / "absent.txt")


@pytest.mark.data
def test_recorded_camera_motion_is_read(data_root):
    for name, length in (("02", 600), ("05", 837), ("09", 525), ("10", 654)):
        reader = CameraMotionFromFile(data_root / "camera-motion" / f"GMC-MOT17-{name}.txt")
        assert reader.at(length).quality == 1
        assert reader.at(1).is_identity
    assert (
        CameraMotionFromFile(data_root / "camera-motion" / "GMC-MOT17-05.txt").at(2).warp[0, 2]
        == 2.570496
    )


@pytest.mark.data
@pytest.mark.parametrize("name", ["PETS09-S2L1", "TUD-Campus", "MOT16-09"])
def test_real_cameras_that_stand_give_exactly_no_motion_even_without_boxes(data_root, name):
    estimator = SparseFlow()
    for _, frame in iter_frames(data_root / "mot" / name, stop=60):
        assert estimator(frame, None).is_identity


@pytest.mark.data
@pytest.mark.parametrize("name", ["PETS09-S2L1", "TUD-Campus"])
def test_known_warps_of_real_frames_are_recovered(data_root, name):
    _, frame = next(iter_frames(data_root / "mot" / name, start=5))
    size = frame.shape[1::-1]
    for degrees, zoom, shift in ((0, 1, (40, 12)), (1.5, 1, (0, 0)), (0.5, 1.02, (-6, 3))):
        warp = similarity(degrees, zoom, shift, size)
        estimator = SparseFlow()
        estimator(frame, None)
        assert error(estimator(seen_by(frame, warp), None), warp, size) < 0.3
