from pathlib import Path

import cv2
import numpy as np

from deepsort_reid.cli.switch_strips import HEIGHT, WIDTH, make_switch_strips
from deepsort_reid.io.mot import write_rows
from deepsort_reid.metrics.analysis.worst_switches import WorstSwitch
from deepsort_reid.metrics.sequences import SequenceFiles
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.drawing import id_colour_bgr

SWITCH = WorstSwitch("SEQ", 8, 1, 1, 2, 3, 4, 5)
PERSON_COLOUR = (10, 200, 250)


def sequence(folder: Path, frames: int) -> SequenceFiles:
    """A standing person on black: track 1, three frames without a track, then track 2."""
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    for number in range(1, frames + 1):
        image = np.zeros((240, 320, 3), dtype=np.uint8)
        image[100:160, 200:230] = PERSON_COLOUR
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.png"), image)
    box = np.tile([200.0, 100.0, 230.0, 160.0], (12, 1))
    truth = MotRows(np.arange(1, 13), np.ones(12), box)
    write_rows(folder / "gt" / "gt.txt", truth, "gt")
    frame = np.array([1, 2, 3, 4, 8, 9, 10, 11, 12])
    predicted = MotRows(frame, 1 + (frame > 7), box[: len(frame)])
    write_rows(folder / "tracks.txt", predicted, "result")
    return SequenceFiles("SEQ", folder / "gt" / "gt.txt", folder / "tracks.txt")


def decoded(image_file: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(image_file, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def test_strip_shows_the_person_before_during_and_after_the_gap(tmp_path: Path) -> None:
    (strip,) = make_switch_strips([sequence(tmp_path / "SEQ", frames=12)], [SWITCH])
    assert strip.switch == SWITCH
    # Last match in frame 4, two frames of the gap, new match in frame 8. The frames ten before and
    # after are outside of the sequence.
    assert [frame for frame, _ in strip.images] == [1, 4, 5, 6, 8]
    for frame, image_file in strip.images:
        image = decoded(image_file)
        assert image.shape == (HEIGHT, WIDTH, 3)
        middle = image[HEIGHT // 2, WIDTH // 2]
        assert np.abs(middle.astype(int) - PERSON_COLOUR).max() < 12
        edge = image[HEIGHT // 2, WIDTH // 2 - 42 : WIDTH // 2 - 34].astype(int)
        track = {1: 1, 4: 1, 8: 2}.get(frame)
        near = [np.abs(edge - id_colour_bgr(number)).sum(axis=1).min() < 60 for number in (1, 2)]
        assert near == [track == 1, track == 2]


def test_missing_frames_are_left_out(tmp_path: Path) -> None:
    pair = sequence(tmp_path / "SEQ", frames=5)
    (strip,) = make_switch_strips([pair], [SWITCH])
    assert [frame for frame, _ in strip.images] == [1, 4, 5]


def test_sequence_without_frames_has_no_strip(tmp_path: Path) -> None:
    pair = sequence(tmp_path / "SEQ", frames=0)
    assert make_switch_strips([pair], [SWITCH]) == []
    flat = tmp_path / "truth.txt"
    flat.write_bytes(pair.truth.read_bytes())
    assert make_switch_strips([SequenceFiles("SEQ", flat, pair.predicted)], [SWITCH]) == []
