"""The people of the rendered street as they walk.

A person is drawn from a skeleton of joints in three dimensions that walks with both feet on the
ground and is seen in perspective, so that the same few limbs give side, front and back views.
"""

import math
from collections.abc import Sequence

import numpy as np

from deepsort_reid.scene.clothing import Person
from deepsort_reid.scene.rendering import Colour, Points, Shape, View, capsule, oval, tint

# Half width across and half depth of the trunk, by height; all in body heights.
_TRUNK = (
    (0.470, 0.086, 0.060),
    (0.530, 0.092, 0.070),
    (0.620, 0.077, 0.060),
    (0.720, 0.092, 0.068),
    (0.785, 0.102, 0.064),
    (0.818, 0.088, 0.052),
    (0.838, 0.054, 0.040),
    (0.850, 0.036, 0.034),
)
_LEVELS = tuple(level for level, _, _ in _TRUNK)
_THIGH = 0.243  # and shin: lengths in body heights
_UPPER_ARM = 0.165
_FOREARM = 0.145
_STANCE = 0.6  # share of a stride in which a foot is on the ground


def figure(
    person: Person, view: View, x: float, z: float, heading: float, travelled: float, speed: float
) -> list[Shape]:
    """A walking person, as shapes from back to front.

    Args:
        person: who.
        view: the camera.
        x, z: where on the ground, in metres.
        heading: direction of the walk in radians; 0 is to the right, pi / 2 away from the camera.
        travelled: metres walked so far; it moves the legs.
        speed: metres per second; it sets the length of the steps.
    """
    return _Figure(person, view, x, z, heading, travelled, speed).shapes


