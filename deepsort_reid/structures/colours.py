"""Display colour of a track id."""

import colorsys


def id_colour(track_id: int) -> tuple[int, int, int]:
    """Return the colour of a track id as (red, green, blue), 0 to 255.

    An id always has the same colour. Hues of successive ids differ by the golden ratio, which
    spreads any number of them evenly around the colour circle; saturation and brightness change
    with every third id.
    """
    hue = (0.08 + track_id * 0.6180339887498949) % 1.0
    saturation, value = ((0.85, 1.0), (0.55, 1.0), (0.9, 0.8))[track_id // 3 % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
