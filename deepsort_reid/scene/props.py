"""Props of the street that occlude pedestrians: trees, lamps, a car, street furniture."""

import math

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.scene.backdrop import FAR_KERB_Z, KERB_Z, SHADOW_OFFSET
from deepsort_reid.scene.houses import FACADE_Z
from deepsort_reid.scene.prop_base import Footprint, Prop, make_prop, new_canvas, post_shadow
from deepsort_reid.scene.rendering import (
    Camera,
    Colour,
    Points,
    capsule_outline,
    ellipse_outline,
    hex_colour,
    tint,
)
from deepsort_reid.scene.street_furniture import draw_advertising_column, draw_bus_stop, draw_kiosk

_PAINT = tuple(map(hex_colour, ("b23a36", "2f5d7c", "d8d4ca", "3f6b52", "c98f2e", "4a4f57")))
_IRON = hex_colour("2f3a3c")


def place_props(camera: Camera, rng: np.random.Generator) -> list[Prop]:
    """Place all props, farthest first; positions and colours depend on `rng`."""

    def jittered(x: float, spread: float = 0.5) -> float:
        return x + spread * (2 * rng.random() - 1)

    paint = [_PAINT[i] for i in np.argsort(rng.random(len(_PAINT)))]
    props = [
        _tree(camera, jittered(-4.7, 0.3), KERB_Z - 0.55, 4.9, 1.65, rng),
        _tree(camera, jittered(5.6, 0.3), FAR_KERB_Z + 0.75, 4.0, 1.15, rng),
        _tree(camera, jittered(-4.1, 0.3), FAR_KERB_Z + 0.75, 4.2, 1.25, rng),
        _lamp(camera, jittered(0.6, 0.2), KERB_Z - 0.6),
        _lamp(camera, jittered(5.5, 0.3), KERB_Z - 0.6),
        _lamp(camera, jittered(-8.6, 0.3), FAR_KERB_Z + 0.6),
        _lamp(camera, jittered(2.4, 0.3), FAR_KERB_Z + 0.6),
        draw_advertising_column(camera, jittered(2.1, 0.3), KERB_Z - 1.5, paint),
        draw_bus_stop(camera, jittered(-6.6, 0.2), FAR_KERB_Z + 1.5),
        draw_kiosk(camera, jittered(8.3, 0.3), FACADE_Z - 1.1, paint[0]),
        _car(camera, jittered(4.1, 0.3), FAR_KERB_Z - 0.85, paint[1]),
        _planter(camera, jittered(-3.3, 0.2), KERB_Z - 0.65, rng),
    ]
    # In a narrow image, some props are completely outside.
    return sorted((prop for prop in props if prop.sprite.image.size), key=lambda prop: -prop.z)


def _tree(
    camera: Camera, x: float, z: float, height: float, radius: float, rng: np.random.Generator
) -> Prop:
    canvas, scale = new_canvas(camera), camera.scale(z)
    bark = hex_colour("6e5645")
    foot, fork = (
        complex(*camera.pixel(x, 0, z)),
        complex(*camera.pixel(x + 0.05, height - radius * 0.6, z)),
    )
    canvas.polygon(capsule_outline(foot, fork, 0.16 * scale, 0.10 * scale), bark)
    canvas.polygon(
        capsule_outline(foot + 0.06 * scale, fork + 0.03 * scale, 0.08 * scale, 0.05 * scale),
        tint(bark, 0.8),
    )
    for side in (-1, 1):
        tip = complex(*camera.pixel(x + side * radius * 0.45, height - radius * 0.1, z))
        canvas.polygon(capsule_outline(fork + 0.2j * scale, tip, 0.07 * scale, 0.03 * scale), bark)
    leaves = [hex_colour(text) for text in ("47683f", "557a47", "688f50", "82a65c", "9dbb6b")]
    for layer, colour in enumerate(leaves):
        spread = radius * (0.86 - 0.09 * layer)
        for _ in range(40):
            turn, far = 2 * math.pi * rng.random(), math.sqrt(rng.random()) * spread
            px = x + far * math.cos(turn) - 0.10 * radius * layer
            py = height + 0.86 * far * math.sin(turn) + 0.09 * radius * layer
            size = radius * (0.20 - 0.022 * layer) * (0.7 + 0.6 * rng.random()) * scale
            canvas.ellipse(
                camera.pixel(px, py, z),
                (size, size * 0.85),
                tint(colour, 0.96 + 0.08 * rng.random()),
            )
    shadows = [post_shadow(camera, x, z, 0.16, 0, height - radius)]
    for _ in range(14):
        dx, dh = radius * (rng.random() - 0.5) * 1.5, height + radius * (rng.random() - 0.5) * 1.5
        blot = (x + dx + SHADOW_OFFSET[0] * dh, z + SHADOW_OFFSET[1] * dh)
        outline = ellipse_outline(blot, (0.34 * radius, 0.24 * radius))
        shadows.append(camera.ground_pixels(outline))
    return make_prop(canvas, z, Footprint(x - 0.3, z - 0.3, x + 0.3, z + 0.3), shadows)


