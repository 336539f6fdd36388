"""What the painters of the street share: a camera on the ground plane, a brush, sprites.

World coordinates are metres: x to the right, y up, z away from the camera, the ground at y = 0.
The camera looks along z without tilt, so verticals stay vertical.
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

_FIXED_BITS = 4  # cv2 draws at sixteenths of a pixel
_FIXED = 1 << _FIXED_BITS


class Shape(NamedTuple):
    """One filled polygon: corners in pixels (N, 2) and its colour."""

    points: Points
    colour: Colour


class Sprite(NamedTuple):
    """A drawn thing that is laid over a picture.

    `image` (H, W, 4) is BGR already multiplied by its opacity, then the opacity; its upper left
    pixel belongs at column `left` and row `top`, which may lie outside of the picture.
    """

    image: Image
    left: int
    top: int


@dataclass(frozen=True, kw_only=True)
class View:
    """A pinhole camera at (0, `eye`, 0): (x, y, z) is seen at column `centre` + `focal` x / z."""

    width: int  # pixels
    height: int  # pixels
    focal: float  # pixels
    centre: float  # column of x = 0
    horizon: float  # row of everything at the height of the camera
    eye: float  # height of the camera in metres

    def scale(self, z: float) -> float:
        """Pixels per metre at distance z."""
        return self.focal / z

    def point(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Column and row of one point."""
        scale = self.focal / z
        return self.centre + x * scale, self.horizon + (self.eye - y) * scale

    def points(self, xyz: ArrayLike) -> Points:
        """(N, 3) metres -> (N, 2) pixels."""
        x, y, z = np.asarray(xyz, dtype=np.float64).T
        scale = self.focal / z
        return np.column_stack([self.centre + x * scale, self.horizon + (self.eye - y) * scale])

    def ground(self, x0: float, z0: float, x1: float, z1: float) -> Points:
        """The corners (4, 2) of a rectangle that lies on the ground."""
        return self.points([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)])

    def front(self, x0: float, y0: float, x1: float, y1: float, z: float) -> Points:
        """The corners (4, 2) of an upright rectangle that faces the camera."""
        return self.points([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)])

    def reach(self, z: float) -> tuple[float, float]:
        """Leftmost and rightmost x in the picture at distance z."""
        return -self.centre * z / self.focal, (self.width - self.centre) * z / self.focal


