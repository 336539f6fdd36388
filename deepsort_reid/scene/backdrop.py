"""Static background of the street: sky, houses, pavements, the road and its markings.

Distances from the camera are in metres: the promenade ends at `KERB_Z`, the road at `FAR_KERB_Z`
and the far pavement at the houses, `FACADE_Z`.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.houses import FACADE_Z, draw_houses
from deepsort_reid.scene.rendering import (
    Camera,
    Canvas,
    Colour,
    Image,
    ellipse_outline,
    hex_colour,
    tint,
)

NEAR_EDGE_Z = 6.4  # metres; nearest ground that is drawn
KERB_Z = 11.0
FAR_KERB_Z = 16.0
CROSSING_WIDTH = 2.8
# End of the shadow (x, z) per metre of height: the sun is behind the camera, to the left.
SHADOW_OFFSET = (0.55, 0.30)


def draw_backdrop(camera: Camera, crossing_x: float, rng: np.random.Generator) -> Image:
    """Draw the street without pedestrians and props: BGR uint8 (camera.height, camera.width, 3).

    Args:
        camera: the camera; the image has its width and height.
        crossing_x: x of the middle of the zebra crossing, in metres.
        rng: chooses houses, clouds, trees and stones.
    """
    canvas = Canvas(camera.width, camera.height, opaque=True)
    _sky(canvas, camera, rng)
    _skyline(canvas, camera, rng)
    draw_houses(canvas, camera, rng)
    _pavement(canvas, camera, rng)
    _road(canvas, camera, crossing_x)
    _promenade(canvas, camera, rng)
    image = canvas.to_image()
    return _add_texture(image, camera, rng)


def _sky(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    height, width = canvas.image.shape[:2]
    horizon = int(2 * camera.horizon_row)
    fraction = np.clip(np.arange(height) / horizon, 0, 1)[:, None, None]
    top, bottom = np.array(hex_colour("8fbfe0")), np.array(hex_colour("eef3ee"))
    canvas.image[:] = np.rint(top + (bottom - top) * fraction**0.8).astype(np.uint8)
    clouds = np.zeros((height // 8, width // 8), dtype=np.uint8)
    for _ in range(7):
        x, y = rng.random() * clouds.shape[1], (0.02 + 0.22 * rng.random()) * horizon / 8
        for _ in range(7):
            dx, dy = 26 * (rng.random() - 0.5), 5 * (rng.random() - 0.5)
            radii = (5 + 9 * rng.random(), 1.5 + 2.5 * rng.random())
            puff = np.rint(ellipse_outline((x + dx, y + dy), radii)).astype(np.int32)
            cv2.fillPoly(clouds, [puff], 210.0)
    soft = cv2.resize(cv2.GaussianBlur(clouds, (0, 0), 2.0), (width, height))[:, :, None] / 255.0
    white = np.array(hex_colour("fffdf8"))
    canvas.image[:] = np.rint(canvas.image + (white - canvas.image) * soft).astype(np.uint8)


def _skyline(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Draw trees and a church far behind the houses, in pale colours."""
    left, right = camera.visible_range(60.0)
    church = left + (right - left) * (0.25 + 0.5 * rng.random())
    stone = hex_colour("c3ccd0")
    canvas.polygon(camera.upright(church - 1.5, 0, church + 1.5, 12.4, 60.0), stone)
    canvas.polygon(
        camera.upright(church - 0.4, 10.2, church + 0.4, 11.6, 60.0), hex_colour("98a7ae")
    )
    spire = [(church - 1.8, 12.4, 60.0), (church + 1.8, 12.4, 60.0), (church, 15.9, 60.0)]
    canvas.polygon(camera.pixels(spire), hex_colour("a9b7bd"))
    for green, z, height in (("b7c8b4", 55.0, 7.5), ("9db894", 40.0, 5.0)):
        low, high = camera.visible_range(z)
        for x in np.arange(low, high, 1.9):
            radius = 2.0 + 1.3 * rng.random()
            centre = camera.pixel(float(x), height * (0.6 + 0.4 * rng.random()), z)
            pixels = radius * camera.scale(z)
            canvas.ellipse(
                centre, (pixels, pixels * 0.9), tint(hex_colour(green), 0.96 + 0.08 * rng.random())
            )
        canvas.polygon(camera.upright(low, 0, high, height * 0.7, z), hex_colour(green))


