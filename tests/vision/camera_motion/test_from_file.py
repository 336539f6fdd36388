"""Camera motion read from a file."""

import numpy as np
import pytest

from deepsort_reid.vision.camera_motion import CameraMotionFromFile


def write_warps(path, shifts):
    lines = [f"{k} 1.0 0.0 {dx} 0.0 1.0 0.5" for k, dx in enumerate(shifts)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_motion_is_returned_frame_by_frame(tmp_path):
    path = write_warps(tmp_path / "warps.txt", [0, 2, 3, 4])
    motions = [CameraMotionFromFile(path).at(number) for number in range(6)]
    assert [motion.warp[0, 2] for motion in motions] == [0, 0, 2, 3, 4, 0]
    assert [motion.quality for motion in motions] == [0, 1, 1, 1, 1, 0]
    reader = CameraMotionFromFile(path)
    assert reader(None).is_identity  # the first frame has no previous frame
    assert [reader(None).warp[0, 2] for _ in range(4)] == [2, 3, 4, 0]


def test_motion_across_skipped_frames_is_composed(tmp_path):
    path = write_warps(tmp_path / "warps.txt", [0, 2, 3, 4, 5])
    reader = CameraMotionFromFile(path, start=2, every=2)
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
def test_invalid_line_is_named_by_file_and_line(tmp_path, content, message):
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
    reader = CameraMotionFromFile(data_root / "camera-motion" / "GMC-MOT17-05.txt")
    assert reader.at(2).warp[0, 2] == 2.570496