class _Figure:
    """The shapes of one person in one frame; lengths inside are in body heights."""

    def __init__(
        self,
        person: Person,
        view: View,
        x: float,
        z: float,
        heading: float,
        travelled: float,
        speed: float,
    ) -> None:
        self.person, self.view, self.x, self.z = person, view, x, z
        self.cos, self.sin = math.cos(heading), math.sin(heading)
        self.size = view.scale(z) * person.height  # pixels of one body height
        self.stride = 0.36 + 0.22 * speed
        self.phase = travelled / (self.stride * person.height) % 1.0
        # The hips are lowest when both feet are on the ground, half a step apart.
        self.bob = -0.015 * math.cos(4 * math.pi * (self.phase - 0.05))
        self.shapes: list[Shape] = []
        self._draw()

    def at(self, forward: float, left: float, up: float) -> complex:
        """Where a point of the body is seen: column + 1j * row."""
        tall = self.person.height
        x = self.x + tall * (forward * self.cos - left * self.sin)
        z = self.z + tall * (forward * self.sin + left * self.cos)
        return complex(*self.view.point(x, tall * up, z))

    def limb(self, start: complex, end: complex, r0: float, r1: float, colour: Colour) -> None:
        """Part of an arm or a leg, with radii in body heights."""
        self.shapes.append(Shape(capsule(start, end, r0 * self.size, r1 * self.size), colour))

    def disc(self, centre: complex, rx: float, ry: float, colour: Colour) -> None:
        """An ellipse with radii in body heights."""
        radii = (rx * self.size, ry * self.size)
        self.shapes.append(Shape(oval((centre.real, centre.imag), radii), colour))

    def _draw(self) -> None:
        person = self.person
        near = -1 if self.cos >= 0 else 1  # the side of the body towards the camera
        towards = -self.sin  # 1: walks towards the camera, -1: away
        knees = {side: self._leg(side, 0.80 if side != near else 1.0) for side in (-near, near)}
        legs, self.shapes = self.shapes, []
        self._arm(-near, 0.78)
        if person.bag == "backpack" and towards > -0.35:
            self._backpack()
        self.shapes += legs
        self._trunk(list(knees.values()))
        if person.bag == "backpack" and towards <= -0.35:
            self._backpack()
        if person.bag == "satchel":
            self._satchel(near)
        self._head(towards)
        hand = self._arm(near, 0.94)
        if person.bag == "handbag":
            self._handbag(hand)

    def _leg(self, side: int, light: float) -> complex:
        """Draw one leg (+1 is the left one) and return where its knee is."""
        person = self.person
        phase = (self.phase + (0.5 if side > 0 else 0.0)) % 1.0
        forward, up, pitch = _foot(phase, 0.5 * _STANCE * self.stride)
        hip_up = 0.510 + self.bob
        knee_forward, knee_up, forward, up = _bend(hip_up, forward, up)
        out = 0.047 * side
        hip, knee = self.at(0, out, hip_up), self.at(knee_forward, out, knee_up)
        ankle = self.at(forward, out * 0.8, up)
        toe_forward = forward + 0.095 * math.cos(pitch)
        toe = self.at(toe_forward, out * 1.1, up - 0.022 + 0.1 * math.sin(pitch))
        heel = self.at(forward - 0.02, out * 0.8, up - 0.018)
        cloth, skin = tint(person.bottom, light), tint(person.skin, light)
        wide = person.build
        shoe = tint(person.shoes, light)
        self.limb(heel, toe, 0.024, 0.017, shoe)
        if person.legwear == "trousers" and person.garment != "dress":
            self.limb(knee, ankle, 0.042 * wide, 0.031, cloth)
            self.limb(hip, knee, 0.062 * wide, 0.044 * wide, cloth)
        else:
            self.limb(knee, ankle, 0.033 * wide, 0.022, skin)
            self.limb(hip, knee, 0.050 * wide, 0.035 * wide, skin)
            if person.legwear == "shorts" and person.garment != "dress":
                self.limb(hip, knee + 0.12 * (hip - knee), 0.064 * wide, 0.052 * wide, cloth)
        return knee

    def _arm(self, side: int, light: float) -> complex:
        """Draw one arm and return where its hand is."""
        person = self.person
        phase = self.phase + (0.0 if side > 0 else 0.5)
        carries = person.bag == "handbag" and side == (-1 if self.cos >= 0 else 1)
        angle = 0.42 * person.swing * math.cos(2 * math.pi * phase) * (0.4 if carries else 1.0)
        bend = 0.1 if carries else 0.32 + 0.3 * max(angle, 0.0)
        out = side * (0.096 * person.build + 0.002)
        up = 0.792 + self.bob
        elbow_f, elbow_u = _UPPER_ARM * math.sin(angle), up - _UPPER_ARM * math.cos(angle)
        hand_f = elbow_f + _FOREARM * math.sin(angle + bend)
        hand_u = elbow_u - _FOREARM * math.cos(angle + bend)
        shoulder, elbow = self.at(0, out, up), self.at(elbow_f, out * 1.18, elbow_u)
        hand = self.at(hand_f, out * 1.14, hand_u)
        cloth, skin = tint(person.top, light), tint(person.skin, light)
        wide = person.build
        self.disc(hand + 0.012 * (hand - elbow), 0.021, 0.023, skin)
        if person.garment in ("tee", "dress"):
            self.limb(elbow, hand, 0.024 * wide, 0.018, skin)
            self.limb(shoulder, elbow, 0.030 * wide, 0.025 * wide, skin)
            self.limb(
                shoulder, shoulder + 0.6 * (elbow - shoulder), 0.037 * wide, 0.036 * wide, cloth
            )
        else:
            self.limb(elbow, hand, 0.030 * wide, 0.024, cloth)
            self.limb(shoulder, elbow, 0.038 * wide, 0.031 * wide, cloth)
        return hand

    def _rim(self, up: float) -> tuple[complex, float]:
        """Centre and half width in pixels of the trunk at one height."""
        last = min(sum(level < up for level in _LEVELS[1:]), len(_TRUNK) - 2)
        (low, across, deep), (high, across_high, deep_high) = _TRUNK[last : last + 2]
        share = (up - low) / (high - low)
        across, deep = across + share * (across_high - across), deep + share * (deep_high - deep)
        half = math.hypot(across * self.sin, deep * self.cos)
        lean = 0.05 * (up - 0.5)
        return self.at(lean, 0, up + self.bob), half * self.person.build * self.size

    def _band(self, low: float, high: float, colour: Colour) -> None:
        """The trunk between two heights."""
        between = [level for level, _, _ in _TRUNK if low < level < high]
        self.shapes.append(Shape(_outline([self._rim(up) for up in (low, *between, high)]), colour))

    def _hem(self, up: float, knees: list[complex], colour: Colour, flare: float) -> None:
        """A coat, dress or skirt from the waist down to a height; it gives way to the knees."""
        hem, _ = self._rim(0.47)
        row = self.at(0, 0, up).imag
        share = (0.50 - up) / 0.22  # of the way down to the knees
        columns = [hem.real + share * (knee.real - hem.real) for knee in knees]
        left, right = min(columns) - flare * self.size, max(columns) + flare * self.size
        waist = [self._rim(level) for level in (0.62, 0.53, 0.47)]
        middle = (left + right) / 2
        sides = [*waist, (complex(middle, row), (right - left) / 2)]
        self.shapes.append(Shape(_outline(sides), colour))

    def _trunk(self, knees: list[complex]) -> None:
        person = self.person
        belt = 0.53 if person.garment in ("tee", "jumper", "stripes") else 0.50
        neck = self.at(0.012, 0, 0.835 + self.bob)
        if person.garment == "dress":
            self._hem(0.27, knees, tint(person.top, 0.96), 0.055)
        elif person.legwear == "skirt":
            self._hem(0.30, knees, person.bottom, 0.05)
        else:
            self._band(0.47, 0.55, person.bottom)
        if person.garment == "coat":
            self._hem(0.29, knees, tint(person.top, 0.95), 0.052)
        self._band(belt - 0.03, 0.85, person.top)
        if person.garment == "stripes":
            for low in np.arange(0.53, 0.80, 0.056):
                self._band(float(low), float(low) + 0.025, person.accent)
        if person.garment in ("jacket", "coat"):
            self._opening()
        if person.garment == "dress":
            self._band(0.605, 0.63, person.accent)
        self.limb(neck, self.at(0.02, 0, 0.88 + self.bob), 0.030, 0.028, tint(person.skin, 0.86))
        if person.garment == "coat":
            self.limb(*self._across(0.845, 0.036), 0.026, 0.026, person.accent)

    def _across(self, up: float, half: float) -> tuple[complex, complex]:
        middle, _ = self._rim(up)
        return middle - half * self.size, middle + half * self.size

    def _opening(self) -> None:
        """What is worn under an open jacket, on the side that the chest faces."""
        facing = -self.sin  # 1 when the chest is towards the camera
        if facing < -0.25:
            return
        half = 0.012 + 0.030 * max(facing, 0.0)
        sides = []
        for up in (0.51, 0.62, 0.74, 0.835):
            middle, width = self._rim(up)
            chest = middle + (width - half * self.size) * self.cos * (1 - max(facing, 0.0) * 0.4)
            sides.append((chest, half * self.size * (0.8 + (up - 0.51))))
        self.shapes.append(Shape(_outline(sides), self.person.accent))

    def _backpack(self) -> None:
        back = -0.105 * self.person.build
        low, high = self.at(back, 0, 0.61 + self.bob), self.at(back + 0.02, 0, 0.775 + self.bob)
        radius = math.hypot(0.085 * self.sin, 0.055 * self.cos)
        self.limb(low, high, radius * 1.05, radius * 0.9, self.person.accent)
        pocket = self.at(back - 0.035, 0, 0.625 + self.bob)
        self.disc(pocket, radius * 0.72, 0.045, tint(self.person.accent, 0.82))

    def _satchel(self, near: int) -> None:
        strap_top = self.at(0.01, -near * 0.07, 0.835 + self.bob)
        hang = self.at(-0.03, near * 0.115 * self.person.build, 0.50 + self.bob)
        self.limb(strap_top, hang, 0.010, 0.010, tint(self.person.accent, 0.8))
        half, drop = 0.062 * max(abs(self.cos), 0.45), 0.085
        self.shapes.append(
            Shape(_slab(hang, half * self.size, drop * self.size), self.person.accent)
        )

    def _handbag(self, hand: complex) -> None:
        half, drop = 0.062 * max(abs(self.cos), 0.4), 0.10
        top = hand + 0.055j * self.size
        self.limb(hand, top - half * 0.6 * self.size, 0.006, 0.006, tint(self.person.accent, 0.75))
        self.limb(hand, top + half * 0.6 * self.size, 0.006, 0.006, tint(self.person.accent, 0.75))
        self.shapes.append(
            Shape(_slab(top, half * self.size, drop * self.size), self.person.accent)
        )

    def _head(self, towards: float) -> None:
        person = self.person
        face_to = self.cos  # where the nose points on the screen, -1..1
        wide, tall = 0.056, 0.070
        centre = self.at(0.03, 0, 0.925 + self.bob)
        back = -0.014 * face_to * self.size
        hair = person.hair if person.hairdo != "bald" else person.skin
        if person.hairdo == "long":
            nape = centre + back + (0.085j - 0.012 * face_to) * self.size
            self.limb(centre + back, nape, 0.062, 0.052 - 0.012 * abs(face_to), tint(hair, 0.9))
        self.disc(centre + back - 0.006j * self.size, wide + 0.006, tall + 0.003, hair)
        if person.hairdo == "bun":
            self.disc(centre + (-0.062 * face_to - 0.040j) * self.size, 0.030, 0.030, hair)
        if towards > -0.75:
            self._face(centre, face_to, towards, wide, tall)
        if person.hairdo == "long" and towards < -0.5:
            self.limb(centre, centre + 0.095j * self.size, 0.060, 0.050, hair)
        self._hat(centre, face_to, towards)

    def _face(
        self, centre: complex, face_to: float, towards: float, wide: float, tall: float
    ) -> None:
        share = min(1.0, (towards + 0.75) / 1.1)
        front = centre + (0.021 * face_to + 0.013j) * self.size
        self.disc(front, wide * (0.46 + 0.38 * share), tall * 0.80, self.person.skin)
        if towards < 0.6:
            nose = front + (wide * (0.40 + 0.38 * share) * face_to + 0.004j) * self.size
            self.disc(nose, 0.012, 0.013, self.person.skin)
        dark = tint(self.person.skin, 0.35)
        for side in (-1, 1):
            across = 0.021 * side * max(towards, 0.0) + 0.03 * face_to
            if towards > 0.3 or side > 0:
                self.disc(front + (across - 0.010j) * self.size, 0.0065, 0.0085, dark)

    def _hat(self, centre: complex, face_to: float, towards: float) -> None:
        person = self.person
        if person.hat == "none":
            return
        top = centre + (-0.008 * face_to - 0.020j) * self.size
        crown = {"cap": 0.052, "beanie": 0.066, "brim": 0.058}[person.hat]
        dome = oval((0.0, 0.0), (0.065 * self.size, crown * self.size))
        dome = np.minimum(dome, [np.inf, 0.012 * self.size])
        self.shapes.append(Shape(dome + np.array([top.real, top.imag]), person.accent))
        if person.hat == "beanie":
            edge = 0.062 * self.size
            band = top + 0.004j * self.size
            self.limb(band - edge, band + edge, 0.016, 0.016, tint(person.accent, 0.8))
        elif person.hat == "brim":
            self.disc(top + 0.008j * self.size, 0.112, 0.017, tint(person.accent, 0.88))
        elif towards > -0.6:
            peak = top + (0.062 * face_to + 0.012j) * self.size
            self.disc(peak, 0.028 + 0.018 * abs(face_to), 0.013, tint(person.accent, 0.8))


