"""Film strips of identity switches for the report of `evaluate`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.io.mot_sequences import read_sequence
from deepsort_reid.io.video_reader import TruncatedVideo, open_video
from deepsort_reid.metrics.analysis.worst_switches import WorstSwitch
from deepsort_reid.metrics.report.html_report import SwitchStrip
from deepsort_reid.metrics.sequences import SequenceFiles
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.drawing import id_colour_bgr

Image = NDArray[np.uint8]

HEIGHT, WIDTH = 300, 240  # pixels of one picture
MARGIN = 10  # frames shown before the person is lost and after the new track
ROOM = 2.0  # heights of the person that a picture shows
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class _Window:
    """The part of a frame that a picture shows."""

    x: float  # of its centre
    y: float
    scale: float  # pixels of the picture for one of the frame

    def cut(self, frame: Image) -> Image:
        """The picture; grey outside of the frame."""
        # Every pixel has its share where the frame shrinks; samples of them would flicker.
        quality = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(frame, None, fx=self.scale, fy=self.scale, interpolation=quality)
        shift = np.array([[1.0, 0.0, round(self.left)], [0.0, 1.0, round(self.top)]])
        cut = cv2.warpAffine(scaled, shift, (WIDTH, HEIGHT), borderValue=(128, 128, 128))
        return np.asarray(cut, dtype=np.uint8)

    def place(self, xyxy: list[float]) -> tuple[int, int, int, int]:
        """A box of the frame, in the picture."""
        left, top, right, bottom = (round(self.scale * edge) for edge in xyxy)
        dx, dy = round(self.left), round(self.top)
        return left + dx, top + dy, right + dx, bottom + dy

    @property
    def left(self) -> float:
        return WIDTH / 2 - self.scale * self.x

    @property
    def top(self) -> float:
        return HEIGHT / 2 - self.scale * self.y


@dataclass(frozen=True, eq=False)
class _Plan:
    """What to cut out for one switch."""

    switch: WorstSwitch
    windows: dict[int, _Window]  # by frame


def make_switch_strips(
    pairs: Sequence[SequenceFiles], switches: Sequence[WorstSwitch]
) -> list[SwitchStrip]:
    """Strips of those switches whose sequence has its frames beside gt/gt.txt, in their order."""
    done: dict[WorstSwitch, SwitchStrip] = {}
    for pair in pairs:
        own = [each for each in switches if each.sequence == pair.name]
        source = _frames_beside(pair.truth) if own else None
        if source is not None:
            truth, predicted = read_ground_truth(pair.truth), read_results(pair.predicted)
            plans = [_plan(each, truth) for each in own]
            done |= _cut(plans, source, truth, predicted)
    return [done[each] for each in switches if each in done]


def _frames_beside(truth: Path) -> Path | None:
    inside = truth.name == "gt.txt" and truth.parent.name == "gt"
    return read_sequence(truth.parent.parent).frames if inside else None


def _plan(switch: WorstSwitch, truth: MotRows) -> _Plan:
    """Six frames around the switch, looked at where the person is then, or was nearest in time."""
    lost = switch.frame - switch.gap - 1
    wanted = [lost - MARGIN, lost, lost + switch.gap // 3, lost + 2 * switch.gap // 3]
    wanted += [switch.frame, switch.frame + MARGIN]
    own = truth[truth.id == switch.person]
    frames = sorted({max(1, number) for number in wanted})
    boxes = own.xyxy[[int(np.abs(own.frame - number).argmin()) for number in frames]]
    scale = HEIGHT / (ROOM * float((boxes[:, 3] - boxes[:, 1]).max()))
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
    windows = [_Window(x, y, scale) for x, y in centres]
    return _Plan(switch, dict(zip(frames, windows, strict=True)))


def _cut(
    plans: list[_Plan], source: Path, truth: MotRows, predicted: MotRows
) -> dict[WorstSwitch, SwitchStrip]:
    pictures: dict[WorstSwitch, list[tuple[int, bytes]]] = {plan.switch: [] for plan in plans}
    wanted = sorted({number for plan in plans for number in plan.windows})
    for number, frame in _only(source, wanted):
        for plan in plans:
            if number in plan.windows:
                picture = _drawn(frame, number, plan, truth, predicted)
                pictures[plan.switch].append((number, _jpeg(picture)))
    return {switch: SwitchStrip(switch, tuple(cut)) for switch, cut in pictures.items() if cut}


def _only(source: Path, wanted: list[int]) -> Iterator[tuple[int, Image]]:
    """The wanted frames, ascending, as far as the source has them."""
    video = open_video(source)
    wanted = [number for number in wanted if video.length is None or number <= video.length]
    if not wanted:
        return
    # Images are opened one by one, a video is read through.
    spans = [(n, n) for n in wanted] if source.is_dir() else [(wanted[0], wanted[-1])]
    for start, stop in spans:
        try:
            for number, frame in video.iter_frames(start, stop):
                if number in wanted:
                    yield number, frame
        except TruncatedVideo:
            continue


def _drawn(frame: Image, number: int, plan: _Plan, truth: MotRows, predicted: MotRows) -> Image:
    """The person's surroundings: the truth in white, all tracks, the two in question thick."""
    window, switch = plan.windows[number], plan.switch
    picture = window.cut(frame)
    here = predicted[predicted.frame == number]
    for track, xyxy in zip(here.id.tolist(), here.xyxy.tolist(), strict=True):
        box, colour = window.place(xyxy), id_colour_bgr(track)
        asked = track in (switch.old_track, switch.new_track)
        cv2.rectangle(picture, box[:2], box[2:], colour, 3 if asked else 1)
        _label(picture, box[0], box[1], str(track), colour)
    own = truth[(truth.frame == number) & (truth.id == switch.person)]
    for xyxy in own.xyxy.tolist():
        box = window.place(xyxy)
        cv2.rectangle(picture, box[:2], box[2:], WHITE, 1)
    return picture


def _label(picture: Image, left: int, top: int, text: str, colour: tuple[int, int, int]) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5
    (width, height), _ = cv2.getTextSize(text, font, scale, 1)
    cv2.rectangle(picture, (left, top - height - 6), (left + width + 4, top), colour, -1)
    cv2.putText(picture, text, (left + 2, top - 3), font, scale, (0, 0, 0), 1, cv2.LINE_AA)


def _jpeg(image: Image) -> bytes:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()
