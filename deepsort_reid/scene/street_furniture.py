"""Large props of the street: advertising column, bus stop and kiosk."""

from itertools import pairwise

import numpy as np

from deepsort_reid.scene.backdrop import SHADOW_OFFSET
from deepsort_reid.scene.prop_base import Footprint, Prop, make_prop, new_canvas, post_shadow
from deepsort_reid.scene.rendering import Camera, Colour, hex_colour, tint


def draw_advertising_column(camera: Camera, x: float, z: float, paint: list[Colour]) -> Prop:
    """Draw an advertising column with posters in the colours `paint`."""
    canvas, scale, half = new_canvas(camera), camera.scale(z), 0.56
    flat = camera.elevation / z  # ratio of the axes of a horizontal circle in the image
    canvas.ellipse(camera.pixel(x, 0, z), (0.62 * scale, 0.62 * scale * flat), hex_colour("7d7a70"))
    canvas.polygon(camera.upright(x - 0.62, 0, x + 0.62, 0.34, z), hex_colour("8d897d"))
    canvas.polygon(camera.upright(x - half, 0.3, x + half, 2.55, z), hex_colour("e9e2d0"))
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
        canvas.polygon(camera.upright(x + left, low, x + right, high, z), paint[colour])
        middle, wide = x + (left + right) / 2, (right - left) / 2
        canvas.ellipse(
            camera.pixel(middle, low + 0.62 * (high - low), z),
            (wide * 0.6 * scale, wide * 0.6 * scale),
            tint(paint[(colour + 2) % len(paint)], 1.3),
        )
        for row in (0.12, 0.22):
            bar = low + row * (high - low)
            canvas.polygon(
                camera.upright(middle - wide * 0.7, bar, middle + wide * 0.6, bar + 0.04, z),
                hex_colour("f5efdf"),
            )
    for i in range(14):
        fraction = i / 13
        dark = 0.42 * max(0.0, fraction - 0.35) ** 1.3 + 0.16 * max(0.0, 0.22 - fraction)
        across = (x - half + 2 * half * i / 14, x - half + 2 * half * (i + 1) / 14)
        strip = camera.upright(across[0], 0.3, across[1], 2.55, z)
        canvas.shade(strip, 1 - dark, 1 - dark)
    green = hex_colour("35554b")
    canvas.polygon(camera.upright(x - 0.68, 2.5, x + 0.68, 2.72, z), green)
    canvas.polygon(camera.upright(x - 0.68, 2.66, x + 0.68, 2.72, z), tint(green, 1.3))
    roof = [
        (x - 0.62, 2.72),
        (x + 0.62, 2.72),
        (x + 0.4, 3.02),
        (x + 0.1, 3.2),
        (x - 0.1, 3.2),
        (x - 0.4, 3.02),
    ]
    canvas.polygon(camera.pixels([(a, b, z) for a, b in roof]), tint(green, 1.12))
    canvas.ellipse(camera.pixel(x, 3.26, z), (0.09 * scale, 0.09 * scale), hex_colour("d9b96a"))
    shadows = [post_shadow(camera, x, z, 0.6, 0, 2.9)]
    return make_prop(canvas, z, Footprint(x - 0.62, z - 0.62, x + 0.62, z + 0.62), shadows)


