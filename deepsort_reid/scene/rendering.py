"""Rendering primitives: a pinhole camera, an anti-aliased canvas, sprites and shadows.

World coordinates are in metres: x to the right, y up, z away from the camera; the ground is y = 0.
The camera looks along z without tilt, so vertical lines stay vertical in the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.float64]  # (N, 2) pixels
Colour = tuple[float, float, float]  # blue, green, red, 0..255

_SUBPIXEL_BITS = 4  # cv2 draws with a precision of 1/16 pixel
_SUBPIXELS = 1 << _SUBPIXEL_BITS


class Shape(NamedTuple):
    """A filled polygon: corners (N, 2) in pixels and a colour."""

    points: Points
    colour: Colour


class Sprite(NamedTuple):
    """An image with transparency and its position in a larger image.

    `image` (H, W, 4) is BGR premultiplied by opacity, followed by the opacity (0..255). `left` and
    `top` are the column and row of its upper left pixel; they may lie outside the larger image.
    """

    image: Image
    left: int
    top: int


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera at (0, `elevation`, 0) that looks along z.

    The point (x, y, z) projects to column `centre_column` + `focal_length` * x / z.
    """

    width: int  # pixels
    height: int  # pixels
    focal_length: float  # pixels
    centre_column: float  # column of x = 0
    horizon_row: float  # row of all points at the height of the camera
    elevation: float  # metres above the ground

    def scale(self, z: float) -> float:
        """Return pixels per metre at distance z."""
        return self.focal_length / z

    def pixel(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Project one point in metres to (column, row)."""
        scale = self.focal_length / z
        return self.centre_column + x * scale, self.horizon_row + (self.elevation - y) * scale

    def pixels(self, xyz: ArrayLike) -> Points:
        """Project points (N, 3) in metres to pixels (N, 2)."""
        x, y, z = np.asarray(xyz, dtype=np.float64).T
        scale = self.focal_length / z
        return np.column_stack(
            [self.centre_column + x * scale, self.horizon_row + (self.elevation - y) * scale]
        )

    def ground_pixels(self, xz: Points) -> Points:
        """Project ground points (N, 2), x and z in metres, to pixels (N, 2)."""
        return self.pixels(np.column_stack([xz[:, 0], np.zeros(len(xz)), xz[:, 1]]))

    def ground(self, x0: float, z0: float, x1: float, z1: float) -> Points:
        """Project a rectangle on the ground; returns its corners (4, 2) in pixels."""
        return self.pixels([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)])

    def upright(self, x0: float, y0: float, x1: float, y1: float, z: float) -> Points:
        """Project an upright rectangle that faces the camera; returns its corners (4, 2)."""
        return self.pixels([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)])

    def visible_range(self, z: float) -> tuple[float, float]:
        """Return the smallest and largest x in metres that are in the image at distance z."""
        right_columns = self.width - self.centre_column
        return -self.centre_column * z / self.focal_length, right_columns * z / self.focal_length


class Canvas:
    """An anti-aliased drawing: drawn at twice the size, then reduced.

    Args:
        width, height: size of the result in pixels.
        opaque: True for an image (H, W, 3), False for a transparent sprite (H, W, 4).
    """

    def __init__(self, width: int, height: int, *, opaque: bool) -> None:
        self.image: Image = np.zeros((2 * height, 2 * width, 3 if opaque else 4), dtype=np.uint8)

    def polygon(self, points: ArrayLike, colour: Colour, opacity: float = 1.0) -> None:
        """Fill a polygon with corners (N, 2) in pixels; `opacity` is from 0 to 1."""
        fixed = _to_fixed_point(np.asarray(points, dtype=np.float64) * 2)
        if opacity < 1 and self.image.shape[2] == 3:
            self._blend(fixed, colour, opacity)
        else:
            blue, green, red = (channel * opacity for channel in colour)
            premultiplied = (blue, green, red, 255 * opacity)
            cv2.fillPoly(self.image, [fixed], premultiplied, cv2.LINE_AA, _SUBPIXEL_BITS)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        opacity: float = 1.0,
    ) -> None:
        """Fill an ellipse; `centre` (x, y) and `radii` (x, y) in pixels."""
        self.polygon(ellipse_outline(centre, radii), colour, opacity)

    def shade(self, points: ArrayLike, top: float, bottom: float) -> None:
        """Multiply the colours in a polygon by a factor that goes from `top` to `bottom`."""
        corners = np.asarray(points, dtype=np.float64) * 2
        height, width = self.image.shape[:2]
        x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (width, height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        inside = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        cv2.fillPoly(
            inside, [_to_fixed_point(corners - (x0, y0))], 255.0, cv2.LINE_8, _SUBPIXEL_BITS
        )
        factor = np.linspace(top, bottom, y1 - y0)[:, None, None]
        region = self.image[y0:y1, x0:x1, :3]
        shaded = np.clip(region * factor, 0, 255).astype(np.uint8)
        np.copyto(region, shaded, where=inside[:, :, None] > 0)

    def to_image(self) -> Image:
        """Return the drawing at its final size, (height, width, 3 or 4) uint8."""
        height, width = self.image.shape[:2]
        small = cv2.resize(self.image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def to_sprite(self) -> Sprite:
        """Return the drawing at its final size, cropped to the pixels that are not transparent."""
        image = self.to_image()
        left, top, width, height = cv2.boundingRect(image[:, :, 3])
        return Sprite(image[top : top + height, left : left + width].copy(), left, top)

    def _blend(self, fixed: NDArray[np.int32], colour: Colour, opacity: float) -> None:
        x, y, width, height = cv2.boundingRect(fixed >> _SUBPIXEL_BITS)
        rows = slice(max(y, 0), max(y + height + 1, 0))
        columns = slice(max(x, 0), max(x + width + 1, 0))
        region = self.image[rows, columns]
        if region.size == 0:
            return
        over = region.copy()
        origin = np.array([columns.start, rows.start], dtype=np.int32) * _SUBPIXELS
        cv2.fillPoly(over, [fixed - origin], colour, cv2.LINE_AA, _SUBPIXEL_BITS)
        self.image[rows, columns] = cv2.addWeighted(over, opacity, region, 1 - opacity, 0)


def hex_colour(text: str) -> Colour:
    """Convert RGB hexadecimal text to BGR: `"c0392b"` -> (43, 57, 192)."""
    red, green, blue = (int(text[i : i + 2], 16) for i in (0, 2, 4))
    return float(blue), float(green), float(red)


def tint(colour: Colour, factor: float) -> Colour:
    """Darken a colour (factor below 1) or mix it with white (above 1; 2 is white)."""
    if factor <= 1:
        blue, green, red = (channel * factor for channel in colour)
    else:
        blue, green, red = (channel + (255 - channel) * (factor - 1) for channel in colour)
    return blue, green, red


_CIRCLE = np.exp(2j * np.pi * np.arange(28) / 28)
_HALF_CIRCLE = np.exp(1j * np.pi * (np.arange(8) / 7 - 0.5))  # the right half


def ellipse_outline(centre: tuple[float, float], radii: tuple[float, float]) -> Points:
    """Return the outline (28, 2) of an ellipse in pixels."""
    outline = np.empty((len(_CIRCLE), 2))
    outline[:, 0] = centre[0] + radii[0] * _CIRCLE.real
    outline[:, 1] = centre[1] + radii[1] * _CIRCLE.imag
    return outline


def capsule_outline(start: complex, end: complex, start_radius: float, end_radius: float) -> Points:
    """Return the convex hull (16, 2) of two discs; centres are column + 1j * row."""
    along = end - start
    length = abs(along)
    direction = along / length if length > 0 else 1.0
    outline = np.empty(2 * len(_HALF_CIRCLE), dtype=np.complex128)
    outline[: len(_HALF_CIRCLE)] = end + end_radius * direction * _HALF_CIRCLE
    outline[len(_HALF_CIRCLE) :] = start - start_radius * direction * _HALF_CIRCLE
    return outline.view(np.float64).reshape(-1, 2)


def bounding_box(shapes: Sequence[Shape]) -> NDArray[np.float64]:
    """Return the box xyxy (4,) around all shapes, in pixels."""
    points = np.concatenate([shape.points for shape in shapes])
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def draw_shapes(shapes: Sequence[Shape]) -> Sprite:
    """Draw shapes, the last one on top, as an anti-aliased sprite that is lit from the left."""
    x0, y0, width, height = _pixel_bounds(shapes)
    canvas = Canvas(width, height, opaque=False)
    for points, colour in shapes:
        fixed = _to_fixed_point((points - (x0, y0)) * 2)
        cv2.fillPoly(canvas.image, [fixed], (*colour, 255.0), cv2.LINE_AA, _SUBPIXEL_BITS)
    image = canvas.to_image()
    # Pixels close to the right edge of the body face away from the light and become darker.
    reach = max(1, round(height / 24))
    behind = np.zeros((height, width), dtype=np.uint8)
    behind[:, :-reach] = image[:, reach:, 3]
    light = cv2.convertScaleAbs(cv2.blur(behind, (reach, reach)), alpha=0.25, beta=191)
    light = cv2.merge([light, light, light, np.full_like(light, 255)])
    lit = cv2.multiply(image, light, scale=1 / 255)
    return Sprite(np.asarray(lit, dtype=np.uint8), x0, y0)


def shapes_mask(shapes: Sequence[Shape]) -> Sprite:
    """Return the union of shapes as a mask sprite (H, W): 255 inside, 0 outside."""
    x0, y0, width, height = _pixel_bounds(shapes)
    mask = np.zeros((height, width), dtype=np.uint8)
    for points, _ in shapes:
        cv2.fillPoly(mask, [_to_fixed_point(points - (x0, y0))], 255.0, cv2.LINE_8, _SUBPIXEL_BITS)
    return Sprite(mask, x0, y0)


def opaque_mask(sprite: Sprite) -> Sprite:
    """Return the mask of a sprite (H, W): 255 where its opacity is above one half, else 0."""
    opacity = sprite.image[:, :, 3]
    mask = np.where(opacity > 127, np.uint8(255), np.uint8(0))
    return Sprite(mask, sprite.left, sprite.top)


def overlap_slices(sprite: Sprite, width: int, height: int) -> tuple[slice, slice, slice, slice]:
    """Return the common area of a sprite and an image of `width` x `height` pixels.

    The slices are rows and columns of the image, then of the sprite; empty without an overlap.
    """
    sprite_height, sprite_width = sprite.image.shape[:2]
    top, left = max(sprite.top, 0), max(sprite.left, 0)
    bottom = max(min(sprite.top + sprite_height, height), top)
    right = max(min(sprite.left + sprite_width, width), left)
    rows, columns = slice(top, bottom), slice(left, right)
    own_rows = slice(top - sprite.top, bottom - sprite.top)
    return rows, columns, own_rows, slice(left - sprite.left, right - sprite.left)


def paste(image: Image, sprite: Sprite) -> None:
    """Composite a sprite over an image (H, W, 3), in place."""
    rows, columns, own_rows, own_columns = overlap_slices(sprite, image.shape[1], image.shape[0])
    background = image[rows, columns]
    if background.size == 0:
        return
    foreground = sprite.image[own_rows, own_columns]
    transparency = cv2.cvtColor(cv2.bitwise_not(foreground[:, :, 3]), cv2.COLOR_GRAY2BGR)
    behind = cv2.multiply(background, transparency, scale=1 / 255)
    image[rows, columns] = cv2.add(behind, foreground[:, :, :3])


def draw_shadows(image: Image, shadows: Sequence[Points], strength: float, top: int) -> None:
    """Draw soft shadows on the ground of an image (H, W, 3), in place.

    Args:
        image: BGR uint8 (H, W, 3).
        shadows: polygons (N, 2) in pixels.
        strength: fraction of the light that a full shadow removes.
        top: first row of the ground; rows above it stay as they are.
    """
    ground = image[top:]
    height, width = ground.shape[:2]
    quarter = np.zeros((-(-height // 4), -(-width // 4)), dtype=np.uint8)
    for points in shadows:
        fixed = np.rint(((points - (0, top)) / 4 - 0.5) * _SUBPIXELS).astype(np.int32)
        cv2.fillPoly(quarter, [fixed], 255 * strength, cv2.LINE_AA, _SUBPIXEL_BITS)
    soft = cv2.blur(cv2.blur(quarter, (3, 3)), (3, 3))
    wide = (4 * quarter.shape[1], 4 * quarter.shape[0])
    light = cv2.bitwise_not(cv2.resize(soft, wide, interpolation=cv2.INTER_LINEAR))[:height, :width]
    image[top:] = cv2.multiply(ground, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), scale=1 / 255)


def _to_fixed_point(points: Points) -> NDArray[np.int32]:
    # Pixel centres have integer coordinates in cv2 and half-integer coordinates here.
    return np.rint((points - 0.5) * _SUBPIXELS).astype(np.int32)


def _pixel_bounds(shapes: Sequence[Shape]) -> tuple[int, int, int, int]:
    """Return left, top, width and height in whole pixels around shapes, with a margin of one."""
    left, top, right, bottom = bounding_box(shapes)
    x0, y0 = int(np.floor(left)) - 1, int(np.floor(top)) - 1
    return x0, y0, int(np.ceil(right)) + 1 - x0, int(np.ceil(bottom)) + 1 - y0