def _pavement(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Draw the far pavement with its slabs and its kerb."""
    left, right = camera.visible_range(FACADE_Z)
    stone = hex_colour("bdb7ab")
    canvas.polygon(camera.ground(left, FAR_KERB_Z, right, FACADE_Z), tint(stone, 0.88))
    _slabs(canvas, camera, (FAR_KERB_Z + 0.3, FACADE_Z, 0.95), stone, rng)
    near_wall = camera.ground(left, FACADE_Z - 0.9, right, FACADE_Z)
    canvas.shade(near_wall, 0.84, 1.0)
    canvas.polygon(camera.ground(left, FAR_KERB_Z, right, FAR_KERB_Z + 0.3), hex_colour("d3cec3"))
    kerb = [
        (left, 0.13, FAR_KERB_Z),
        (right, 0.13, FAR_KERB_Z),
        (right, 0, FAR_KERB_Z),
        (left, 0, FAR_KERB_Z),
    ]
    step = np.array([0, 0.13 * camera.scale(FAR_KERB_Z)])
    canvas.polygon(camera.pixels(kerb) + step, hex_colour("8f8a80"))


def _road(canvas: Canvas, camera: Camera, crossing_x: float) -> None:
    left, right = camera.visible_range(FAR_KERB_Z)
    road = camera.ground(left, KERB_Z, right, FAR_KERB_Z - 0.35)
    canvas.polygon(road, hex_colour("74767b"))
    canvas.shade(road, 1.1, 0.95)
    white = hex_colour("e9e7df")
    gutter = camera.ground(left, FAR_KERB_Z - 0.55, right, FAR_KERB_Z - 0.35)
    canvas.polygon(gutter, hex_colour("5f6064"), 0.6)
    middle = (KERB_Z + FAR_KERB_Z) / 2
    half = CROSSING_WIDTH / 2
    for x in np.arange(-30.0, 30.0, 3.0):
        start, end = float(x) - 0.75, float(x) + 0.75
        if end < crossing_x - half - 0.8 or start > crossing_x + half + 0.8:
            canvas.polygon(camera.ground(start, middle - 0.08, end, middle + 0.08), white, 0.9)
    for z in np.arange(KERB_Z + 0.35, FAR_KERB_Z - 0.8, 0.92):
        canvas.polygon(
            camera.ground(crossing_x - half, float(z), crossing_x + half, float(z) + 0.5),
            white,
            0.92,
        )
    for x in (crossing_x - half - 0.75, crossing_x + half + 0.45):
        canvas.polygon(camera.ground(x, KERB_Z + 0.2, x + 0.3, FAR_KERB_Z - 0.6), white, 0.75)
    manhole = camera.pixel(crossing_x + 4.4, 0, KERB_Z + 1.3)
    size = camera.scale(KERB_Z + 1.3)
    canvas.ellipse(
        manhole,
        (0.38 * size, 0.38 * size * camera.elevation / (KERB_Z + 1.3)),
        hex_colour("55575b"),
    )
    canvas.ellipse(
        manhole,
        (0.32 * size, 0.32 * size * camera.elevation / (KERB_Z + 1.3)),
        hex_colour("66686c"),
    )


def _promenade(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    left, right = camera.visible_range(KERB_Z)
    stone = hex_colour("cdbfa9")
    canvas.polygon(camera.ground(left, NEAR_EDGE_Z, right, KERB_Z), tint(stone, 0.80))
    _slabs(canvas, camera, (NEAR_EDGE_Z, KERB_Z - 0.35, 0.62), stone, rng)
    canvas.polygon(camera.ground(left, KERB_Z - 0.35, right, KERB_Z), hex_colour("ddd6c9"))
    for x in np.arange(math.floor(left), right, 1.2):
        canvas.polygon(
            camera.ground(float(x), KERB_Z - 0.35, float(x) + 0.02, KERB_Z), hex_colour("a9a194")
        )
    canvas.polygon(camera.ground(left, KERB_Z - 0.38, right, KERB_Z - 0.35), hex_colour("9d9484"))


def _slabs(
    canvas: Canvas,
    camera: Camera,
    rows: tuple[float, float, float],
    stone: Colour,
    rng: np.random.Generator,
) -> None:
    """Draw slabs of a random tone; `rows` is (start z, end z, slab size) in metres."""
    start, end, size = rows
    left, right = camera.visible_range(end)
    for row, z in enumerate(np.arange(start, end, size)):
        far = min(float(z) + size, end)
        for x in np.arange(left - (row % 2) * size * 0.75, right, size * 1.5):
            tone = tint(stone, 0.955 + 0.07 * rng.random())
            gap = 0.014
            slab = camera.ground(
                float(x) + gap, float(z) + gap, float(x) + size * 1.5 - gap, far - gap
            )
            if slab[:, 0].max() >= 0 and slab[:, 0].min() <= camera.width:
                canvas.polygon(slab, tone)


def _add_texture(image: Image, camera: Camera, rng: np.random.Generator) -> Image:
    """Multiply the image by a static random texture that is stronger on the near ground."""
    height, width = image.shape[:2]
    fine = rng.random((height, width)) - 0.5
    coarse = cv2.resize(rng.random((height // 12 + 1, width // 24 + 1)) - 0.5, (width, height))
    ground = np.clip(
        (np.arange(height) - camera.horizon_row) / (height - camera.horizon_row), 0, 1
    )[:, None]
    texture = 1 + fine * (0.03 + 0.035 * ground) + coarse * (0.01 + 0.05 * ground)
    rough: NDArray[np.float64] = image * texture[:, :, None]
    return np.clip(np.rint(rough), 0, 255).astype(np.uint8)