def draw_bus_stop(camera: Camera, x: float, z: float) -> Prop:
    """Draw a bus stop: persons behind its glass are visible, those behind its poster are not."""
    canvas, half = new_canvas(camera), 1.9
    steel, glass = hex_colour("3c4648"), hex_colour("b9d3d6")
    canvas.polygon(camera.upright(x - half, 0.25, x + half, 2.3, z), glass, 0.30)
    canvas.polygon(camera.upright(x + half - 1.15, 0.2, x + half, 2.25, z), steel)
    poster = camera.upright(x + half - 1.07, 0.3, x + half - 0.08, 2.17, z)
    canvas.polygon(poster, hex_colour("e9b44c"))
    canvas.shade(poster, 1.1, 0.88)
    centre = camera.pixel(x + half - 0.57, 1.45, z)
    canvas.ellipse(centre, (0.3 * camera.scale(z), 0.3 * camera.scale(z)), hex_colour("c4473a"))
    for row in (0.55, 0.75):
        canvas.polygon(
            camera.upright(x + half - 0.95, row, x + half - 0.25, row + 0.08, z),
            hex_colour("3a3330"),
        )
    canvas.polygon(
        camera.upright(x - half + 0.2, 0.45, x + half - 1.35, 0.53, z), hex_colour("a9794e")
    )
    for post in (x - half, x - half + 1.25, x + half):
        canvas.polygon(camera.upright(post - 0.04, 0, post + 0.04, 2.35, z), steel)
    for leg in (x - half + 0.4, x + half - 1.6):
        canvas.polygon(camera.upright(leg, 0, leg + 0.05, 0.46, z), steel)
    roof = [
        (x - half - 0.2, 2.42, z),
        (x + half + 0.2, 2.42, z),
        (x + half + 0.2, 2.32, z - 1.2),
        (x - half - 0.2, 2.32, z - 1.2),
    ]
    canvas.polygon(camera.pixels(roof), tint(steel, 1.35))
    canvas.polygon(
        camera.upright(x - half - 0.2, 2.22, x + half + 0.2, 2.33, z - 1.2), hex_colour("2f6f73")
    )
    sign = x - half - 0.75
    canvas.polygon(camera.upright(sign - 0.03, 0, sign + 0.03, 2.75, z), steel)
    canvas.ellipse(camera.pixel(sign, 2.75, z), (0.24 * camera.scale(z),) * 2, hex_colour("e6b23a"))
    canvas.ellipse(camera.pixel(sign, 2.75, z), (0.17 * camera.scale(z),) * 2, hex_colour("2f6f73"))
    corners = [(x - half, 0, z), (x + half, 0, z)]
    far = [
        (a + SHADOW_OFFSET[0] * 2.4, 0, z + SHADOW_OFFSET[1] * 2.4) for a, _, _ in reversed(corners)
    ]
    footprint = Footprint(x - half - 0.8, z - 0.3, x + half + 0.1, z + 0.2)
    return make_prop(canvas, z, footprint, [camera.pixels(corners + far)])


def draw_kiosk(camera: Camera, x: float, z: float, paint: Colour) -> Prop:
    canvas, half = new_canvas(camera), 1.15
    body = camera.upright(x - half, 0, x + half, 2.35, z)
    canvas.polygon(body, paint)
    canvas.shade(body, 1.08, 0.9)
    canvas.polygon(camera.upright(x - half, 0, x + half, 0.2, z), tint(paint, 0.6))
    for i in range(6):
        seam = x - half + 0.08 + 0.4 * i
        canvas.polygon(camera.upright(seam, 0.25, seam + 0.025, 0.98, z), tint(paint, 0.8))
    canvas.polygon(
        camera.upright(x - half + 0.18, 1.02, x + half - 0.18, 1.95, z), hex_colour("2d3638")
    )
    for i, text in enumerate(("efe6d5", "d36c3a", "e6b23a", "c8d3d8", "9fb45c", "efe6d5")):
        left = x - half + 0.28 + 0.31 * i
        canvas.polygon(
            camera.upright(left, 1.06, left + 0.22, 1.34 + 0.05 * (i % 2), z), hex_colour(text)
        )
    canvas.polygon(
        camera.upright(x - half + 0.1, 0.96, x + half - 0.1, 1.05, z), hex_colour("b58d5c")
    )
    edges = np.linspace(x - half - 0.1, x + half + 0.1, 10)
    for i, (a, b) in enumerate(pairwise(edges)):
        cloth = hex_colour("f4efe4") if i % 2 == 0 else tint(paint, 1.1)
        drop = [(a, 2.35, z), (b, 2.35, z), (b, 1.95, z - 0.7), (a, 1.95, z - 0.7)]
        canvas.polygon(camera.pixels(drop), cloth)
        radius = float(b - a) / 2 * camera.scale(z - 0.7)
        canvas.ellipse(
            camera.pixel(float(a + b) / 2, 1.95, z - 0.7), (radius, radius * 0.9), tint(cloth, 0.88)
        )
    canvas.polygon(
        camera.upright(x - half - 0.15, 2.33, x + half + 0.15, 2.62, z), tint(paint, 0.75)
    )
    for i in range(6):
        left = x - 0.72 + 0.25 * i
        canvas.polygon(camera.upright(left, 2.40, left + 0.15, 2.55, z), hex_colour("f0dfae"))
    corners = [(x - half, 0, z), (x + half, 0, z)]
    far = [
        (a + SHADOW_OFFSET[0] * 2.5, 0, z + SHADOW_OFFSET[1] * 2.5 + 0.6)
        for a, _, _ in reversed(corners)
    ]
    footprint = Footprint(x - half, z - 0.5, x + half, z + 0.9)
    return make_prop(canvas, z, footprint, [camera.pixels(corners + far)])