def _lamp(camera: Camera, x: float, z: float) -> Prop:
    canvas, scale = new_canvas(camera), camera.scale(z)
    canvas.polygon(camera.upright(x - 0.13, 0, x + 0.13, 0.75, z), _IRON)
    canvas.polygon(camera.upright(x - 0.17, 0, x + 0.17, 0.14, z), tint(_IRON, 0.8))
    canvas.polygon(camera.upright(x - 0.055, 0.7, x + 0.055, 3.55, z), _IRON)
    canvas.polygon(camera.upright(x - 0.035, 0.7, x - 0.01, 3.55, z), tint(_IRON, 1.3))
    for y in (0.78, 2.5, 3.5):
        canvas.polygon(camera.upright(x - 0.09, y, x + 0.09, y + 0.07, z), tint(_IRON, 1.15))
    lantern = [(x - 0.13, 3.6), (x + 0.13, 3.6), (x + 0.22, 4.1), (x - 0.22, 4.1)]
    canvas.polygon(camera.pixels([(a, b, z) for a, b in lantern]), hex_colour("f3e9c8"))
    canvas.polygon(camera.upright(x - 0.015, 3.6, x + 0.015, 4.1, z), _IRON)
    hood = [(x - 0.28, 4.1), (x + 0.28, 4.1), (x + 0.06, 4.36), (x - 0.06, 4.36)]
    canvas.polygon(camera.pixels([(a, b, z) for a, b in hood]), _IRON)
    canvas.ellipse(camera.pixel(x, 4.42, z), (0.05 * scale, 0.06 * scale), _IRON)
    shadows = [post_shadow(camera, x, z, 0.07, 0, 4.3), post_shadow(camera, x, z, 0.2, 3.7, 4.2)]
    return make_prop(canvas, z, Footprint(x - 0.15, z - 0.15, x + 0.15, z + 0.15), shadows)


def _car(camera: Camera, x: float, z: float, paint: Colour) -> Prop:
    """Draw a small car parked at the far kerb, from the side."""
    canvas, scale = new_canvas(camera), camera.scale(z)

    def side(outline: list[tuple[float, float]]) -> Points:
        return camera.pixels([(x + a, b, z) for a, b in outline])

    for wheel in (-1.22, 1.25):
        canvas.ellipse(
            camera.pixel(x + wheel, 0.31, z), (0.33 * scale, 0.33 * scale), hex_colour("17181a")
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
    canvas.polygon(side(cabin), tint(paint, 0.92))
    canvas.polygon(side(body), paint)
    canvas.shade(side(body), 1.22, 0.72)
    front = [(-1.12, 0.95), (-0.65, 1.32), (0.02, 1.37), (0.02, 0.96)]
    back = [(0.10, 0.96), (0.10, 1.37), (0.62, 1.37), (0.88, 1.31), (1.32, 0.97)]
    for pane in (front, back):
        canvas.polygon(side(pane), hex_colour("4d636d"))
        canvas.shade(side(pane), 1.5, 0.9)
    for seam in (-0.02, 1.02):
        canvas.polygon(camera.upright(x + seam, 0.36, x + seam + 0.02, 0.95, z), tint(paint, 0.65))
    canvas.polygon(camera.upright(x - 0.3, 0.80, x - 0.1, 0.83, z), tint(paint, 1.6))
    canvas.polygon(camera.upright(x - 1.9, 0.30, x + 1.9, 0.38, z), hex_colour("26282b"))
    canvas.ellipse(
        camera.pixel(x - 1.88, 0.70, z), (0.09 * scale, 0.08 * scale), hex_colour("fff3cf")
    )
    canvas.polygon(camera.upright(x + 1.84, 0.62, x + 1.96, 0.80, z), hex_colour("b3262a"))
    for wheel in (-1.22, 1.25):
        centre = camera.pixel(x + wheel, 0.31, z)
        canvas.polygon(
            np.minimum(ellipse_outline(centre, (0.40 * scale, 0.40 * scale)), [np.inf, centre[1]]),
            hex_colour("202225"),
        )
        canvas.ellipse(centre, (0.31 * scale, 0.31 * scale), hex_colour("1b1c1e"))
        canvas.ellipse(centre, (0.19 * scale, 0.19 * scale), hex_colour("b7bbbf"))
        canvas.ellipse(centre, (0.07 * scale, 0.07 * scale), hex_colour("6d7276"))
    ground = camera.ground(x - 1.9, z - 0.05, x + 2.5, z + 1.2)
    return make_prop(canvas, z, Footprint(x - 2.0, z - 0.2, x + 2.0, z + 1.5), [ground])


def _planter(camera: Camera, x: float, z: float, rng: np.random.Generator) -> Prop:
    canvas, scale = new_canvas(camera), camera.scale(z)
    stone = hex_colour("9a9488")
    tub = [(x - 0.62, 0.55), (x + 0.62, 0.55), (x + 0.52, 0.0), (x - 0.52, 0.0)]
    outline: NDArray[np.float64] = camera.pixels([(a, b, z) for a, b in tub])
    for colour in ("4b6e42", "5d8550", "78a05e"):
        for _ in range(16):
            centre = camera.pixel(x + 1.05 * (rng.random() - 0.5), 0.58 + 0.34 * rng.random(), z)
            size = (0.08 + 0.06 * rng.random()) * scale
            canvas.ellipse(centre, (size, size), hex_colour(colour))
    for colour in ("e26a7c", "f2c14e", "f5efe4", "d9534a"):
        for _ in range(6):
            centre = camera.pixel(x + 1.1 * (rng.random() - 0.5), 0.66 + 0.30 * rng.random(), z)
            canvas.ellipse(centre, (0.04 * scale, 0.04 * scale), hex_colour(colour))
    canvas.polygon(outline, stone)
    canvas.shade(outline, 1.12, 0.82)
    canvas.polygon(camera.upright(x - 0.66, 0.50, x + 0.66, 0.60, z), tint(stone, 1.2))
    shadows = [
        post_shadow(camera, x - 0.3, z, 0.3, 0, 0.8),
        post_shadow(camera, x + 0.3, z, 0.3, 0, 0.8),
    ]
    return make_prop(canvas, z, Footprint(x - 0.66, z - 0.3, x + 0.66, z + 0.3), shadows)
