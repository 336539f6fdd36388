"""The houses of the rendered street: shops, doors, windows with flowers, roofs."""

import math
from itertools import pairwise

import numpy as np

from deepsort_reid.scene.rendering import Brush, Colour, View, hex_colour, tint

FACADE = 22.0  # metres from the camera

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


def draw_houses(brush: Brush, view: View, rng: np.random.Generator) -> None:
    """A row of houses from edge to edge, with one gap."""
    left, right = view.reach(FACADE)
    x = left - 3.0 * rng.random()
    alley = left + (right - left) * (0.30 + 0.35 * rng.random())
    last = -1
    while x < right:
        width = 4.6 + 2.6 * rng.random()
        if x <= alley < x + width:
            _alley(brush, view, x, x + 1.9)
            x += 1.9
            alley = math.inf
            continue
        wall = int(rng.random() * len(_WALLS))
        last = wall = wall if wall != last else (wall + 1) % len(_WALLS)
        _house(brush, view, (x, x + width), _WALLS[wall], rng)
        x += width


def _alley(brush: Brush, view: View, x0: float, x1: float) -> None:
    """A gap between two houses, through which one sees trees."""
    floor = view.points([(x0, 0, FACADE), (x1, 0, FACADE), (x1, 0, 45.0), (x0, 0, 45.0)])
    brush.polygon(floor, hex_colour("b9b2a4"))
    for x, colour in ((x0, "8f8676"), (x1, "a89c88")):
        wall = [(x, 0, FACADE), (x, 0, 32.0), (x, 5.4, 32.0), (x, 5.4, FACADE)]
        brush.polygon(view.points(wall), hex_colour(colour))


def _house(
    brush: Brush, view: View, span: tuple[float, float], wall: Colour, rng: np.random.Generator
) -> None:
    x0, x1 = span
    top = 5.7 + 0.8 * rng.random()
    _roof(brush, view, span, top, rng)
    facade = view.front(x0, 0, x1, top, FACADE)
    brush.polygon(facade, wall)
    brush.shade(facade, 1.04, 0.92)
    brush.polygon(view.front(x0, 0, x1, 0.45, FACADE), tint(wall, 0.72))
    brush.polygon(view.front(x0, 3.28, x1, 3.42, FACADE), tint(wall, 1.35))
    brush.polygon(view.front(x0, 3.22, x1, 3.28, FACADE), tint(wall, 0.78))
    brush.polygon(view.front(x0 - 0.12, top - 0.22, x1 + 0.12, top, FACADE), tint(wall, 1.45))
    brush.polygon(view.front(x0, top - 0.34, x1, top - 0.22, FACADE), tint(wall, 0.76))
    shutters = hex_colour(("5f7f73", "6b4d3f", "44617c", "8a3f35")[int(rng.random() * 4)])
    has_shutters, has_flowers = rng.random() < 0.45, rng.random() < 0.5
    count = max(2, round((x1 - x0) / 1.9))
    for i in range(count):
        x = x0 + (x1 - x0) * (i + 0.5) / count
        _window(brush, view, x, 3.85, 0.92, min(1.5, top - 4.4))
        if has_shutters:
            for side in (-0.63, 0.63):
                panel = view.front(
                    x + side - 0.13, 3.83, x + side + 0.13, 3.87 + min(1.5, top - 4.4), FACADE
                )
                brush.polygon(panel, shutters)
                brush.shade(panel, 1.08, 0.9)
        if has_flowers:
            _flowers(brush, view, x, 3.82, FACADE, rng)
    if rng.random() < 0.7:
        _shop(brush, view, span, rng)
    else:
        _ground_floor(brush, view, span, rng)
    brush.polygon(view.front(x1 - 0.07, 0, x1, top - 0.22, FACADE), tint(wall, 0.8))


