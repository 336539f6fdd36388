"""Synthetic video of a street with pedestrians and exact ground truth.

    for number, frame, rows in Street(seed=3):
        ...

No file is read. All walks are planned when the street is created; each frame and its ground truth
depend only on the plan and the frame number.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import draw_backdrop
from deepsort_reid.scene.clothing import Person, random_person
from deepsort_reid.scene.geometry import SceneGeometry, make_geometry
from deepsort_reid.scene.houses import FACADE_Z
from deepsort_reid.scene.pedestrians import pedestrian_shadow, pedestrian_shapes
from deepsort_reid.scene.prop_base import Prop
from deepsort_reid.scene.rendering import (
    Image,
    Points,
    Shape,
    Sprite,
    bounding_box,
    draw_shadows,
    draw_shapes,
    overlap_slices,
    paste,
    shapes_mask,
)
from deepsort_reid.scene.walks import MIN_VISIBLE_SECONDS, plan_walks
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

_PEDESTRIAN_CLASS = 1  # class id of pedestrians in MOT16/17


class Absence(NamedTuple):
    """An interval of frames without a person that is in the image before and after it."""

    identity: int
    left_at: int  # number of the last frame before the absence
    back_at: int  # number of the first frame after the absence

    @property
    def frames(self) -> int:
        """Number of frames without the person."""
        return self.back_at - self.left_at - 1


class _Pedestrian(NamedTuple):
    """One person in one frame, in pixels of the panorama."""

    identity: int
    z: float
    shapes: list[Shape]
    shadow: Points


@dataclass(frozen=True, kw_only=True, eq=False)
class Street:
    """A synthetic video of a street with exact ground truth.

    Iteration yields (number, frame, rows): `number` counts from 1, `frame` is BGR uint8
    (height, width, 3), `rows` is the ground truth of the frame. A person is in the ground truth
    while the axis of its body is in the image, occluded or not.

    Raises:
        ValueError: an argument is out of its range, or the absences do not fit into the frames.
    """

    seed: int = 0
    people: int = 12  # number of persons; most of them are in the image at any time
    frames: int = 300  # length of the video
    width: int = 960  # pixels
    height: int = 540  # pixels
    frame_rate: float = 25.0  # frames per second
    camera_pan: bool = False  # whether the camera turns slowly to and fro
    absences: Sequence[int] = ()  # person k leaves once for absences[k] frames
    light_change: float = 0.025  # largest relative change of brightness
    noise: float = 1.5  # standard deviation of the sensor noise in grey levels
    colour_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)  # factors of blue, green and red
    gamma: float = 1.0  # exponent of the grey levels from 0 to 1; above 1 is darker

    def __post_init__(self) -> None:
        _check_arguments(self)
        object.__setattr__(self, "absences", tuple(self.absences))

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[tuple[int, Image, MotRows]]:
        for number in range(1, self.frames + 1):
            pedestrians = self._pedestrians_in(number)
            yield number, self._render(number, pedestrians), self._truth_rows(number, pedestrians)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels."""
        return self.width, self.height

    def frame(self, number: int) -> Image:
        """Return frame `number` (from 1), BGR uint8 (height, width, 3)."""
        return self._render(number, self._pedestrians_in(self._checked_number(number)))

    def rows(self, number: int) -> MotRows:
        """Return the ground truth of frame `number` (from 1).

        A box covers the whole body, including parts that are occluded or outside the frame.
        Visibility is the fraction of the body's pixels that are in the frame and not occluded.
        """
        return self._truth_rows(number, self._pedestrians_in(self._checked_number(number)))

    @cached_property
    def truth(self) -> MotRows:
        """Ground truth of all frames; computed once, without rendering the frames."""
        numbers = range(1, self.frames + 1)
        return MotRows.concatenate(
            self._truth_rows(number, self._pedestrians_in(number)) for number in numbers
        )

    def clipped(self, rows: MotRows) -> MotRows:
        """Return the same rows with boxes clipped to the frame."""
        xyxy = boxes.clip(rows.xyxy, self.width, self.height)
        return MotRows(rows.frame, rows.id, xyxy, rows.score, rows.class_id, rows.visibility)

    def warp(self, number: int) -> NDArray[np.float64]:
        """Return the camera motion (2, 3) from frame `number` - 1 to frame `number`.

        It maps background pixels of the first frame to background pixels of the second.
        """
        offsets = self._geometry.offsets
        moved = offsets[self._checked_number(number)] - offsets[max(number - 1, 1)]
        return np.column_stack([np.eye(2), -moved])

    @cached_property
    def returns(self) -> tuple[Absence, ...]:
        """All absences after which the person returns, planned ones and others."""
        found = []
        for person, states in enumerate(self._walks):
            numbers = np.flatnonzero(~np.isnan(states[:, 0]))
            for gap in np.flatnonzero(np.diff(numbers) > 1):
                found.append(Absence(person + 1, int(numbers[gap]), int(numbers[gap + 1])))
        return tuple(found)

    def _checked_number(self, number: int) -> int:
        if not 1 <= number <= self.frames:
            raise ValueError(f"frame number must be from 1 to {self.frames}: got {number}")
        return number

    def _random(self, purpose: int) -> np.random.Generator:
        # Independent generators: a change in one part leaves the others as they are.
        return np.random.default_rng([self.seed, purpose])

    @cached_property
    def _geometry(self) -> SceneGeometry:
        return make_geometry(
            self.size,
            self.frames,
            self.frame_rate,
            camera_pan=self.camera_pan,
            crossing_rng=self._random(1),
            props_rng=self._random(2),
        )

    @cached_property
    def _ground_row(self) -> int:
        """First row of the ground in the panorama."""
        return int(self._geometry.camera.pixel(0, 0, FACADE_Z)[1])

    @cached_property
    def _persons(self) -> list[Person]:
        rng, persons = self._random(3), list[Person]()
        for _ in range(self.people):
            persons.append(random_person(rng, persons))
        return persons

    @cached_property
    def _walks(self) -> NDArray[np.float64]:
        return plan_walks(self._geometry, self.people, self.absences, self._random(4))

    @cached_property
    def _backdrop(self) -> Image:
        geometry = self._geometry
        image = draw_backdrop(geometry.camera, geometry.crossing_x, self._random(5))
        draw_shadows(
            image,
            [shadow for prop in geometry.props for shadow in prop.shadows],
            0.34,
            self._ground_row,
        )
        return image

    @cached_property
    def _tone_curves(self) -> Image:
        """Grey level of each channel after `gamma` and `colour_balance`: (1, 256, 3)."""
        levels = 255 * (np.arange(256) / 255)[:, None] ** self.gamma * self.colour_balance
        return np.rint(levels).clip(0, 255).astype(np.uint8)[None]

    @cached_property
    def _noise_images(self) -> tuple[Image, Image]:
        """Positive and negative part of the sensor noise, larger than a frame."""
        rng = self._random(6)
        shape = (self.height + 61, self.width + 61, 3)
        noise = np.rint(rng.standard_normal(shape, dtype=np.float32) * self.noise)
        return noise.clip(0, 255).astype(np.uint8), (-noise).clip(0, 255).astype(np.uint8)

    def _pedestrians_in(self, number: int) -> list[_Pedestrian]:
        """Return the persons in a frame, the nearest last."""
        camera, pedestrians = self._geometry.camera, []
        states = self._walks[:, number]
        for index in np.flatnonzero(~np.isnan(states[:, 0])):
            x, z, heading, walked, step = map(float, states[index])
            person = self._persons[index]
            # Offset by person, so that persons do not walk in step.
            walked, speed = walked + 0.37 * index, step * self.frame_rate
            shapes = pedestrian_shapes(person, camera, x, z, heading, walked, speed)
            pedestrians.append(
                _Pedestrian(int(index) + 1, z, shapes, pedestrian_shadow(camera, person, x, z))
            )
        return sorted(pedestrians, key=lambda pedestrian: -pedestrian.z)

    def _render(self, number: int, pedestrians: list[_Pedestrian]) -> Image:
        left, top = self._geometry.offsets[number].astype(int)
        image = self._backdrop[top : top + self.height, left : left + self.width].copy()
        brightness = self._brightness(number)
        shadows = [pedestrian.shadow - (left, top) for pedestrian in pedestrians]
        draw_shadows(image, shadows, 0.32 * brightness**4, self._ground_row - top)
        for item in self._by_depth(pedestrians):
            sprite = item.sprite if isinstance(item, Prop) else draw_shapes(item.shapes)
            paste(image, Sprite(sprite.image, sprite.left - left, sprite.top - top))
        lit = cv2.LUT(cv2.convertScaleAbs(image, alpha=brightness), self._tone_curves)
        positive, negative = self._noise_images
        y, x = np.random.default_rng([self.seed, 7, number]).integers(0, 61, 2)
        here = (slice(y, y + self.height), slice(x, x + self.width))
        noisy = cv2.subtract(cv2.add(lit, positive[here]), negative[here])
        return np.asarray(noisy, dtype=np.uint8)

    def _by_depth(self, pedestrians: list[_Pedestrian]) -> list[Prop | _Pedestrian]:
        items: list[Prop | _Pedestrian] = [*self._geometry.props, *pedestrians]
        return sorted(items, key=lambda item: -item.z)

    def _brightness(self, number: int) -> float:
        phases = 2 * math.pi * self._random(8).random(2)
        seconds = number / self.frame_rate
        waves = np.sin(2 * math.pi * seconds / np.array([23.0, 9.0]) + phases)
        return 1 + self.light_change * float(waves @ (0.7, 0.3))

    def _truth_rows(self, number: int, pedestrians: list[_Pedestrian]) -> MotRows:
        left, top = self._geometry.offsets[number].astype(int)
        occluders = np.zeros((self.height, self.width), dtype=np.uint8)
        visible = dict[int, float]()
        for item in reversed(self._by_depth(pedestrians)):
            mask = item.mask if isinstance(item, Prop) else shapes_mask(item.shapes)
            mask = Sprite(mask.image, mask.left - left, mask.top - top)
            rows, columns, own_rows, own_columns = overlap_slices(mask, self.width, self.height)
            own, before = mask.image[own_rows, own_columns], occluders[rows, columns]
            if isinstance(item, _Pedestrian):
                unoccluded = cv2.countNonZero(cv2.subtract(own, before)) if own.size else 0
                visible[item.identity] = unoccluded / cv2.countNonZero(mask.image)
            np.maximum(own, before, out=before)
        ordered = sorted(pedestrians, key=lambda pedestrian: pedestrian.identity)
        if not ordered:
            return MotRows.empty()
        identities = np.array([pedestrian.identity for pedestrian in ordered])
        xyxy = np.array([bounding_box(pedestrian.shapes) for pedestrian in ordered])
        return MotRows(
            np.full(len(ordered), number),
            identities,
            xyxy - (left, top, left, top),
            np.ones(len(ordered)),
            np.full(len(ordered), _PEDESTRIAN_CLASS),
            np.array([visible[int(identity)] for identity in identities]),
        )


