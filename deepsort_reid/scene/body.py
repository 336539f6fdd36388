"""Body of a walking pedestrian: pose, projection into the image, and basic shapes."""

import math
from collections.abc import Sequence

import numpy as np

from deepsort_reid.scene.clothing import Person
from deepsort_reid.scene.rendering import (
    Camera,
    Colour,
    Points,
    Shape,
    capsule_outline,
    ellipse_outline,
)

# Height, half width and half depth of the trunk, in body heights.
_TRUNK = (
    (0.470, 0.086, 0.060),
    (0.530, 0.092, 0.070),
    (0.620, 0.077, 0.060),
    (0.720, 0.092, 0.068),
    (0.785, 0.102, 0.064),
    (0.818, 0.088, 0.052),
    (0.838, 0.054, 0.040),
    (0.850, 0.036, 0.034),
)
TRUNK_LEVELS = tuple(level for level, _, _ in _TRUNK)


class Body:
    """One person in one frame; lengths are in body heights unless noted.

    Args:
        person: appearance of the person.
        camera: the camera.
        x, z: position on the ground in metres.
        heading: direction of the walk in radians; 0 is to the right, pi / 2 away from the camera.
        walked: metres walked so far; sets the phase of the legs.
        speed: metres per second; sets the length of the steps.
    """

    def __init__(
        self,
        person: Person,
        camera: Camera,
        x: float,
        z: float,
        heading: float,
        walked: float,
        speed: float,
    ) -> None:
        self.person, self.camera, self.x, self.z = person, camera, x, z
        self.cos, self.sin = math.cos(heading), math.sin(heading)
        self.size = camera.scale(z) * person.height  # pixels of one body height
        self.stride = 0.36 + 0.22 * speed
        self.phase = walked / (self.stride * person.height) % 1.0
        # The hips are lowest when both feet are on the ground, half a step apart.
        self.bob = -0.015 * math.cos(4 * math.pi * (self.phase - 0.05))
        self.shapes: list[Shape] = []

    def project(self, forward: float, left: float, up: float) -> complex:
        """Project a point of the body to the image: column + 1j * row in pixels."""
        height = self.person.height
        x = self.x + height * (forward * self.cos - left * self.sin)
        z = self.z + height * (forward * self.sin + left * self.cos)
        return complex(*self.camera.pixel(x, height * up, z))

    def limb(self, start: complex, end: complex, r0: float, r1: float, colour: Colour) -> None:
        """Draw a limb between two image points, with radii in body heights."""
        self.shapes.append(
            Shape(capsule_outline(start, end, r0 * self.size, r1 * self.size), colour)
        )

    def ellipse(self, centre: complex, rx: float, ry: float, colour: Colour) -> None:
        """Draw an ellipse around an image point, with radii in body heights."""
        radii = (rx * self.size, ry * self.size)
        self.shapes.append(Shape(ellipse_outline((centre.real, centre.imag), radii), colour))

    def trunk_section(self, up: float) -> tuple[complex, float]:
        """Return centre and half width in pixels of the trunk at height `up`."""
        last = min(sum(level < up for level in TRUNK_LEVELS[1:]), len(_TRUNK) - 2)
        (low, across, deep), (high, across_high, deep_high) = _TRUNK[last : last + 2]
        fraction = (up - low) / (high - low)
        across, deep = (
            across + fraction * (across_high - across),
            deep + fraction * (deep_high - deep),
        )
        half = math.hypot(across * self.sin, deep * self.cos)
        lean = 0.05 * (up - 0.5)
        return self.project(lean, 0, up + self.bob), half * self.person.body_width * self.size


def closed_outline(sides: Sequence[tuple[complex, float]]) -> Points:
    """Return a closed outline through (centre, half width) at several heights."""
    right = [(centre.real + half, centre.imag) for centre, half in sides]
    left = [(centre.real - half, centre.imag) for centre, half in sides]
    return np.array(right + left[::-1])
