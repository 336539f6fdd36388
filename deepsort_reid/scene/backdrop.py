"""What stands still behind the people: sky, houses, pavements, the road and its markings.

Distances from the camera in metres: promenade up to `KERB`, road up to `FAR_KERB`, pavement up to
the houses at `FACADE`.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.houses import FACADE, draw_houses
from deepsort_reid.scene.rendering import Brush, Colour, Image, View, hex_colour, oval, tint

NEAREST = 6.4
KERB = 11.0
FAR_KERB = 16.0
ZEBRA_WIDTH = 2.8
# Where the shadow of something one metre tall ends: the sun is behind the camera, to the left.
SHADOW = (0.55, 0.30)


def draw_backdrop(view: View, zebra: float, rng: np.random.Generator) -> Image:
    """The whole picture without people and props, BGR (view.height, view.width, 3).

    Args:
        view: the camera; the picture covers all of its width and height.
        zebra: x of the middle of the zebra crossing, in metres.
        rng: decides which houses stand there.
    """
    brush = Brush(view.width, view.height, opaque=True)
    _sky(brush, view, rng)
    _skyline(brush, view, rng)
    draw_houses(brush, view, rng)
    _pavement(brush, view, rng)
    _road(brush, view, zebra)
    _promenade(brush, view, rng)
    picture = brush.picture()
    return _grain(picture, view, rng)


def _sky(brush: Brush, view: View, rng: np.random.Generator) -> None:
    height, width = brush.image.shape[:2]
    horizon = int(2 * view.horizon)
    share = np.clip(np.arange(height) / horizon, 0, 1)[:, None, None]
    top, bottom = np.array(hex_colour("8fbfe0")), np.array(hex_colour("eef3ee"))
    brush.image[:] = np.rint(top + (bottom - top) * share**0.8).astype(np.uint8)
    clouds = np.zeros((height // 8, width // 8), dtype=np.uint8)
    for _ in range(7):
        x, y = rng.random() * clouds.shape[1], (0.02 + 0.22 * rng.random()) * horizon / 8
        for _ in range(7):
            dx, dy = 26 * (rng.random() - 0.5), 5 * (rng.random() - 0.5)
            radii = (5 + 9 * rng.random(), 1.5 + 2.5 * rng.random())
            puff = np.rint(oval((x + dx, y + dy), radii)).astype(np.int32)
            cv2.fillPoly(clouds, [puff], 210.0)
    soft = cv2.resize(cv2.GaussianBlur(clouds, (0, 0), 2.0), (width, height))[:, :, None] / 255.0
    white = np.array(hex_colour("fffdf8"))
    brush.image[:] = np.rint(brush.image + (white - brush.image) * soft).astype(np.uint8)


def _skyline(brush: Brush, view: View, rng: np.random.Generator) -> None:
    """Trees and a church far behind the houses, pale from the air between."""
    left, right = view.reach(60.0)
    church = left + (right - left) * (0.25 + 0.5 * rng.random())
    stone = hex_colour("c3ccd0")
    brush.polygon(view.front(church - 1.5, 0, church + 1.5, 12.4, 60.0), stone)
    brush.polygon(view.front(church - 0.4, 10.2, church + 0.4, 11.6, 60.0), hex_colour("98a7ae"))
    spire = [(church - 1.8, 12.4, 60.0), (church + 1.8, 12.4, 60.0), (church, 15.9, 60.0)]
    brush.polygon(view.points(spire), hex_colour("a9b7bd"))
    for green, z, tall in (("b7c8b4", 55.0, 7.5), ("9db894", 40.0, 5.0)):
        low, high = view.reach(z)
        for x in np.arange(low, high, 1.9):
            radius = 2.0 + 1.3 * rng.random()
            centre = view.point(float(x), tall * (0.6 + 0.4 * rng.random()), z)
            pixels = radius * view.scale(z)
            brush.ellipse(
                centre, (pixels, pixels * 0.9), tint(hex_colour(green), 0.96 + 0.08 * rng.random())
            )
        brush.polygon(view.front(low, 0, high, tall * 0.7, z), hex_colour(green))


def _pavement(brush: Brush, view: View, rng: np.random.Generator) -> None:
    """The far pavement with its slabs and its kerb."""
    left, right = view.reach(FACADE)
    stone = hex_colour("bdb7ab")
    brush.polygon(view.ground(left, FAR_KERB, right, FACADE), tint(stone, 0.88))
    _slabs(brush, view, (FAR_KERB + 0.3, FACADE, 0.95), stone, rng)
    near_wall = view.ground(left, FACADE - 0.9, right, FACADE)
    brush.shade(near_wall, 0.84, 1.0)
    brush.polygon(view.ground(left, FAR_KERB, right, FAR_KERB + 0.3), hex_colour("d3cec3"))
    kerb = [
        (left, 0.13, FAR_KERB),
        (right, 0.13, FAR_KERB),
        (right, 0, FAR_KERB),
        (left, 0, FAR_KERB),
    ]
    step = np.array([0, 0.13 * view.scale(FAR_KERB)])
    brush.polygon(view.points(kerb) + step, hex_colour("8f8a80"))


def _road(brush: Brush, view: View, zebra: float) -> None:
    left, right = view.reach(FAR_KERB)
    road = view.ground(left, KERB, right, FAR_KERB - 0.35)
    brush.polygon(road, hex_colour("74767b"))
    brush.shade(road, 1.1, 0.95)
    white = hex_colour("e9e7df")
    gutter = view.ground(left, FAR_KERB - 0.55, right, FAR_KERB - 0.35)
    brush.polygon(gutter, hex_colour("5f6064"), 0.6)
    middle = (KERB + FAR_KERB) / 2
    half = ZEBRA_WIDTH / 2
    for x in np.arange(-30.0, 30.0, 3.0):
        start, end = float(x) - 0.75, float(x) + 0.75
        if end < zebra - half - 0.8 or start > zebra + half + 0.8:
            brush.polygon(view.ground(start, middle - 0.08, end, middle + 0.08), white, 0.9)
    for z in np.arange(KERB + 0.35, FAR_KERB - 0.8, 0.92):
        brush.polygon(
            view.ground(zebra - half, float(z), zebra + half, float(z) + 0.5), white, 0.92
        )
    for x in (zebra - half - 0.75, zebra + half + 0.45):
        brush.polygon(view.ground(x, KERB + 0.2, x + 0.3, FAR_KERB - 0.6), white, 0.75)
    hole = view.point(zebra + 4.4, 0, KERB + 1.3)
    size = view.scale(KERB + 1.3)
    brush.ellipse(hole, (0.38 * size, 0.38 * size * view.eye / (KERB + 1.3)), hex_colour("55575b"))
    brush.ellipse(hole, (0.32 * size, 0.32 * size * view.eye / (KERB + 1.3)), hex_colour("66686c"))


def _promenade(brush: Brush, view: View, rng: np.random.Generator) -> None:
    left, right = view.reach(KERB)
    stone = hex_colour("cdbfa9")
    brush.polygon(view.ground(left, NEAREST, right, KERB), tint(stone, 0.80))
    _slabs(brush, view, (NEAREST, KERB - 0.35, 0.62), stone, rng)
    brush.polygon(view.ground(left, KERB - 0.35, right, KERB), hex_colour("ddd6c9"))
    for x in np.arange(math.floor(left), right, 1.2):
        brush.polygon(
            view.ground(float(x), KERB - 0.35, float(x) + 0.02, KERB), hex_colour("a9a194")
        )
    brush.polygon(view.ground(left, KERB - 0.38, right, KERB - 0.35), hex_colour("9d9484"))


def _slabs(
    brush: Brush,
    view: View,
    rows: tuple[float, float, float],
    stone: Colour,
    rng: np.random.Generator,
) -> None:
    """Stones in rows from one distance to another, of one size, each with a tone of its own."""
    start, end, size = rows
    left, right = view.reach(end)
    for row, z in enumerate(np.arange(start, end, size)):
        far = min(float(z) + size, end)
        for x in np.arange(left - (row % 2) * size * 0.75, right, size * 1.5):
            tone = tint(stone, 0.955 + 0.07 * rng.random())
            gap = 0.014
            slab = view.ground(
                float(x) + gap, float(z) + gap, float(x) + size * 1.5 - gap, far - gap
            )
            if slab[:, 0].max() >= 0 and slab[:, 0].min() <= view.width:
                brush.polygon(slab, tone)


def _grain(picture: Image, view: View, rng: np.random.Generator) -> Image:
    """The roughness of stone and plaster: a static texture, finer further away."""
    height, width = picture.shape[:2]
    fine = rng.random((height, width)) - 0.5
    coarse = cv2.resize(rng.random((height // 12 + 1, width // 24 + 1)) - 0.5, (width, height))
    ground = np.clip((np.arange(height) - view.horizon) / (height - view.horizon), 0, 1)[:, None]
    texture = 1 + fine * (0.03 + 0.035 * ground) + coarse * (0.01 + 0.05 * ground)
    rough: NDArray[np.float64] = picture * texture[:, :, None]
    return np.clip(np.rint(rough), 0, 255).astype(np.uint8)