def _foot(phase: float, reach: float) -> tuple[float, float, float]:
    """Ankle forward and up, and the pitch of the sole, at one phase of the stride.

    On the ground the foot goes back as fast as the body goes on, so it does not slide.
    """
    ground = 0.040
    if phase < _STANCE:
        share = phase / _STANCE
        rise = max(0.0, (share - 0.65) / 0.35)
        toe_up = max(0.0, 1 - share / 0.15)
        return reach * (1 - 2 * share), ground + 0.045 * rise**2, 0.25 * toe_up - 0.65 * rise**2
    share = (phase - _STANCE) / (1 - _STANCE)
    smooth = share * share * (3 - 2 * share)
    up = ground + 0.045 * (1 - share) + 0.050 * math.sin(math.pi * share)
    return reach * (2 * smooth - 1), up, -0.65 + 0.90 * smooth


def _bend(hip_up: float, forward: float, up: float) -> tuple[float, float, float, float]:
    """Knee and ankle (forward, up) of a leg of two equal bones that reaches for a point."""
    down = hip_up - up
    distance = math.hypot(forward, down)
    most = 2 * _THIGH * 0.999
    if distance > most:
        forward, down = forward * most / distance, down * most / distance
        distance = most
    bulge = math.sqrt(_THIGH**2 - (distance / 2) ** 2)
    knee_forward = forward / 2 + bulge * down / distance
    knee_up = hip_up - down / 2 + bulge * forward / distance
    return knee_forward, knee_up, forward, hip_up - down


def _outline(sides: Sequence[tuple[complex, float]]) -> Points:
    """A closed outline from (centre, half width) at several heights."""
    right = [(centre.real + half, centre.imag) for centre, half in sides]
    left = [(centre.real - half, centre.imag) for centre, half in sides]
    return np.array(right + left[::-1])


def _slab(top: complex, half: float, drop: float) -> Points:
    """A bag: slightly wider below than above."""
    x, y = top.real, top.imag
    corners = [(-0.82, 0.0), (0.82, 0.0), (1.0, 0.25), (1.0, 1.0), (-1.0, 1.0), (-1.0, 0.25)]
    return np.array([(x + half * across, y + drop * down) for across, down in corners])
