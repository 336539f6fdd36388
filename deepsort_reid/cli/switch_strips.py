"""Images of identity switches for the report of `evaluate`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.io.mot_sequences import read_sequence
from deepsort_reid.io.video import TruncatedVideo
from deepsort_reid.io.video_reader import open_video
from deepsort_reid.metrics.analysis import WorstSwitch
from deepsort_reid.metrics.report import SwitchStrip
from deepsort_reid.metrics.sequences import SequenceFiles
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.drawing import draw_label, id_colour_bgr

Image = NDArray[np.uint8]

HEIGHT, WIDTH = 300, 240  # pixels of one image
MARGIN = 10  # frames shown before the gap and after the new match
VISIBLE_HEIGHT = 2.0  # height of the visible part of the frame, in heights of the person
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class _Window:
    """The part of a frame that an image shows."""

    x: float  # of its centre
    y: float
    scale: float  # pixels of the image per pixel of the frame

    def crop(self, frame: Image) -> Image:
        """The image (HEIGHT, WIDTH, 3), grey outside of the frame."""
        # INTER_AREA averages all pixels of a frame that is reduced, so that the images do not
        # flicker.
        interpolation = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(frame, None, fx=self.scale, fy=self.scale, interpolation=interpolation)
        shift = np.array([[1.0, 0.0, round(self.left)], [0.0, 1.0, round(self.top)]])
        image = cv2.warpAffine(scaled, shift, (WIDTH, HEIGHT), borderValue=(128, 128, 128))
        return np.asarray(image, dtype=np.uint8)

    def to_image(self, xyxy: list[float]) -> tuple[int, int, int, int]:
        """A box of the frame in coordinates of the image."""
        left, top, right, bottom = (round(self.scale * edge) for edge in xyxy)
        dx, dy = round(self.left), round(self.top)
        return left + dx, top + dy, right + dx, bottom + dy

    @property
    def left(self) -> float:
        """Offset from scaled frame coordinates to image coordinates, along x."""
        return WIDTH / 2 - self.scale * self.x

    @property
    def top(self) -> float:
        """Offset from scaled frame coordinates to image coordinates, along y."""
        return HEIGHT / 2 - self.scale * self.y


@dataclass(frozen=True, eq=False)
class _StripPlan:
    """What to crop for one switch."""

    switch: WorstSwitch
    windows: dict[int, _Window]  # by frame number


def make_switch_strips(
    sequences: Sequence[SequenceFiles], switches: Sequence[WorstSwitch]
) -> list[SwitchStrip]:
    """The strips of the switches whose sequences have frames beside gt/gt.txt, in input order."""
    strips: dict[WorstSwitch, SwitchStrip] = {}
    for files in sequences:
        own = [each for each in switches if each.sequence == files.name]
        frames = _frames_beside(files.truth) if own else None
        if frames is not None:
            truth, predicted = read_ground_truth(files.truth), read_results(files.predicted)
            plans = [_plan(each, truth) for each in own]
            strips |= _render(plans, frames, truth, predicted)
    return [strips[each] for each in switches if each in strips]


def _frames_beside(truth: Path) -> Path | None:
    """The video or image folder of a ground-truth file SEQ/gt/gt.txt."""
    in_sequence = truth.name == "gt.txt" and truth.parent.name == "gt"
    return read_sequence(truth.parent.parent).frames if in_sequence else None


def _plan(switch: WorstSwitch, truth: MotRows) -> _StripPlan:
    """Six frames before, during and after the gap, with windows centred on the person.

    In frames without a ground-truth box the window is that of the nearest frame with one.
    """
    lost = switch.frame - switch.gap - 1
    wanted = [lost - MARGIN, lost, lost + switch.gap // 3, lost + 2 * switch.gap // 3]
    wanted += [switch.frame, switch.frame + MARGIN]
    own = truth[truth.id == switch.truth_id]
    frames = sorted({max(1, number) for number in wanted})
    boxes = own.xyxy[[int(np.abs(own.frame - number).argmin()) for number in frames]]
    scale = HEIGHT / (VISIBLE_HEIGHT * float((boxes[:, 3] - boxes[:, 1]).max()))
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
    windows = [_Window(x, y, scale) for x, y in centres]
    return _StripPlan(switch, dict(zip(frames, windows, strict=True)))


def _render(
    plans: list[_StripPlan], frames: Path, truth: MotRows, predicted: MotRows
) -> dict[WorstSwitch, SwitchStrip]:
    """The strips of one sequence. Switches without any readable frame are left out."""
    images: dict[WorstSwitch, list[tuple[int, bytes]]] = {plan.switch: [] for plan in plans}
    wanted = sorted({number for plan in plans for number in plan.windows})
    for number, frame in _read_frames(frames, wanted):
        for plan in plans:
            if number in plan.windows:
                image = _draw(frame, number, plan, truth, predicted)
                images[plan.switch].append((number, _jpeg(image)))
    return {switch: SwitchStrip(switch, tuple(own)) for switch, own in images.items() if own}


def _read_frames(source: Path, wanted: list[int]) -> Iterator[tuple[int, Image]]:
    """The wanted frames in ascending order. Frames that the source does not have are left out."""
    video = open_video(source)
    wanted = [number for number in wanted if video.length is None or number <= video.length]
    if not wanted:
        return
    # Image files are opened one by one; a video is read from the first to the last wanted frame.
    spans = [(n, n) for n in wanted] if source.is_dir() else [(wanted[0], wanted[-1])]
    for start, stop in spans:
        try:
            for number, frame in video.iter_frames(start, stop):
                if number in wanted:
                    yield number, frame
        except TruncatedVideo:
            continue


def _draw(frame: Image, number: int, plan: _StripPlan, truth: MotRows, predicted: MotRows) -> Image:
    """One image with the ground truth (white) and all tracks, those of the switch in bold."""
    window, switch = plan.windows[number], plan.switch
    image = window.crop(frame)
    tracks = predicted[predicted.frame == number]
    for track, xyxy in zip(tracks.id.tolist(), tracks.xyxy.tolist(), strict=True):
        left, top, right, bottom = window.to_image(xyxy)
        if right <= 0 or bottom <= 0 or left >= WIDTH or top >= HEIGHT:
            continue
        thickness = 3 if track in (switch.old_track, switch.new_track) else 1
        cv2.rectangle(image, (left, top), (right, bottom), id_colour_bgr(track), thickness)
        draw_label(image, str(track), (left, top), id_colour_bgr(track))
    own = truth[(truth.frame == number) & (truth.id == switch.truth_id)]
    for xyxy in own.xyxy.tolist():
        left, top, right, bottom = window.to_image(xyxy)
        cv2.rectangle(image, (left, top), (right, bottom), WHITE, 1)
    return image


def _jpeg(image: Image) -> bytes:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()
