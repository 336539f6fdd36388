"""Geometry of the scene: camera, its movement, obstacles, and walks on the ground."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import FAR_KERB_Z
from deepsort_reid.scene.houses import FACADE_Z
from deepsort_reid.scene.prop_base import Prop
from deepsort_reid.scene.props import place_props
from deepsort_reid.scene.rendering import Camera


@dataclass(frozen=True, eq=False)
class Walk:
    """One walk along a path at constant speed.

    Args:
        path: points on the ground (P, 2), x and z in metres.
        start: number of the first frame; may be before the first frame of the video.
        speed: metres per frame.
    """

    path: NDArray[np.float64]
    start: int
    speed: float

    def states(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return frame numbers (F,) and states (F, 5).

        A state is x, z, heading in radians, metres walked and metres per frame.
        """
        parts = np.diff(self.path, axis=0)
        lengths = np.concatenate([[0.0], np.cumsum(np.hypot(parts[:, 0], parts[:, 1]))])
        count = math.floor(lengths[-1] / self.speed) + 1
        walked = np.arange(count) * self.speed
        x, z = (np.interp(walked, lengths, self.path[:, axis]) for axis in (0, 1))
        middles = (lengths[1:] + lengths[:-1]) / 2
        heading = np.interp(walked, middles, np.unwrap(np.arctan2(parts[:, 1], parts[:, 0])))
        return self.start + np.arange(count), np.column_stack(
            [x, z, heading, walked, np.full(count, self.speed)]
        )


@dataclass(frozen=True, kw_only=True)
class SceneGeometry:
    """Camera, camera movement and obstacles of one street."""

    camera: Camera  # its image, the panorama, covers all positions of a panning camera
    offsets: NDArray[np.float64]  # (frames + 1, 2): left and top of frame k in the panorama
    frame_width: int  # pixels
    frame_rate: float  # frames per second
    crossing_x: float  # x of the middle of the zebra crossing, metres
    props: Sequence[Prop]
    far_lanes: tuple[float, float] = (FAR_KERB_Z + 0.5, FACADE_Z - 0.7)  # z of walks, metres

    @property
    def frames(self) -> int:
        """Number of frames of the video."""
        return len(self.offsets) - 1

    def walking_range(self, z: float) -> tuple[float, float]:
        """Return the smallest and largest x in view at distance z, in metres."""
        return self.camera.visible_range(z)

    def in_view(self, frames: NDArray[np.int64], states: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for each state (F, 5) whether the person is in the image of its frame: (F,)."""
        # Before the first and after the last frame the camera stands still.
        left = self.offsets[np.clip(frames, 1, self.frames), 0]
        scale = self.camera.focal_length / states[:, 1]
        column = self.camera.centre_column + states[:, 0] * scale - left
        # Less than half the width of a body: part of the person is visible within the margin.
        margin = 0.08 * scale
        inside: NDArray[np.bool_] = (column >= -margin) & (column <= self.frame_width + margin)
        return inside


def make_geometry(
    size: tuple[int, int],
    frames: int,
    frame_rate: float,
    *,
    camera_pan: bool,
    crossing_rng: np.random.Generator,
    props_rng: np.random.Generator,
) -> SceneGeometry:
    """Set up camera, camera movement and obstacles.

    Args:
        size: width and height of a frame in pixels.
        frames: number of frames.
        frame_rate: frames per second.
        camera_pan: whether the camera turns slowly to and fro.
        crossing_rng: draws the position of the zebra crossing.
        props_rng: draws positions and appearance of the props.
    """
    width, height = size
    scale = height / 540
    margins = np.zeros(2)
    if camera_pan:
        margins = np.rint(np.array([90.0, 6.0]) * scale)
    margin_x, margin_y = margins.astype(int)
    camera = Camera(
        width=width + 2 * margin_x,
        height=height + 2 * margin_y,
        focal_length=848 * scale,
        centre_column=width / 2 + margin_x,
        horizon_row=142 * scale + margin_y,
        elevation=3.5,
    )
    seconds = (np.arange(frames + 1) - 1) / frame_rate
    turn = np.column_stack(
        [np.sin(seconds * 2 * math.pi / 15), np.sin(seconds * 2 * math.pi / 6.5)]
    )
    return SceneGeometry(
        camera=camera,
        # Whole pixels: the background moves by exactly the reported camera motion.
        offsets=np.rint(margins + margins * turn),
        frame_width=width,
        frame_rate=frame_rate,
        crossing_x=-1.2 + 0.5 * (crossing_rng.random() - 0.5),
        props=place_props(camera, props_rng),
    )
