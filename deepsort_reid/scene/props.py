"""What stands on the street and hides people who pass behind it: trees, lamps, a kiosk, a car."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import FAR_KERB, KERB, SHADOW
from deepsort_reid.scene.houses import FACADE
from deepsort_reid.scene.rendering import (
    Brush,
    Colour,
    Points,
    Sprite,
    View,
    capsule,
    hex_colour,
    oval,
    solid,
    tint,
)

_PAINT = tuple(map(hex_colour, ("b23a36", "2f5d7c", "d8d4ca", "3f6b52", "c98f2e", "4a4f57")))
_IRON = hex_colour("2f3a3c")


class Footprint(NamedTuple):
    """The part of the ground that a prop takes, in metres."""

    x0: float
    z0: float
    x1: float
    z1: float


@dataclass(frozen=True, eq=False)
class Prop:
    """Something that stands on the street.

    Args:
        sprite: how it looks from the camera.
        mask: what of it hides something.
        z: distance at which it hides what is further away.
        footprint: where nobody can walk.
        shadows: what it casts on the ground, polygons (N, 2) in pixels.
    """

    sprite: Sprite
    mask: Sprite
    z: float
    footprint: Footprint
    shadows: tuple[Points, ...]


def place_props(view: View, rng: np.random.Generator) -> list[Prop]:
    """Everything that stands on the street, at places that differ a little from seed to seed."""

    def near(x: float, spread: float = 0.5) -> float:
        return x + spread * (2 * rng.random() - 1)

    paint = [_PAINT[i] for i in np.argsort(rng.random(len(_PAINT)))]
    props = [
        _tree(view, near(-4.7, 0.3), KERB - 0.55, 4.9, 1.65, rng),
        _tree(view, near(5.6, 0.3), FAR_KERB + 0.75, 4.0, 1.15, rng),
        _tree(view, near(-4.1, 0.3), FAR_KERB + 0.75, 4.2, 1.25, rng),
        _lamp(view, near(0.6, 0.2), KERB - 0.6),
        _lamp(view, near(5.5, 0.3), KERB - 0.6),
        _lamp(view, near(-8.6, 0.3), FAR_KERB + 0.6),
        _lamp(view, near(2.4, 0.3), FAR_KERB + 0.6),
        _column(view, near(2.1, 0.3), KERB - 1.5, paint),
        _shelter(view, near(-6.6, 0.2), FAR_KERB + 1.5),
        _kiosk(view, near(8.3, 0.3), FACADE - 1.1, paint[0]),
        _car(view, near(4.1, 0.3), FAR_KERB - 0.85, paint[1]),
        _planter(view, near(-3.3, 0.2), KERB - 0.65, rng),
    ]
    # In a narrow picture some stand outside of it.
    return sorted((prop for prop in props if prop.sprite.image.size), key=lambda prop: -prop.z)


def _prop(view: View, brush: Brush, z: float, footprint: Footprint, shadows: list[Points]) -> Prop:
    sprite = brush.sprite()
    return Prop(sprite, solid(sprite), z, footprint, tuple(shadows))


def _brush(view: View) -> Brush:
    return Brush(view.width, view.height, opaque=False)


def _shadow(view: View, x: float, z: float, radius: float, low: float, high: float) -> Points:
    """The shadow of an upright post of one radius between two heights."""
    start = (x + SHADOW[0] * low, z + SHADOW[1] * low)
    end = (x + SHADOW[0] * high, z + SHADOW[1] * high)
    outline = capsule(complex(*start), complex(*end), radius, radius)
    return view.points(np.column_stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]]))


def _tree(
    view: View, x: float, z: float, tall: float, radius: float, rng: np.random.Generator
) -> Prop:
    brush, scale = _brush(view), view.scale(z)
    bark = hex_colour("6e5645")
    foot, fork = (
        complex(*view.point(x, 0, z)),
        complex(*view.point(x + 0.05, tall - radius * 0.6, z)),
    )
    brush.polygon(capsule(foot, fork, 0.16 * scale, 0.10 * scale), bark)
    brush.polygon(
        capsule(foot + 0.06 * scale, fork + 0.03 * scale, 0.08 * scale, 0.05 * scale),
        tint(bark, 0.8),
    )
    for side in (-1, 1):
        tip = complex(*view.point(x + side * radius * 0.45, tall - radius * 0.1, z))
        brush.polygon(capsule(fork + 0.2j * scale, tip, 0.07 * scale, 0.03 * scale), bark)
    leaves = [hex_colour(text) for text in ("47683f", "557a47", "688f50", "82a65c", "9dbb6b")]
    for layer, colour in enumerate(leaves):
        spread = radius * (0.86 - 0.09 * layer)
        for _ in range(40):
            turn, far = 2 * math.pi * rng.random(), math.sqrt(rng.random()) * spread
            px = x + far * math.cos(turn) - 0.10 * radius * layer
            py = tall + 0.86 * far * math.sin(turn) + 0.09 * radius * layer
            size = radius * (0.20 - 0.022 * layer) * (0.7 + 0.6 * rng.random()) * scale
            brush.ellipse(
                view.point(px, py, z), (size, size * 0.85), tint(colour, 0.96 + 0.08 * rng.random())
            )
    shadows = [_shadow(view, x, z, 0.16, 0, tall - radius)]
    for _ in range(14):
        dx, dh = radius * (rng.random() - 0.5) * 1.5, tall + radius * (rng.random() - 0.5) * 1.5
        blot = (x + dx + SHADOW[0] * dh, z + SHADOW[1] * dh)
        outline = oval(blot, (0.34 * radius, 0.24 * radius))
        shadows.append(
            view.points(np.column_stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]]))
        )
    return _prop(view, brush, z, Footprint(x - 0.3, z - 0.3, x + 0.3, z + 0.3), shadows)


def _lamp(view: View, x: float, z: float) -> Prop:
    brush, scale = _brush(view), view.scale(z)
    brush.polygon(view.front(x - 0.13, 0, x + 0.13, 0.75, z), _IRON)
    brush.polygon(view.front(x - 0.17, 0, x + 0.17, 0.14, z), tint(_IRON, 0.8))
    brush.polygon(view.front(x - 0.055, 0.7, x + 0.055, 3.55, z), _IRON)
    brush.polygon(view.front(x - 0.035, 0.7, x - 0.01, 3.55, z), tint(_IRON, 1.3))
    for y in (0.78, 2.5, 3.5):
        brush.polygon(view.front(x - 0.09, y, x + 0.09, y + 0.07, z), tint(_IRON, 1.15))
    lantern = [(x - 0.13, 3.6), (x + 0.13, 3.6), (x + 0.22, 4.1), (x - 0.22, 4.1)]
    brush.polygon(view.points([(a, b, z) for a, b in lantern]), hex_colour("f3e9c8"))
    brush.polygon(view.front(x - 0.015, 3.6, x + 0.015, 4.1, z), _IRON)
    hood = [(x - 0.28, 4.1), (x + 0.28, 4.1), (x + 0.06, 4.36), (x - 0.06, 4.36)]
    brush.polygon(view.points([(a, b, z) for a, b in hood]), _IRON)
    brush.ellipse(view.point(x, 4.42, z), (0.05 * scale, 0.06 * scale), _IRON)
    shadows = [_shadow(view, x, z, 0.07, 0, 4.3), _shadow(view, x, z, 0.2, 3.7, 4.2)]
    return _prop(view, brush, z, Footprint(x - 0.15, z - 0.15, x + 0.15, z + 0.15), shadows)


def _column(view: View, x: float, z: float, paint: list[Colour]) -> Prop:
    """An advertising column."""
    brush, scale, half = _brush(view), view.scale(z), 0.56
    flat = view.eye / z  # how round the foot looks from the height of the camera
    brush.ellipse(view.point(x, 0, z), (0.62 * scale, 0.62 * scale * flat), hex_colour("7d7a70"))
    brush.polygon(view.front(x - 0.62, 0, x + 0.62, 0.34, z), hex_colour("8d897d"))
    brush.polygon(view.front(x - half, 0.3, x + half, 2.55, z), hex_colour("e9e2d0"))
    posters = (
        (-0.54, -0.12, 1.25, 2.4, 0),
        (-0.54, -0.12, 0.42, 1.17, 2),
        (-0.07, 0.36, 0.42, 1.62, 1),
    )
    for left, right, low, high, colour in (
        *posters,
        (-0.07, 0.36, 1.7, 2.4, 3),
        (0.40, 0.55, 0.5, 2.3, 4),
    ):
        brush.polygon(view.front(x + left, low, x + right, high, z), paint[colour])
        middle, wide = x + (left + right) / 2, (right - left) / 2
        brush.ellipse(
            view.point(middle, low + 0.62 * (high - low), z),
            (wide * 0.6 * scale, wide * 0.6 * scale),
            tint(paint[(colour + 2) % len(paint)], 1.3),
        )
        for row in (0.12, 0.22):
            bar = low + row * (high - low)
            brush.polygon(
                view.front(middle - wide * 0.7, bar, middle + wide * 0.6, bar + 0.04, z),
                hex_colour("f5efdf"),
            )
    for i in range(14):
        share = i / 13
        dark = 0.42 * max(0.0, share - 0.35) ** 1.3 + 0.16 * max(0.0, 0.22 - share)
        across = (x - half + 2 * half * i / 14, x - half + 2 * half * (i + 1) / 14)
        strip = view.front(across[0], 0.3, across[1], 2.55, z)
        brush.shade(strip, 1 - dark, 1 - dark)
    green = hex_colour("35554b")
    brush.polygon(view.front(x - 0.68, 2.5, x + 0.68, 2.72, z), green)
    brush.polygon(view.front(x - 0.68, 2.66, x + 0.68, 2.72, z), tint(green, 1.3))
    roof = [
        (x - 0.62, 2.72),
        (x + 0.62, 2.72),
        (x + 0.4, 3.02),
        (x + 0.1, 3.2),
        (x - 0.1, 3.2),
        (x - 0.4, 3.02),
    ]
    brush.polygon(view.points([(a, b, z) for a, b in roof]), tint(green, 1.12))
    brush.ellipse(view.point(x, 3.26, z), (0.09 * scale, 0.09 * scale), hex_colour("d9b96a"))
    shadows = [_shadow(view, x, z, 0.6, 0, 2.9)]
    return _prop(view, brush, z, Footprint(x - 0.62, z - 0.62, x + 0.62, z + 0.62), shadows)


def _shelter(view: View, x: float, z: float) -> Prop:
    """A bus stop: people behind its glass are seen, those behind the poster are not."""
    brush, half = _brush(view), 1.9
    steel, glass = hex_colour("3c4648"), hex_colour("b9d3d6")
    brush.polygon(view.front(x - half, 0.25, x + half, 2.3, z), glass, 0.30)
    brush.polygon(view.front(x + half - 1.15, 0.2, x + half, 2.25, z), steel)
    poster = view.front(x + half - 1.07, 0.3, x + half - 0.08, 2.17, z)
    brush.polygon(poster, hex_colour("e9b44c"))
    brush.shade(poster, 1.1, 0.88)
    centre = view.point(x + half - 0.57, 1.45, z)
    brush.ellipse(centre, (0.3 * view.scale(z), 0.3 * view.scale(z)), hex_colour("c4473a"))
    for row in (0.55, 0.75):
        brush.polygon(
            view.front(x + half - 0.95, row, x + half - 0.25, row + 0.08, z), hex_colour("3a3330")
        )
    brush.polygon(view.front(x - half + 0.2, 0.45, x + half - 1.35, 0.53, z), hex_colour("a9794e"))
    for post in (x - half, x - half + 1.25, x + half):
        brush.polygon(view.front(post - 0.04, 0, post + 0.04, 2.35, z), steel)
    for leg in (x - half + 0.4, x + half - 1.6):
        brush.polygon(view.front(leg, 0, leg + 0.05, 0.46, z), steel)
    roof = [
        (x - half - 0.2, 2.42, z),
        (x + half + 0.2, 2.42, z),
        (x + half + 0.2, 2.32, z - 1.2),
        (x - half - 0.2, 2.32, z - 1.2),
    ]
    brush.polygon(view.points(roof), tint(steel, 1.35))
    brush.polygon(
        view.front(x - half - 0.2, 2.22, x + half + 0.2, 2.33, z - 1.2), hex_colour("2f6f73")
    )
    sign = x - half - 0.75
    brush.polygon(view.front(sign - 0.03, 0, sign + 0.03, 2.75, z), steel)
    brush.ellipse(view.point(sign, 2.75, z), (0.24 * view.scale(z),) * 2, hex_colour("e6b23a"))
    brush.ellipse(view.point(sign, 2.75, z), (0.17 * view.scale(z),) * 2, hex_colour("2f6f73"))
    corners = [(x - half, 0, z), (x + half, 0, z)]
    far = [(a + SHADOW[0] * 2.4, 0, z + SHADOW[1] * 2.4) for a, _, _ in reversed(corners)]
    footprint = Footprint(x - half - 0.8, z - 0.3, x + half + 0.1, z + 0.2)
    return _prop(view, brush, z, footprint, [view.points(corners + far)])


def _kiosk(view: View, x: float, z: float, paint: Colour) -> Prop:
    brush, half = _brush(view), 1.15
    body = view.front(x - half, 0, x + half, 2.35, z)
    brush.polygon(body, paint)
    brush.shade(body, 1.08, 0.9)
    brush.polygon(view.front(x - half, 0, x + half, 0.2, z), tint(paint, 0.6))
    for i in range(6):
        seam = x - half + 0.08 + 0.4 * i
        brush.polygon(view.front(seam, 0.25, seam + 0.025, 0.98, z), tint(paint, 0.8))
    brush.polygon(view.front(x - half + 0.18, 1.02, x + half - 0.18, 1.95, z), hex_colour("2d3638"))
    for i, text in enumerate(("efe6d5", "d36c3a", "e6b23a", "c8d3d8", "9fb45c", "efe6d5")):
        left = x - half + 0.28 + 0.31 * i
        brush.polygon(
            view.front(left, 1.06, left + 0.22, 1.34 + 0.05 * (i % 2), z), hex_colour(text)
        )
    brush.polygon(view.front(x - half + 0.1, 0.96, x + half - 0.1, 1.05, z), hex_colour("b58d5c"))
    edges = np.linspace(x - half - 0.1, x + half + 0.1, 10)
    for i, (a, b) in enumerate(pairwise(edges)):
        cloth = hex_colour("f4efe4") if i % 2 == 0 else tint(paint, 1.1)
        drop = [(a, 2.35, z), (b, 2.35, z), (b, 1.95, z - 0.7), (a, 1.95, z - 0.7)]
        brush.polygon(view.points(drop), cloth)
        radius = float(b - a) / 2 * view.scale(z - 0.7)
        brush.ellipse(
            view.point(float(a + b) / 2, 1.95, z - 0.7), (radius, radius * 0.9), tint(cloth, 0.88)
        )
    brush.polygon(view.front(x - half - 0.15, 2.33, x + half + 0.15, 2.62, z), tint(paint, 0.75))
    for i in range(6):
        left = x - 0.72 + 0.25 * i
        brush.polygon(view.front(left, 2.40, left + 0.15, 2.55, z), hex_colour("f0dfae"))
    corners = [(x - half, 0, z), (x + half, 0, z)]
    far = [(a + SHADOW[0] * 2.5, 0, z + SHADOW[1] * 2.5 + 0.6) for a, _, _ in reversed(corners)]
    footprint = Footprint(x - half, z - 0.5, x + half, z + 0.9)
    return _prop(view, brush, z, footprint, [view.points(corners + far)])


def _car(view: View, x: float, z: float, paint: Colour) -> Prop:
    """A small car parked at the far kerb, seen from its side."""
    brush, scale = _brush(view), view.scale(z)

    def side(outline: list[tuple[float, float]]) -> Points:
        return view.points([(x + a, b, z) for a, b in outline])

    for wheel in (-1.22, 1.25):
        brush.ellipse(
            view.point(x + wheel, 0.31, z), (0.33 * scale, 0.33 * scale), hex_colour("17181a")
        )
    body = [
        (-1.95, 0.30),
        (-1.98, 0.62),
        (-1.9, 0.86),
        (-1.25, 0.95),
        (1.55, 0.97),
        (1.9, 0.85),
        (1.98, 0.55),
        (1.95, 0.30),
    ]
    cabin = [(-1.28, 0.93), (-0.72, 1.38), (-0.45, 1.45), (0.62, 1.46), (0.95, 1.40), (1.62, 0.95)]
    brush.polygon(side(cabin), tint(paint, 0.92))
    brush.polygon(side(body), paint)
    brush.shade(side(body), 1.22, 0.72)
    front = [(-1.12, 0.95), (-0.65, 1.32), (0.02, 1.37), (0.02, 0.96)]
    back = [(0.10, 0.96), (0.10, 1.37), (0.62, 1.37), (0.88, 1.31), (1.32, 0.97)]
    for pane in (front, back):
        brush.polygon(side(pane), hex_colour("4d636d"))
        brush.shade(side(pane), 1.5, 0.9)
    for seam in (-0.02, 1.02):
        brush.polygon(view.front(x + seam, 0.36, x + seam + 0.02, 0.95, z), tint(paint, 0.65))
    brush.polygon(view.front(x - 0.3, 0.80, x - 0.1, 0.83, z), tint(paint, 1.6))
    brush.polygon(view.front(x - 1.9, 0.30, x + 1.9, 0.38, z), hex_colour("26282b"))
    brush.ellipse(view.point(x - 1.88, 0.70, z), (0.09 * scale, 0.08 * scale), hex_colour("fff3cf"))
    brush.polygon(view.front(x + 1.84, 0.62, x + 1.96, 0.80, z), hex_colour("b3262a"))
    for wheel in (-1.22, 1.25):
        centre = view.point(x + wheel, 0.31, z)
        brush.polygon(
            np.minimum(oval(centre, (0.40 * scale, 0.40 * scale)), [np.inf, centre[1]]),
            hex_colour("202225"),
        )
        brush.ellipse(centre, (0.31 * scale, 0.31 * scale), hex_colour("1b1c1e"))
        brush.ellipse(centre, (0.19 * scale, 0.19 * scale), hex_colour("b7bbbf"))
        brush.ellipse(centre, (0.07 * scale, 0.07 * scale), hex_colour("6d7276"))
    ground = view.ground(x - 1.9, z - 0.05, x + 2.5, z + 1.2)
    return _prop(view, brush, z, Footprint(x - 2.0, z - 0.2, x + 2.0, z + 1.5), [ground])


def _planter(view: View, x: float, z: float, rng: np.random.Generator) -> Prop:
    brush, scale = _brush(view), view.scale(z)
    stone = hex_colour("9a9488")
    tub = [(x - 0.62, 0.55), (x + 0.62, 0.55), (x + 0.52, 0.0), (x - 0.52, 0.0)]
    outline: NDArray[np.float64] = view.points([(a, b, z) for a, b in tub])
    for colour in ("4b6e42", "5d8550", "78a05e"):
        for _ in range(16):
            centre = view.point(x + 1.05 * (rng.random() - 0.5), 0.58 + 0.34 * rng.random(), z)
            size = (0.08 + 0.06 * rng.random()) * scale
            brush.ellipse(centre, (size, size), hex_colour(colour))
    for colour in ("e26a7c", "f2c14e", "f5efe4", "d9534a"):
        for _ in range(6):
            centre = view.point(x + 1.1 * (rng.random() - 0.5), 0.66 + 0.30 * rng.random(), z)
            brush.ellipse(centre, (0.04 * scale, 0.04 * scale), hex_colour(colour))
    brush.polygon(outline, stone)
    brush.shade(outline, 1.12, 0.82)
    brush.polygon(view.front(x - 0.66, 0.50, x + 0.66, 0.60, z), tint(stone, 1.2))
    shadows = [_shadow(view, x - 0.3, z, 0.3, 0, 0.8), _shadow(view, x + 0.3, z, 0.3, 0, 0.8)]
    return _prop(view, brush, z, Footprint(x - 0.66, z - 0.3, x + 0.66, z + 0.3), shadows)
