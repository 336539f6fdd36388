"""The rendered street: people walk past each other, and exactly who is where is known.

    for number, frame, rows in Street(seed=3):
        ...

Nothing is read from a file. The plan of all walks is fixed when the street is made; every frame
and its truth follow from the plan and the number of the frame alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import SHADOW, draw_backdrop
from deepsort_reid.scene.clothing import Person, dress
from deepsort_reid.scene.pedestrians import figure
from deepsort_reid.scene.props import Prop, place_props
from deepsort_reid.scene.rendering import (
    Image,
    Points,
    Shape,
    Sprite,
    View,
    bounds,
    capsule,
    darken,
    lay,
    overlap,
    paint,
    silhouette,
)
from deepsort_reid.scene.walks import MIN_SEEN, Stage, plan
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

_PEDESTRIAN = 1  # class in MOT16/17


class Absence(NamedTuple):
    """Somebody leaves the picture and comes back."""

    identity: int
    left_at: int  # number of the last frame before
    back_at: int  # number of the first frame after

    @property
    def frames(self) -> int:
        """How many frames are without the person."""
        return self.back_at - self.left_at - 1


class _Appearance(NamedTuple):
    """One person in one frame, in pixels of the whole picture that the camera can turn to."""

    identity: int
    z: float
    shapes: list[Shape]
    shadow: Points


@dataclass(frozen=True, kw_only=True, eq=False)
class Street:
    """A video of a street with exact truth. Iterating gives (number, frame, rows) of each frame.

    `number` counts from 1, `frame` is BGR uint8 (height, width, 3), `rows` the truth of the frame.
    Somebody is in the truth while the middle of the body is in the picture, hidden or not.

    Raises:
        ValueError: an argument is out of its range, or the absences do not fit into the frames.
    """

    seed: int = 0
    people: int = 12  # different people; most of them are in the picture at any time
    frames: int = 300
    width: int = 960  # pixels
    height: int = 540  # pixels
    frame_rate: float = 25.0  # frames per second
    camera_pan: bool = False  # the camera turns slowly to and fro
    absences: Sequence[int] = ()  # the first people leave once, each for so many frames
    light_change: float = 0.025  # share by which clouds change the light
    noise: float = 1.5  # standard deviation of the sensor's noise, in grey levels

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "absences", tuple(self.absences))

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[tuple[int, Image, MotRows]]:
        for number in range(1, self.frames + 1):
            cast = self._cast(number)
            yield number, self._render(number, cast), self._truth_of(number, cast)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels."""
        return self.width, self.height

    def frame(self, number: int) -> Image:
        """Frame `number` (from 1), BGR uint8 (height, width, 3)."""
        return self._render(number, self._cast(self._checked(number)))

    def rows(self, number: int) -> MotRows:
        """The truth of frame `number` (from 1).

        Boxes are those of the whole body, also where it is hidden or beyond the edge of the frame;
        visibility is the share of the body's pixels that is in the frame and not hidden.
        """
        return self._truth_of(number, self._cast(self._checked(number)))

    @cached_property
    def truth(self) -> MotRows:
        """The rows of all frames; made once, without drawing the frames."""
        numbers = range(1, self.frames + 1)
        return MotRows.concatenate(self._truth_of(number, self._cast(number)) for number in numbers)

    def clipped(self, rows: MotRows) -> MotRows:
        """The same rows with boxes cut at the edges of the frame."""
        xyxy = boxes.clip(rows.xyxy, self.width, self.height)
        return MotRows(rows.frame, rows.id, xyxy, rows.score, rows.class_id, rows.visibility)

    def warp(self, number: int) -> NDArray[np.float64]:
        """The camera's motion: (2, 3), takes the background of frame number - 1 to frame number."""
        moved = self._stage.offsets[self._checked(number)] - self._stage.offsets[max(number - 1, 1)]
        return np.column_stack([np.eye(2), -moved])

    @cached_property
    def returns(self) -> tuple[Absence, ...]:
        """Every time that somebody leaves and comes back: the planned absences and all others."""
        found = []
        for person, states in enumerate(self._plan):
            numbers = np.flatnonzero(~np.isnan(states[:, 0]))
            for gap in np.flatnonzero(np.diff(numbers) > 1):
                found.append(Absence(person + 1, int(numbers[gap]), int(numbers[gap + 1])))
        return tuple(found)

    def _checked(self, number: int) -> int:
        if not 1 <= number <= self.frames:
            raise ValueError(f"frame number must be from 1 to {self.frames}: got {number}")
        return number

    def _random(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose])

    @cached_property
    def _stage(self) -> Stage:
        """The camera and what it sees when it turns."""
        scale = self.height / 540
        margins = np.zeros(2)
        if self.camera_pan:
            margins = np.rint(np.array([90.0, 6.0]) * scale)
        across, down = margins.astype(int)
        view = View(
            width=self.width + 2 * across,
            height=self.height + 2 * down,
            focal=848 * scale,
            centre=self.width / 2 + across,
            horizon=142 * scale + down,
            eye=3.5,
        )
        seconds = (np.arange(self.frames + 1) - 1) / self.frame_rate
        turn = np.column_stack(
            [np.sin(seconds * 2 * math.pi / 15), np.sin(seconds * 2 * math.pi / 6.5)]
        )
        # Whole pixels: the background moves by exactly what `warp` says.
        offsets = np.rint(margins + margins * turn)
        zebra = -1.2 + 0.5 * (self._random(1).random() - 0.5)
        footprints = [prop.footprint for prop in place_props(view, self._random(2))]
        return Stage(
            view=view,
            offsets=offsets,
            frame_width=self.width,
            frame_rate=self.frame_rate,
            zebra=zebra,
            footprints=footprints,
        )

    @cached_property
    def _props(self) -> list[Prop]:
        return place_props(self._stage.view, self._random(2))

    @cached_property
    def _ground(self) -> int:
        """First row of the ground, in the whole picture."""
        return int(self._stage.view.point(0, 0, 22.0)[1])

    @cached_property
    def _people(self) -> list[Person]:
        rng, people = self._random(3), list[Person]()
        for _ in range(self.people):
            people.append(dress(rng, people))
        return people

    @cached_property
    def _plan(self) -> NDArray[np.float64]:
        return plan(self._stage, self.people, self.absences, self._random(4))

    @cached_property
    def _backdrop(self) -> Image:
        stage = self._stage
        picture = draw_backdrop(stage.view, stage.zebra, self._random(5))
        darken(
            picture, [shadow for prop in self._props for shadow in prop.shadows], 0.34, self._ground
        )
        return picture

    @cached_property
    def _grains(self) -> tuple[Image, Image]:
        """What the sensor's noise adds and what it takes, larger than a frame."""
        rng = self._random(6)
        shape = (self.height + 61, self.width + 61, 3)
        grain = np.rint(rng.standard_normal(shape, dtype=np.float32) * self.noise)
        return grain.clip(0, 255).astype(np.uint8), (-grain).clip(0, 255).astype(np.uint8)

    def _cast(self, number: int) -> list[_Appearance]:
        """Everybody who is in a frame, the nearest last."""
        view, cast = self._stage.view, []
        states = self._plan[:, number]
        for index in np.flatnonzero(~np.isnan(states[:, 0])):
            x, z, heading, walked, step = map(float, states[index])
            person = self._people[index]
            # Nobody starts with the same foot at the same time.
            walked, speed = walked + 0.37 * index, step * self.frame_rate
            shapes = figure(person, view, x, z, heading, walked, speed)
            cast.append(_Appearance(int(index) + 1, z, shapes, _shadow(view, person, x, z)))
        return sorted(cast, key=lambda one: -one.z)

    def _render(self, number: int, cast: list[_Appearance]) -> Image:
        left, top = self._stage.offsets[number].astype(int)
        picture = self._backdrop[top : top + self.height, left : left + self.width].copy()
        light = self._light(number)
        shadows = [one.shadow - (left, top) for one in cast]
        darken(picture, shadows, 0.32 * light**4, self._ground - top)
        for thing in self._in_depth(cast):
            sprite = thing.sprite if isinstance(thing, Prop) else paint(thing.shapes)
            lay(picture, Sprite(sprite.image, sprite.left - left, sprite.top - top))
        lit = cv2.convertScaleAbs(picture, alpha=light)
        more, less = self._grains
        y, x = np.random.default_rng([self.seed, 7, number]).integers(0, 61, 2)
        here = (slice(y, y + self.height), slice(x, x + self.width))
        noisy = cv2.subtract(cv2.add(lit, more[here]), less[here])
        return np.asarray(noisy, dtype=np.uint8)

    def _in_depth(self, cast: list[_Appearance]) -> list[Prop | _Appearance]:
        things: list[Prop | _Appearance] = [*self._props, *cast]
        return sorted(things, key=lambda thing: -thing.z)

    def _light(self, number: int) -> float:
        phases = 2 * math.pi * self._random(8).random(2)
        seconds = number / self.frame_rate
        waves = np.sin(2 * math.pi * seconds / np.array([23.0, 9.0]) + phases)
        return 1 + self.light_change * float(waves @ (0.7, 0.3))

    def _truth_of(self, number: int, cast: list[_Appearance]) -> MotRows:
        left, top = self._stage.offsets[number].astype(int)
        hidden = np.zeros((self.height, self.width), dtype=np.uint8)
        visible = dict[int, float]()
        for thing in reversed(self._in_depth(cast)):
            mask = thing.mask if isinstance(thing, Prop) else silhouette(thing.shapes)
            mask = Sprite(mask.image, mask.left - left, mask.top - top)
            rows, columns, own_rows, own_columns = overlap(mask, self.width, self.height)
            own, before = mask.image[own_rows, own_columns], hidden[rows, columns]
            if isinstance(thing, _Appearance):
                free = cv2.countNonZero(cv2.subtract(own, before)) if own.size else 0
                visible[thing.identity] = free / cv2.countNonZero(mask.image)
            np.maximum(own, before, out=before)
        ordered = sorted(cast, key=lambda one: one.identity)
        if not ordered:
            return MotRows.empty()
        identities = np.array([one.identity for one in ordered])
        return MotRows(
            np.full(len(ordered), number),
            identities,
            np.array([bounds(one.shapes) for one in ordered]) - (left, top, left, top),
            np.ones(len(ordered)),
            np.full(len(ordered), _PEDESTRIAN),
            np.array([visible[int(identity)] for identity in identities]),
        )