def _roof(
    brush: Brush, view: View, span: tuple[float, float], top: float, rng: np.random.Generator
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
    brush.polygon(view.front(chimney, top, chimney + 0.55, top + 1.6, FACADE), hex_colour("9c6b58"))
    brush.polygon(
        view.front(chimney - 0.06, top + 1.5, chimney + 0.61, top + 1.65, FACADE),
        hex_colour("7d5547"),
    )
    outline = view.points([(x, y, FACADE) for x, y in corners])
    brush.polygon(outline, tiles)
    brush.shade(outline, 1.12, 0.9)


def _window(brush: Brush, view: View, x: float, y: float, width: float, tall: float) -> None:
    half = width / 2
    brush.polygon(
        view.front(x - half - 0.1, y - 0.06, x + half + 0.1, y + tall + 0.1, FACADE), _TRIM
    )
    glass = view.front(x - half, y, x + half, y + tall, FACADE)
    brush.polygon(glass, _GLASS)
    brush.shade(glass, 1.35, 0.8)
    glint = [
        (x - half, y + tall * 0.95),
        (x - half, y + tall * 0.55),
        (x + half * 0.5, y + tall * 0.95),
    ]
    brush.polygon(view.points([(a, b, FACADE) for a, b in glint]), hex_colour("b9d0d8"), 0.45)
    brush.polygon(view.front(x - 0.03, y, x + 0.03, y + tall, FACADE), _TRIM)
    brush.polygon(
        view.front(x - half, y + tall * 0.62, x + half, y + tall * 0.62 + 0.05, FACADE), _TRIM
    )
    brush.polygon(
        view.front(x - half - 0.16, y - 0.14, x + half + 0.16, y - 0.06, FACADE), tint(_TRIM, 0.88)
    )


def _flowers(
    brush: Brush, view: View, x: float, y: float, z: float, rng: np.random.Generator
) -> None:
    scale = view.scale(z)
    brush.polygon(view.front(x - 0.5, y - 0.12, x + 0.5, y + 0.06, z), hex_colour("7a5a44"))
    for colour in ("4f7a48", "5f8f52", "d2556b", "e8b04a"):
        for _ in range(7):
            centre = view.point(x + 0.9 * (rng.random() - 0.5), y + 0.08 + 0.14 * rng.random(), z)
            radius = (0.05 + 0.03 * rng.random()) * scale
            brush.ellipse(centre, (radius, radius), hex_colour(colour))


def _shop(brush: Brush, view: View, span: tuple[float, float], rng: np.random.Generator) -> None:
    x0, x1 = span[0] + 0.35, span[1] - 0.35
    sign = _SIGNS[int(rng.random() * len(_SIGNS))]
    brush.polygon(view.front(x0, 0.15, x1, 3.1, FACADE), sign)
    door = x1 - 1.15 if rng.random() < 0.5 else x0 + 0.15
    pane = (x0 + 0.15, x1 - 1.35) if door > (x0 + x1) / 2 else (x0 + 1.35, x1 - 0.15)
    glass = view.front(pane[0], 0.6, pane[1], 2.45, FACADE)
    brush.polygon(glass, tint(_GLASS, 0.8))
    for _ in range(int(3.2 * (pane[1] - pane[0]))):
        x = pane[0] + 0.2 + (pane[1] - pane[0] - 0.4) * rng.random()
        goods = _WALLS[int(rng.random() * len(_WALLS))]
        tall = 0.25 + 0.7 * rng.random()
        brush.polygon(view.front(x - 0.13, 0.62, x + 0.13, 0.62 + tall, FACADE), tint(goods, 0.62))
    brush.shade(glass, 1.25, 0.95)
    for start in (0.1, 0.55):
        x = pane[0] + (pane[1] - pane[0]) * start
        strip = [(x, 0.6), (x + 0.35, 0.6), (x + 1.0, 2.45), (x + 0.65, 2.45)]
        inside = [(min(a, pane[1]), b, FACADE) for a, b in strip]
        brush.polygon(view.points(inside), hex_colour("dfeaf0"), 0.16)
    brush.polygon(view.front(door, 0.1, door + 1.0, 2.45, FACADE), tint(sign, 1.25))
    brush.polygon(view.front(door + 0.14, 0.85, door + 0.86, 2.3, FACADE), tint(_GLASS, 0.85))
    brush.polygon(view.front(door + 0.8, 1.05, door + 0.86, 1.35, FACADE), hex_colour("d9b96a"))
    letters = int(5 + 5 * rng.random())
    start = (x0 + x1) / 2 - letters * 0.14
    for i in range(letters):
        if rng.random() < 0.85:
            x = start + 0.28 * i
            brush.polygon(view.front(x, 2.70, x + 0.17, 2.94, FACADE), hex_colour("efe3c4"))
    if rng.random() < 0.6:
        _awning(brush, view, (x0, x1), sign)


def _awning(brush: Brush, view: View, span: tuple[float, float], colour: Colour) -> None:
    stripes = max(6, 2 * round((span[1] - span[0]) / 0.6) + 1)
    edges = np.linspace(span[0], span[1], stripes + 1)
    shadow = view.front(span[0], 1.75, span[1], 2.1, FACADE)
    brush.polygon(shadow, hex_colour("20282c"), 0.35)
    for i, (a, b) in enumerate(pairwise(edges)):
        cloth = tint(colour, 1.25) if i % 2 == 0 else _TRIM
        drop = [
            (a, 2.62, FACADE),
            (b, 2.62, FACADE),
            (b, 2.12, FACADE - 0.8),
            (a, 2.12, FACADE - 0.8),
        ]
        brush.polygon(view.points(drop), cloth)
        middle = view.point(float(a + b) / 2, 2.12, FACADE - 0.8)
        half = (b - a) / 2 * view.scale(FACADE - 0.8)
        brush.ellipse(middle, (half, 0.13 * view.scale(FACADE)), tint(cloth, 0.88))


def _ground_floor(
    brush: Brush, view: View, span: tuple[float, float], rng: np.random.Generator
) -> None:
    x0, x1 = span
    door = x0 + (x1 - x0) * 0.5
    colour = _SIGNS[int(rng.random() * len(_SIGNS))]
    brush.polygon(view.front(door - 0.68, 0, door + 0.68, 2.62, FACADE), _TRIM)
    panel = view.front(door - 0.52, 0.1, door + 0.52, 2.05, FACADE)
    brush.polygon(panel, tint(colour, 1.1))
    brush.shade(panel, 1.1, 0.9)
    brush.polygon(view.front(door - 0.52, 2.12, door + 0.52, 2.5, FACADE), tint(_GLASS, 1.1))
    brush.polygon(view.front(door - 0.8, 0, door + 0.8, 0.12, FACADE), hex_colour("a8a196"))
    for x in (x0 + (x1 - x0) * 0.2, x0 + (x1 - x0) * 0.8):
        _window(brush, view, x, 1.15, 0.95, 1.4)
        _flowers(brush, view, x, 1.1, FACADE, rng)
