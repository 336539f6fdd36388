"""Houses of the street: walls, roofs, windows, doors and shops."""

import math
from itertools import pairwise

import numpy as np

from deepsort_reid.scene.rendering import Camera, Canvas, Colour, hex_colour, tint

FACADE_Z = 22.0  # metres from the camera

_WALLS = tuple(
    map(
        hex_colour,
        ("e6d3ad", "d9a688", "b9c4a7", "c9cfd6", "e2c6b4", "d8bd7f", "a9b8bd", "ece4d4", "c98f77"),
    )
)
_SIGNS = tuple(map(hex_colour, ("2f4a43", "7a2e2b", "25384f", "8a6a3a", "3d3a45")))
_ROOFS = tuple(map(hex_colour, ("8b5a48", "6d6a70", "7b4f41", "5b616b")))
_TRIM = hex_colour("f4efe4")
_GLASS = hex_colour("4d6470")


def draw_houses(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Draw a row of houses across the whole image, with one gap between two of them."""
    left, right = camera.visible_range(FACADE_Z)
    x = left - 3.0 * rng.random()
    alley = left + (right - left) * (0.30 + 0.35 * rng.random())
    last = -1
    while x < right:
        width = 4.6 + 2.6 * rng.random()
        if x <= alley < x + width:
            _alley(canvas, camera, x, x + 1.9)
            x += 1.9
            alley = math.inf
            continue
        wall = int(rng.random() * len(_WALLS))
        last = wall = wall if wall != last else (wall + 1) % len(_WALLS)
        _house(canvas, camera, (x, x + width), _WALLS[wall], rng)
        x += width


def _alley(canvas: Canvas, camera: Camera, x0: float, x1: float) -> None:
    """Draw the gap between two houses: floor and both side walls."""
    floor = camera.pixels([(x0, 0, FACADE_Z), (x1, 0, FACADE_Z), (x1, 0, 45.0), (x0, 0, 45.0)])
    canvas.polygon(floor, hex_colour("b9b2a4"))
    for x, colour in ((x0, "8f8676"), (x1, "a89c88")):
        wall = [(x, 0, FACADE_Z), (x, 0, 32.0), (x, 5.4, 32.0), (x, 5.4, FACADE_Z)]
        canvas.polygon(camera.pixels(wall), hex_colour(colour))


def _house(
    canvas: Canvas,
    camera: Camera,
    span: tuple[float, float],
    wall: Colour,
    rng: np.random.Generator,
) -> None:
    x0, x1 = span
    top = 5.7 + 0.8 * rng.random()
    _roof(canvas, camera, span, top, rng)
    facade = camera.upright(x0, 0, x1, top, FACADE_Z)
    canvas.polygon(facade, wall)
    canvas.shade(facade, 1.04, 0.92)
    canvas.polygon(camera.upright(x0, 0, x1, 0.45, FACADE_Z), tint(wall, 0.72))
    canvas.polygon(camera.upright(x0, 3.28, x1, 3.42, FACADE_Z), tint(wall, 1.35))
    canvas.polygon(camera.upright(x0, 3.22, x1, 3.28, FACADE_Z), tint(wall, 0.78))
    canvas.polygon(
        camera.upright(x0 - 0.12, top - 0.22, x1 + 0.12, top, FACADE_Z), tint(wall, 1.45)
    )
    canvas.polygon(camera.upright(x0, top - 0.34, x1, top - 0.22, FACADE_Z), tint(wall, 0.76))
    shutters = hex_colour(("5f7f73", "6b4d3f", "44617c", "8a3f35")[int(rng.random() * 4)])
    has_shutters, has_flowers = rng.random() < 0.45, rng.random() < 0.5
    count = max(2, round((x1 - x0) / 1.9))
    for i in range(count):
        x = x0 + (x1 - x0) * (i + 0.5) / count
        _window(canvas, camera, x, 3.85, 0.92, min(1.5, top - 4.4))
        if has_shutters:
            for side in (-0.63, 0.63):
                panel = camera.upright(
                    x + side - 0.13, 3.83, x + side + 0.13, 3.87 + min(1.5, top - 4.4), FACADE_Z
                )
                canvas.polygon(panel, shutters)
                canvas.shade(panel, 1.08, 0.9)
        if has_flowers:
            _flowers(canvas, camera, x, 3.82, FACADE_Z, rng)
    if rng.random() < 0.7:
        _shop(canvas, camera, span, rng)
    else:
        _ground_floor(canvas, camera, span, rng)
    canvas.polygon(camera.upright(x1 - 0.07, 0, x1, top - 0.22, FACADE_Z), tint(wall, 0.8))


def _roof(
    canvas: Canvas, camera: Camera, span: tuple[float, float], top: float, rng: np.random.Generator
) -> None:
    x0, x1 = span
    tiles = _ROOFS[int(rng.random() * len(_ROOFS))]
    kind = rng.random()
    if kind < 0.4:
        peak = top + 1.0 + 0.5 * rng.random()
        corners = [(x0 - 0.15, top), (x1 + 0.15, top), (x1 - 0.7, peak), (x0 + 0.7, peak)]
    elif kind < 0.75:
        corners = [(x0 - 0.2, top), (x1 + 0.2, top), ((x0 + x1) / 2, top + 1.5)]
    else:
        corners = [
            (x0 - 0.05, top),
            (x1 + 0.05, top),
            (x1 + 0.05, top + 0.3),
            (x0 - 0.05, top + 0.3),
        ]
    chimney = x0 + (x1 - x0) * (0.2 + 0.2 * rng.random())
    canvas.polygon(
        camera.upright(chimney, top, chimney + 0.55, top + 1.6, FACADE_Z), hex_colour("9c6b58")
    )
    canvas.polygon(
        camera.upright(chimney - 0.06, top + 1.5, chimney + 0.61, top + 1.65, FACADE_Z),
        hex_colour("7d5547"),
    )
    outline = camera.pixels([(x, y, FACADE_Z) for x, y in corners])
    canvas.polygon(outline, tiles)
    canvas.shade(outline, 1.12, 0.9)


def _window(
    canvas: Canvas, camera: Camera, x: float, y: float, width: float, height: float
) -> None:
    half = width / 2
    canvas.polygon(
        camera.upright(x - half - 0.1, y - 0.06, x + half + 0.1, y + height + 0.1, FACADE_Z), _TRIM
    )
    glass = camera.upright(x - half, y, x + half, y + height, FACADE_Z)
    canvas.polygon(glass, _GLASS)
    canvas.shade(glass, 1.35, 0.8)
    glint = [
        (x - half, y + height * 0.95),
        (x - half, y + height * 0.55),
        (x + half * 0.5, y + height * 0.95),
    ]
    canvas.polygon(camera.pixels([(a, b, FACADE_Z) for a, b in glint]), hex_colour("b9d0d8"), 0.45)
    canvas.polygon(camera.upright(x - 0.03, y, x + 0.03, y + height, FACADE_Z), _TRIM)
    canvas.polygon(
        camera.upright(x - half, y + height * 0.62, x + half, y + height * 0.62 + 0.05, FACADE_Z),
        _TRIM,
    )
    canvas.polygon(
        camera.upright(x - half - 0.16, y - 0.14, x + half + 0.16, y - 0.06, FACADE_Z),
        tint(_TRIM, 0.88),
    )


def _flowers(
    canvas: Canvas, camera: Camera, x: float, y: float, z: float, rng: np.random.Generator
) -> None:
    scale = camera.scale(z)
    canvas.polygon(camera.upright(x - 0.5, y - 0.12, x + 0.5, y + 0.06, z), hex_colour("7a5a44"))
    for colour in ("4f7a48", "5f8f52", "d2556b", "e8b04a"):
        for _ in range(7):
            centre = camera.pixel(x + 0.9 * (rng.random() - 0.5), y + 0.08 + 0.14 * rng.random(), z)
            radius = (0.05 + 0.03 * rng.random()) * scale
            canvas.ellipse(centre, (radius, radius), hex_colour(colour))


def _shop(
    canvas: Canvas, camera: Camera, span: tuple[float, float], rng: np.random.Generator
) -> None:
    x0, x1 = span[0] + 0.35, span[1] - 0.35
    sign = _SIGNS[int(rng.random() * len(_SIGNS))]
    canvas.polygon(camera.upright(x0, 0.15, x1, 3.1, FACADE_Z), sign)
    door = x1 - 1.15 if rng.random() < 0.5 else x0 + 0.15
    pane = (x0 + 0.15, x1 - 1.35) if door > (x0 + x1) / 2 else (x0 + 1.35, x1 - 0.15)
    glass = camera.upright(pane[0], 0.6, pane[1], 2.45, FACADE_Z)
    canvas.polygon(glass, tint(_GLASS, 0.8))
    for _ in range(int(3.2 * (pane[1] - pane[0]))):
        x = pane[0] + 0.2 + (pane[1] - pane[0] - 0.4) * rng.random()
        goods = _WALLS[int(rng.random() * len(_WALLS))]
        height = 0.25 + 0.7 * rng.random()
        canvas.polygon(
            camera.upright(x - 0.13, 0.62, x + 0.13, 0.62 + height, FACADE_Z), tint(goods, 0.62)
        )
    canvas.shade(glass, 1.25, 0.95)
    for start in (0.1, 0.55):
        x = pane[0] + (pane[1] - pane[0]) * start
        strip = [(x, 0.6), (x + 0.35, 0.6), (x + 1.0, 2.45), (x + 0.65, 2.45)]
        inside = [(min(a, pane[1]), b, FACADE_Z) for a, b in strip]
        canvas.polygon(camera.pixels(inside), hex_colour("dfeaf0"), 0.16)
    canvas.polygon(camera.upright(door, 0.1, door + 1.0, 2.45, FACADE_Z), tint(sign, 1.25))
    canvas.polygon(
        camera.upright(door + 0.14, 0.85, door + 0.86, 2.3, FACADE_Z), tint(_GLASS, 0.85)
    )
    canvas.polygon(
        camera.upright(door + 0.8, 1.05, door + 0.86, 1.35, FACADE_Z), hex_colour("d9b96a")
    )
    letters = int(5 + 5 * rng.random())
    start = (x0 + x1) / 2 - letters * 0.14
    for i in range(letters):
        if rng.random() < 0.85:
            x = start + 0.28 * i
            canvas.polygon(camera.upright(x, 2.70, x + 0.17, 2.94, FACADE_Z), hex_colour("efe3c4"))
    if rng.random() < 0.6:
        _awning(canvas, camera, (x0, x1), sign)


def _awning(canvas: Canvas, camera: Camera, span: tuple[float, float], colour: Colour) -> None:
    stripes = max(6, 2 * round((span[1] - span[0]) / 0.6) + 1)
    edges = np.linspace(span[0], span[1], stripes + 1)
    shadow = camera.upright(span[0], 1.75, span[1], 2.1, FACADE_Z)
    canvas.polygon(shadow, hex_colour("20282c"), 0.35)
    for i, (a, b) in enumerate(pairwise(edges)):
        cloth = tint(colour, 1.25) if i % 2 == 0 else _TRIM
        drop = [
            (a, 2.62, FACADE_Z),
            (b, 2.62, FACADE_Z),
            (b, 2.12, FACADE_Z - 0.8),
            (a, 2.12, FACADE_Z - 0.8),
        ]
        canvas.polygon(camera.pixels(drop), cloth)
        middle = camera.pixel(float(a + b) / 2, 2.12, FACADE_Z - 0.8)
        half = (b - a) / 2 * camera.scale(FACADE_Z - 0.8)
        canvas.ellipse(middle, (half, 0.13 * camera.scale(FACADE_Z)), tint(cloth, 0.88))


def _ground_floor(
    canvas: Canvas, camera: Camera, span: tuple[float, float], rng: np.random.Generator
) -> None:
    x0, x1 = span
    door = x0 + (x1 - x0) * 0.5
    colour = _SIGNS[int(rng.random() * len(_SIGNS))]
    canvas.polygon(camera.upright(door - 0.68, 0, door + 0.68, 2.62, FACADE_Z), _TRIM)
    panel = camera.upright(door - 0.52, 0.1, door + 0.52, 2.05, FACADE_Z)
    canvas.polygon(panel, tint(colour, 1.1))
    canvas.shade(panel, 1.1, 0.9)
    canvas.polygon(camera.upright(door - 0.52, 2.12, door + 0.52, 2.5, FACADE_Z), tint(_GLASS, 1.1))
    canvas.polygon(camera.upright(door - 0.8, 0, door + 0.8, 0.12, FACADE_Z), hex_colour("a8a196"))
    for x in (x0 + (x1 - x0) * 0.2, x0 + (x1 - x0) * 0.8):
        _window(canvas, camera, x, 1.15, 0.95, 1.4)
        _flowers(canvas, camera, x, 1.1, FACADE_Z, rng)
