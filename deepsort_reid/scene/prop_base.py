"""Objects on the street that occlude pedestrians: type, shadow and shared helpers."""

from dataclasses import dataclass
from typing import NamedTuple

from deepsort_reid.scene.backdrop import SHADOW_OFFSET
from deepsort_reid.scene.rendering import (
    Camera,
    Canvas,
    Points,
    Sprite,
    capsule_outline,
    opaque_mask,
)


class Footprint(NamedTuple):
    """Area of the ground under a prop: x and z in metres."""

    x0: float
    z0: float
    x1: float
    z1: float


@dataclass(frozen=True, eq=False)
class Prop:
    """A static object on the street.

    Args:
        sprite: its image.
        mask: 255 where it occludes objects behind it, (H, W).
        z: distance from the camera in metres; objects further away are occluded.
        footprint: area of the ground that walks avoid.
        shadows: shadows on the ground, polygons (N, 2) in pixels.
    """

    sprite: Sprite
    mask: Sprite
    z: float
    footprint: Footprint
    shadows: tuple[Points, ...]


def make_prop(canvas: Canvas, z: float, footprint: Footprint, shadows: list[Points]) -> Prop:
    """Make a prop of a finished drawing; arguments as for `Prop`."""
    sprite = canvas.to_sprite()
    return Prop(sprite, opaque_mask(sprite), z, footprint, tuple(shadows))


def new_canvas(camera: Camera) -> Canvas:
    """Return a transparent canvas of the size of the camera's image."""
    return Canvas(camera.width, camera.height, opaque=False)


def post_shadow(
    camera: Camera, x: float, z: float, radius: float, low: float, high: float
) -> Points:
    """Return the shadow polygon of the part of an upright post between two heights."""
    start = (x + SHADOW_OFFSET[0] * low, z + SHADOW_OFFSET[1] * low)
    end = (x + SHADOW_OFFSET[0] * high, z + SHADOW_OFFSET[1] * high)
    outline = capsule_outline(complex(*start), complex(*end), radius, radius)
    return camera.ground_pixels(outline)