class Brush:
    """Draws with smooth edges at twice the size; `picture` and `sprite` give it at once.

    Args:
        width, height: size of the result in pixels.
        opaque: a picture (H, W, 3) when true, else a sprite (H, W, 4) on nothing.
    """

    def __init__(self, width: int, height: int, *, opaque: bool) -> None:
        self.image: Image = np.zeros((2 * height, 2 * width, 3 if opaque else 4), dtype=np.uint8)

    def polygon(self, points: ArrayLike, colour: Colour, opacity: float = 1.0) -> None:
        """Fill a polygon with corners (N, 2)."""
        fixed = _fixed(np.asarray(points, dtype=np.float64) * 2)
        if opacity < 1 and self.image.shape[2] == 3:
            self._blend(fixed, colour, opacity)
        else:
            blue, green, red = (channel * opacity for channel in colour)
            paint = (blue, green, red, 255 * opacity)
            cv2.fillPoly(self.image, [fixed], paint, cv2.LINE_AA, _FIXED_BITS)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        opacity: float = 1.0,
    ) -> None:
        """Fill an ellipse; centre and both radii in pixels."""
        self.polygon(oval(centre, radii), colour, opacity)

    def shade(self, points: ArrayLike, top: float, bottom: float) -> None:
        """Multiply what is inside of a polygon by a factor that goes from `top` to `bottom`."""
        corners = np.asarray(points, dtype=np.float64) * 2
        height, width = self.image.shape[:2]
        x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, (width, height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        inside = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        cv2.fillPoly(inside, [_fixed(corners - (x0, y0))], 255.0, cv2.LINE_8, _FIXED_BITS)
        factor = np.linspace(top, bottom, y1 - y0)[:, None, None]
        region = self.image[y0:y1, x0:x1, :3]
        shaded = np.clip(region * factor, 0, 255).astype(np.uint8)
        np.copyto(region, shaded, where=inside[:, :, None] > 0)

    def picture(self) -> Image:
        """The drawing at its real size."""
        height, width = self.image.shape[:2]
        small = cv2.resize(self.image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def sprite(self) -> Sprite:
        """The drawing at its real size, cut to what was drawn."""
        image = self.picture()
        left, top, width, height = cv2.boundingRect(image[:, :, 3])
        return Sprite(image[top : top + height, left : left + width].copy(), left, top)

    def _blend(self, fixed: NDArray[np.int32], colour: Colour, opacity: float) -> None:
        x, y, width, height = cv2.boundingRect(fixed >> _FIXED_BITS)
        rows = slice(max(y, 0), max(y + height + 1, 0))
        columns = slice(max(x, 0), max(x + width + 1, 0))
        region = self.image[rows, columns]
        if region.size == 0:
            return
        over = region.copy()
        origin = np.array([columns.start, rows.start], dtype=np.int32) * _FIXED
        cv2.fillPoly(over, [fixed - origin], colour, cv2.LINE_AA, _FIXED_BITS)
        self.image[rows, columns] = cv2.addWeighted(over, opacity, region, 1 - opacity, 0)


def hex_colour(text: str) -> Colour:
    """`"c0392b"` (red, green, blue) -> (43, 57, 192) as cv2 wants it."""
    red, green, blue = (int(text[i : i + 2], 16) for i in (0, 2, 4))
    return float(blue), float(green), float(red)


def tint(colour: Colour, factor: float) -> Colour:
    """Darker below 1; above 1 on the way to white (2 is white)."""
    if factor <= 1:
        blue, green, red = (channel * factor for channel in colour)
    else:
        blue, green, red = (channel + (255 - channel) * (factor - 1) for channel in colour)
    return blue, green, red


_CIRCLE = np.exp(2j * np.pi * np.arange(28) / 28)
_HALF_CIRCLE = np.exp(1j * np.pi * (np.arange(8) / 7 - 0.5))  # the right half


def oval(centre: tuple[float, float], radii: tuple[float, float]) -> Points:
    """The outline (28, 2) of an ellipse."""
    outline = np.empty((len(_CIRCLE), 2))
    outline[:, 0] = centre[0] + radii[0] * _CIRCLE.real
    outline[:, 1] = centre[1] + radii[1] * _CIRCLE.imag
    return outline


def capsule(start: complex, end: complex, start_radius: float, end_radius: float) -> Points:
    """The outline (16, 2) of two discs and what lies between; column + 1j * row."""
    along = end - start
    length = abs(along)
    direction = along / length if length > 0 else 1.0
    outline = np.empty(2 * len(_HALF_CIRCLE), dtype=np.complex128)
    outline[: len(_HALF_CIRCLE)] = end + end_radius * direction * _HALF_CIRCLE
    outline[len(_HALF_CIRCLE) :] = start - start_radius * direction * _HALF_CIRCLE
    return outline.view(np.float64).reshape(-1, 2)


def bounds(shapes: Sequence[Shape]) -> NDArray[np.float64]:
    """The box xyxy (4,) of some shapes."""
    points = np.concatenate([shape.points for shape in shapes])
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def paint(shapes: Sequence[Shape]) -> Sprite:
    """Shapes, the last one on top -> a sprite with smooth edges, lit from the left."""
    x0, y0, width, height = _frame_of(shapes)
    brush = Brush(width, height, opaque=False)
    for points, colour in shapes:
        fixed = _fixed((points - (x0, y0)) * 2)
        cv2.fillPoly(brush.image, [fixed], (*colour, 255.0), cv2.LINE_AA, _FIXED_BITS)
    image = brush.picture()
    # Where the body ends a little further right, its surface turns away from the light.
    reach = max(1, round(height / 24))
    behind = np.zeros((height, width), dtype=np.uint8)
    behind[:, :-reach] = image[:, reach:, 3]
    light = cv2.convertScaleAbs(cv2.blur(behind, (reach, reach)), alpha=0.25, beta=191)
    light = cv2.merge([light, light, light, np.full_like(light, 255)])
    lit = cv2.multiply(image, light, scale=1 / 255)
    return Sprite(np.asarray(lit, dtype=np.uint8), x0, y0)


def silhouette(shapes: Sequence[Shape]) -> Sprite:
    """The mask of some shapes, 255 inside (H, W), as a sprite without colours."""
    x0, y0, width, height = _frame_of(shapes)
    mask = np.zeros((height, width), dtype=np.uint8)
    for points, _ in shapes:
        cv2.fillPoly(mask, [_fixed(points - (x0, y0))], 255.0, cv2.LINE_8, _FIXED_BITS)
    return Sprite(mask, x0, y0)


def solid(sprite: Sprite) -> Sprite:
    """The mask of a sprite: 255 where it hides what is behind it, 0 where one sees through."""
    opacity = sprite.image[:, :, 3]
    mask = np.where(opacity > 127, np.uint8(255), np.uint8(0))
    return Sprite(mask, sprite.left, sprite.top)


def overlap(sprite: Sprite, width: int, height: int) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of the picture, then of the sprite, where they meet (maybe empty)."""
    tall, wide = sprite.image.shape[:2]
    top, left = max(sprite.top, 0), max(sprite.left, 0)
    bottom = max(min(sprite.top + tall, height), top)
    right = max(min(sprite.left + wide, width), left)
    rows, columns = slice(top, bottom), slice(left, right)
    own_rows = slice(top - sprite.top, bottom - sprite.top)
    return rows, columns, own_rows, slice(left - sprite.left, right - sprite.left)


def lay(picture: Image, sprite: Sprite) -> None:
    """Lay a sprite over a picture (H, W, 3), in place."""
    rows, columns, own_rows, own_columns = overlap(sprite, picture.shape[1], picture.shape[0])
    under = picture[rows, columns]
    if under.size == 0:
        return
    over = sprite.image[own_rows, own_columns]
    through = cv2.cvtColor(cv2.bitwise_not(over[:, :, 3]), cv2.COLOR_GRAY2BGR)
    behind = cv2.multiply(under, through, scale=1 / 255)
    picture[rows, columns] = cv2.add(behind, over[:, :, :3])


def darken(picture: Image, shadows: Sequence[Points], strength: float, top: int) -> None:
    """Lay soft shadows on the ground of a picture (H, W, 3), in place.

    Args:
        picture: BGR.
        shadows: polygons (N, 2) in pixels.
        strength: share of the light that a full shadow takes.
        top: first row of the ground; nothing above it gets darker.
    """
    ground = picture[top:]
    height, width = ground.shape[:2]
    quarter = np.zeros((-(-height // 4), -(-width // 4)), dtype=np.uint8)
    for points in shadows:
        fixed = np.rint(((points - (0, top)) / 4 - 0.5) * _FIXED).astype(np.int32)
        cv2.fillPoly(quarter, [fixed], 255 * strength, cv2.LINE_AA, _FIXED_BITS)
    soft = cv2.blur(cv2.blur(quarter, (3, 3)), (3, 3))
    wide = (4 * quarter.shape[1], 4 * quarter.shape[0])
    light = cv2.bitwise_not(cv2.resize(soft, wide, interpolation=cv2.INTER_LINEAR))[:height, :width]
    picture[top:] = cv2.multiply(ground, cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), scale=1 / 255)


def _fixed(points: Points) -> NDArray[np.int32]:
    # A pixel's centre has whole coordinates for cv2, and half ones for us.
    return np.rint((points - 0.5) * _FIXED).astype(np.int32)


def _frame_of(shapes: Sequence[Shape]) -> tuple[int, int, int, int]:
    """Left, top, width, height of whole pixels around some shapes, with one to spare."""
    left, top, right, bottom = bounds(shapes)
    x0, y0 = int(np.floor(left)) - 1, int(np.floor(top)) - 1
    return x0, y0, int(np.ceil(right)) + 1 - x0, int(np.ceil(bottom)) + 1 - y0
