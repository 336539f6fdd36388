"""Film strips of identity switches for the report of `evaluate`."""

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.metrics.folders import Pair
from deepsort_reid.metrics.report import Strip
from deepsort_reid.metrics.worst import WorstSwitch
from deepsort_reid.mot import MotRows, read_ground_truth, read_results, read_sequence
from deepsort_reid.video import TruncatedVideo, frames_of

Image = NDArray[np.uint8]

HEIGHT, WIDTH = 300, 240  # pixels of one picture
MARGIN = 10  # frames shown before the person is lost and after the new track
ROOM = 2.0  # heights of the person that a picture shows
WHITE = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What to cut out for one switch."""

    switch: WorstSwitch
    frames: tuple[int, ...]
    windows: tuple[tuple[float, float, float], ...]  # centre x, centre y, height in pixels


def film_strips(pairs: Sequence[Pair], switches: Sequence[WorstSwitch]) -> list[Strip]:
    """Strips of those switches whose sequence has its frames beside gt/gt.txt, in their order."""
    done: dict[WorstSwitch, Strip] = {}
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
    near = [int(np.abs(own.frame - number).argmin()) for number in frames]
    boxes = own.xyxy[near]
    height = ROOM * float((boxes[:, 3] - boxes[:, 1]).max())
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return _Plan(switch, tuple(frames), tuple((x, y, height) for x, y in centres.tolist()))


def _cut(
    plans: list[_Plan], source: Path, truth: MotRows, predicted: MotRows
) -> dict[WorstSwitch, Strip]:
    pictures: dict[WorstSwitch, list[tuple[int, bytes]]] = {plan.switch: [] for plan in plans}
    wanted = sorted({number for plan in plans for number in plan.frames})
    for number, frame in _only(source, wanted):
        for plan in plans:
            if number in plan.frames:
                window = plan.windows[plan.frames.index(number)]
                drawn = _drawn(frame, number, plan.switch, truth, predicted)
                pictures[plan.switch].append((number, _jpeg(_window(drawn, *window))))
    return {switch: Strip(switch, tuple(cut)) for switch, cut in pictures.items() if cut}


def _only(source: Path, wanted: list[int]) -> Iterator[tuple[int, Image]]:
    """The wanted frames, as far as the source has them."""
    try:
        if source.is_dir():
            for number in wanted:
                yield from frames_of(source, number, number)
        else:
            for number, frame in frames_of(source, wanted[0], wanted[-1]):
                if number in wanted:
                    yield number, frame
    except TruncatedVideo:
        return


def _drawn(
    frame: Image, number: int, switch: WorstSwitch, truth: MotRows, predicted: MotRows
) -> Image:
    """The frame with the person's box in white and all tracks, the two in question thick."""
    frame = frame.copy()
    here = predicted[predicted.frame == number]
    for track, xyxy in zip(here.id.tolist(), here.xyxy.tolist(), strict=True):
        _box(
            frame, xyxy, colour_of(track), 3 if track in (switch.old_track, switch.new_track) else 1
        )
        _label(frame, xyxy, str(track), colour_of(track))
    own = truth[(truth.frame == number) & (truth.id == switch.person)]
    for xyxy in own.xyxy.tolist():
        _box(frame, xyxy, WHITE, 1)
    return frame


def colour_of(track: int) -> tuple[int, int, int]:
    """The colour of a track in the report's timeline, as BGR."""
    rgb = colorsys.hls_to_rgb((track * 137.508) % 360 / 360, 0.52, 0.65)
    blue, green, red = (round(255 * part) for part in reversed(rgb))
    return blue, green, red


def _box(frame: Image, xyxy: list[float], colour: tuple[int, int, int], thickness: int) -> None:
    left, top, right, bottom = (round(edge) for edge in xyxy)
    cv2.rectangle(frame, (left, top), (right, bottom), colour, thickness)


def _label(frame: Image, xyxy: list[float], text: str, colour: tuple[int, int, int]) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5
    (width, height), _ = cv2.getTextSize(text, font, scale, 1)
    left, top = round(xyxy[0]), round(xyxy[1])
    cv2.rectangle(frame, (left, top - height - 6), (left + width + 4, top), colour, -1)
    cv2.putText(frame, text, (left + 2, top - 3), font, scale, (0, 0, 0), 1, cv2.LINE_AA)


def _window(frame: Image, x: float, y: float, height: float) -> Image:
    """The part of a frame around (x, y), `height` pixels high; grey outside of the frame."""
    scale = HEIGHT / height
    shift = np.array([[scale, 0, WIDTH / 2 - scale * x], [0, scale, HEIGHT / 2 - scale * y]])
    cut = cv2.warpAffine(frame, shift, (WIDTH, HEIGHT), borderValue=(128, 128, 128))
    return np.asarray(cut, dtype=np.uint8)


def _jpeg(image: Image) -> bytes:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()