def _shadow(view: View, person: Person, x: float, z: float) -> Points:
    end = complex(x + SHADOW[0] * person.height, z + SHADOW[1] * person.height)
    outline = capsule(complex(x, z), end, 0.24, 0.13)
    return view.points(np.column_stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]]))


def _check(street: Street) -> None:
    for name, least in (("seed", 0), ("people", 1), ("frames", 1), ("width", 160), ("height", 90)):
        value = getattr(street, name)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be a whole number from {least} up: got {value!r}")
    if not (math.isfinite(street.frame_rate) and 1 <= street.frame_rate <= 240):
        raise ValueError(f"frame_rate must be from 1 to 240 per second: got {street.frame_rate}")
    if not 0 <= street.light_change <= 0.3:
        raise ValueError(f"light_change must be from 0 to 0.3: got {street.light_change}")
    if not 0 <= street.noise <= 50:
        raise ValueError(f"noise must be from 0 to 50 grey levels: got {street.noise}")
    if len(street.absences) > street.people:
        raise ValueError(
            f"one person for each absence: got {len(street.absences)} absences "
            f"for {street.people} people"
        )
    around = 2 * math.ceil(MIN_SEEN * street.frame_rate)
    for absence in street.absences:
        if absence < 1 or absence + around > street.frames:
            raise ValueError(
                f"an absence takes 1 to {street.frames - around} of {street.frames} frames, "
                f"because the person is seen for {MIN_SEEN:g} s before and after: got {absence}"
            )
