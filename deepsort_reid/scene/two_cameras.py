"""Two cameras under different light that see the same persons.

scene = TwoCameras(seed=3)
for number in range(1, scene.frames + 1):
    frames = [street.frame(number) for street in scene.cameras]
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.clothing import Person
from deepsort_reid.scene.geometry import SceneGeometry
from deepsort_reid.scene.street import Street
from deepsort_reid.scene.walks import NEAR_LANES, plan_visits, plan_walks

_SECOND_SEED = 10_000  # added to the seed: other houses, trees and sensor noise
# A dull evening: bluish, and darker.
_SECOND_BALANCE, _SECOND_GAMMA = (1.10, 0.97, 0.82), 1.3
_DEPTH = (
    27.0  # metres between two cameras that face each other: the kerb of one is that of the other
)
_SHIFT = 5.0  # metres by which the second stands to the right


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoCameras:
    """Two rendered streets with the same persons, who have the same identity in both.

    The cameras have one clock: frames with the same number are of the same time. The second one
    has another street, darker light and another colour balance.

    With `overlapping`, the second camera stands on the other side of the street, 5 m to the right,
    and looks back: both see a part of the same ground, and a person from opposite sides. Without,
    the streets are apart, and nobody is in view of both cameras at the same time.

    Raises ValueError as `Street` does.
    """

    seed: int = 0
    people: int = 12
    frames: int = 300
    width: int = 960  # pixels
    height: int = 540  # pixels
    frame_rate: float = 25.0  # frames per second
    overlapping: bool = False
    travel_seconds: tuple[float, float] = (
        4.0,
        15.0,
    )  # out of view between two walks; not overlapping

    def __post_init__(self) -> None:
        shortest, longest = self.travel_seconds
        if not 0 < shortest <= longest < np.inf:
            raise ValueError(
                "travel_seconds must be a shortest and a longest time, 0 < shortest <= longest: "
                f"got {self.travel_seconds}"
            )
        _ = self.cameras  # checks the other arguments

    @cached_property
    def cameras(self) -> tuple[Street, Street]:
        """The first and the second camera."""
        return (
            self._camera(0, (1.0, 1.0, 1.0), 1.0),
            self._camera(1, _SECOND_BALANCE, _SECOND_GAMMA),
        )

    def _camera(
        self, number: int, colour_balance: tuple[float, float, float], gamma: float
    ) -> "_CameraStreet":
        return _CameraStreet(
            scene=self,
            number=number,
            seed=self.seed + number * _SECOND_SEED,
            people=self.people,
            frames=self.frames,
            width=self.width,
            height=self.height,
            frame_rate=self.frame_rate,
            colour_balance=colour_balance,
            gamma=gamma,
        )

    @cached_property
    def _walks(self) -> list[NDArray[np.float64]]:
        """Positions of every person in each street, see `plan_walks`."""
        rng = np.random.default_rng([self.seed, 9])
        first, second = (street._geometry for street in self.cameras)
        if not self.overlapping:
            return plan_visits((first, second), self.people, self.travel_seconds, rng)
        ground = _facing(first, second)
        table = plan_walks(ground, self.people, (), rng)
        numbers = np.broadcast_to(np.arange(table.shape[1]), table.shape[:2]).ravel()
        tables = []
        for geometry, states in ((first, table), (second, to_second(table))):
            seen = geometry.in_view(numbers, states.reshape(-1, 5)).reshape(table.shape[:2])
            tables.append(np.where(seen[:, :, None], states, np.nan))
        return tables


@dataclass(frozen=True, kw_only=True, eq=False)
class _CameraStreet(Street):
    """One street of `TwoCameras`."""

    scene: TwoCameras = field(repr=False)
    number: int

    @cached_property
    def _geometry(self) -> SceneGeometry:
        own = super()._geometry
        if self.number == 0 or not self.scene.overlapping:
            return own
        return replace(own, crossing_x=_SHIFT - self.scene.cameras[0]._geometry.crossing_x)

    @cached_property
    def _persons(self) -> list[Person]:
        return super()._persons if self.number == 0 else self.scene.cameras[0]._persons

    @cached_property
    def _walks(self) -> NDArray[np.float64]:
        return self.scene._walks[self.number]


@dataclass(frozen=True, kw_only=True)
class _FacingCameras(SceneGeometry):
    """Ground in view of the first or the second of two cameras, in coordinates of the first."""

    second: SceneGeometry

    def in_view(self, frames: NDArray[np.int64], states: NDArray[np.float64]) -> NDArray[np.bool_]:
        seen: NDArray[np.bool_] = super().in_view(frames, states)
        return seen | self.second.in_view(frames, to_second(states))

    def walking_range(self, z: float) -> tuple[float, float]:
        left, right = self.camera.visible_range(z)
        other_left, other_right = self.second.camera.visible_range(_DEPTH - z)
        return min(left, _SHIFT - other_right), max(right, _SHIFT - other_left)


def _facing(first: SceneGeometry, second: SceneGeometry) -> _FacingCameras:
    props = list(first.props)
    for prop in second.props:
        x0, z0, x1, z1 = prop.footprint
        turned = type(prop.footprint)(_SHIFT - x1, _DEPTH - z1, _SHIFT - x0, _DEPTH - z0)
        props.append(replace(prop, footprint=turned))
    return _FacingCameras(
        camera=first.camera,
        offsets=first.offsets,
        frame_width=first.frame_width,
        frame_rate=first.frame_rate,
        crossing_x=first.crossing_x,
        props=props,
        # As near to the second camera as the nearest lane is to the first.
        far_lanes=(_DEPTH - NEAR_LANES[1], _DEPTH - NEAR_LANES[0]),
        second=second,
    )


def to_second(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn states (..., 5) of walks from coordinates of the first to those of the second camera."""
    turned = states.copy()
    turned[..., 0] = _SHIFT - states[..., 0]
    turned[..., 1] = _DEPTH - states[..., 1]
    turned[..., 2] = states[..., 2] + np.pi
    return turned
