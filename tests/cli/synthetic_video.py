"""Synthetic video of two people before a static camera, with exact boxes and a small embedder."""

import json

import cv2
import numpy as np

from deepsort_reid import Detections
from deepsort_reid.io.mot import write_rows
from deepsort_reid.io.video_writer import VideoWriter
from deepsort_reid.structures.mot_rows import MotRows
from tests.vision import embedder_files

WIDTH, HEIGHT = 160, 120
FRAMES = 8  # of the video in conftest.py; tracks have ids in the last six
SEQUENCE_LENGTH = 10  # frames of the first MOT sequence
RED, BLUE = (0, 0, 255), (255, 0, 0)

# MOT files of one person in three frames, and results in which its id changes in the last frame.
TRUTH_TEXT = "1,1,0,0,10,20,1,-1,-1,-1\n2,1,1,0,10,20,1,-1,-1,-1\n3,1,2,0,10,20,1,-1,-1,-1\n"
PREDICTED_TEXT = "1,5,0,0,10,20,1,-1,-1,-1\n2,5,1,0,10,20,1,-1,-1,-1\n3,6,2,0,10,20,1,-1,-1,-1\n"


def true_boxes(number):
    """Boxes xyxy (2, 4) of the red and the blue person in frame `number`, from 1."""
    left = np.array([10 + 2 * number, 120 - 2 * number], dtype=np.float64)
    top = np.array([10.0, 60.0])
    return np.column_stack([left, top, left + 20, top + 50])


def render_frame(number):
    image = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    for (x1, y1, x2, y2), colour in zip(true_boxes(number).astype(int), (RED, BLUE), strict=True):
        image[y1:y2, x1:x2] = colour
    return image


def render_frames(count):
    return [render_frame(number) for number in range(1, count + 1)]


def mot_rows(count, first=1, score=0.9):
    """True boxes of `count` frames as MOT rows, with ids 1 and 2."""
    number = np.arange(first, first + count)
    xyxy = np.concatenate([true_boxes(each) for each in number])
    n = len(xyxy)
    return MotRows(
        np.repeat(number, 2),
        np.tile([1, 2], count),
        xyxy,
        np.full(n, score),
        np.ones(n, int),
        np.ones(n),
    )


def write_video(path, count, rate=10):
    with VideoWriter(path, rate, (WIDTH, HEIGHT)) as video:
        for number in range(1, count + 1):
            video.write(render_frame(number))
    return path


def write_images(folder, count):
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        assert cv2.imwrite(str(folder / f"{number:06d}.png"), render_frame(number))
    return folder


def encode_png(image):
    return cv2.imencode(".png", image)[1].tobytes()


def write_detections(path, count, score=0.9):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, mot_rows(count, score=score), "det")
    return path


def write_sequence(folder, count, *, images=False, truth=None):
    """Write a MOT sequence of `count` frames: gt.txt, det.txt, seqinfo.ini, images on request."""
    folder.mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nframeRate=10\nseqLength={count}\n"
        f"imWidth={WIDTH}\nimHeight={HEIGHT}\nimDir=img1\n",
        encoding="utf-8",
    )
    write_detections(folder / "det" / "det.txt", count)
    (folder / "gt").mkdir()
    write_rows(folder / "gt" / "gt.txt", mot_rows(count, score=1) if truth is None else truth, "gt")
    if images:
        write_images(folder / "img1", count)
    return folder


def write_embedder(path, gain=1.0):
    """Write an ONNX embedder: the embedding is the mean colour of the crop, times `gain`."""
    return embedder_files.write_embedder(path, gain=gain, normalisation="in_graph")


class TrueBoxDetector:
    """Detector that returns the true boxes; raises `failure` in call number `fails_at`."""

    def __init__(self, score=0.9, fails_at=None, failure=None):
        self.calls, self.score = 0, score
        self.fails_at, self.failure = fails_at, failure

    def __call__(self, image):
        self.calls += 1
        if self.calls == self.fails_at:
            raise self.failure
        return Detections(true_boxes(self.calls), [self.score, self.score])


def decode_video(path):
    """Decode a video file; returns the number of frames and their size (width, height)."""
    capture = cv2.VideoCapture(str(path))
    sizes = []
    while (answer := capture.read())[0]:
        sizes.append(answer[1].shape[1::-1])
    capture.release()
    assert len(set(sizes)) == 1
    return len(sizes), sizes[0]


def read_strict_json(path):
    """Read a JSON file; NaN and Infinity, which the standard does not allow, are an error."""

    def refuse(word):
        raise AssertionError(f"{path} holds {word}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def read_error_line(capsys):
    """The error message of a command; asserts that it is one line on stderr."""
    error = capsys.readouterr().err
    assert error.startswith("deepsort-reid "), error
    assert error.count("\n") == 1, error
    return error