def _check_arguments(street: Street) -> None:
    minima = {"seed": 0, "people": 1, "frames": 1, "width": 160, "height": 90}
    for name, minimum in minima.items():
        value = getattr(street, name)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
            raise ValueError(f"{name} must be an integer of at least {minimum}: got {value!r}")
    if not (math.isfinite(street.frame_rate) and 1 <= street.frame_rate <= 240):
        raise ValueError(f"frame_rate must be from 1 to 240 per second: got {street.frame_rate}")
    if not 0 <= street.light_change <= 0.3:
        raise ValueError(f"light_change must be from 0 to 0.3: got {street.light_change}")
    if not 0 <= street.noise <= 50:
        raise ValueError(f"noise must be from 0 to 50 grey levels: got {street.noise}")
    if not (0.2 <= street.gamma <= 5 and all(0.2 <= f <= 5 for f in street.colour_balance)):
        raise ValueError(
            "gamma and the three factors of colour_balance must be from 0.2 to 5: got "
            f"{street.gamma} and {street.colour_balance}"
        )
    if len(street.absences) > street.people:
        raise ValueError(
            f"at most one absence per person: got {len(street.absences)} absences "
            f"for {street.people} people"
        )
    context = 2 * math.ceil(MIN_VISIBLE_SECONDS * street.frame_rate)
    for absence in street.absences:
        if absence < 1 or absence + context > street.frames:
            raise ValueError(
                f"an absence must be from 1 to {street.frames - context} of {street.frames} "
                f"frames: the person is visible for {MIN_VISIBLE_SECONDS:g} s before and after it: "
                f"got {absence}"
            )
