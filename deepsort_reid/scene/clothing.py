"""Random appearance of pedestrians: body, clothes, hair, hat and bag."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepsort_reid.scene.rendering import Colour, hex_colour

_SKIN = tuple(map(hex_colour, ("f3d3bd", "e8bc9c", "d9a27c", "b97d55", "8d5a3b", "5e3a26")))
_HAIR = tuple(
    map(hex_colour, ("1d1a1a", "3a2a20", "5b3b25", "8a5a2e", "c79a55", "9b9690", "7a2f1c"))
)
_TOPS = tuple(
    map(
        hex_colour,
        (
            *("c8402f", "2f5fa8", "e0a526", "3c7d4f", "efe9dc", "33363d", "7b4a8c", "d97fa0"),
            *("4fa3b5", "e3722c", "8c2f3f", "9fb45c", "b9c4cf", "6a4a35", "24405e"),
        ),
    )
)
_BOTTOMS = tuple(
    map(
        hex_colour,
        ("2b3a55", "23252b", "6b6f78", "b79f7a", "4c3b31", "5f7189", "d8d2c4", "3f4f3d", "7a3140"),
    )
)
_SHOES = tuple(map(hex_colour, ("f2f0ea", "1e1e20", "6b4226", "a33a2c", "3d556e")))
_ACCENTS = tuple(
    map(hex_colour, ("b5352a", "e6b23a", "2c6e6b", "1f2a44", "efe6d5", "7d4e2d", "d36c3a"))
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Appearance of a pedestrian; it stays the same for the whole video."""

    height: float  # metres
    body_width: float  # relative to the average
    skin: Colour
    hair: Colour
    top: Colour
    bottom: Colour
    shoes: Colour
    accent: Colour  # of hat, bag, scarf and the shirt under a jacket
    garment: str  # tee, jumper, stripes, jacket, coat or dress
    legwear: str  # trousers, shorts or skirt
    hairstyle: str  # short, long, bun or bald
    hat: str  # none, cap, beanie or brim
    bag: str  # none, backpack, handbag or satchel
    arm_swing: float  # amplitude, relative to the average


def random_person(rng: np.random.Generator, others: Sequence[Person]) -> Person:
    """Draw a random person; one in five is dressed like one of `others`, in similar colours."""

    def pick(options: Sequence[Colour]) -> Colour:
        return options[int(rng.random() * len(options))]

    def choose(options: dict[str, float]) -> str:
        limits = np.cumsum(list(options.values()))
        return list(options)[int(np.searchsorted(limits, rng.random() * limits[-1]))]

    person = Person(
        height=1.56 + 0.32 * (rng.random() + rng.random()) / 2,
        body_width=0.9 + 0.25 * rng.random(),
        skin=pick(_SKIN),
        hair=pick(_HAIR),
        top=_similar_colour(pick(_TOPS), rng),
        bottom=_similar_colour(pick(_BOTTOMS), rng),
        shoes=pick(_SHOES),
        accent=pick(_ACCENTS),
        garment=choose({"tee": 3, "jumper": 3, "stripes": 2, "jacket": 3, "coat": 2, "dress": 2}),
        legwear=choose({"trousers": 6, "shorts": 1.5, "skirt": 1.5}),
        hairstyle=choose({"short": 4, "long": 3, "bun": 1.5, "bald": 0.7}),
        hat=choose({"none": 7, "cap": 1.2, "beanie": 1.2, "brim": 1}),
        bag=choose({"none": 4, "backpack": 2.5, "handbag": 2, "satchel": 1.5}),
        arm_swing=0.7 + 0.6 * rng.random(),
    )
    similar = rng.random()
    if others and similar < 0.2:
        other = others[int(rng.random() * len(others))]
        top, bottom = _similar_colour(other.top, rng), _similar_colour(other.bottom, rng)
        person = replace(
            person, top=top, bottom=bottom, garment=other.garment, legwear=other.legwear
        )
    return person


def _similar_colour(colour: Colour, rng: np.random.Generator) -> Colour:
    """Return a colour whose channels differ by up to 7 grey levels."""
    blue, green, red = (
        min(max(channel + 14 * (rng.random() - 0.5), 0.0), 255.0) for channel in colour
    )
    return blue, green, red
