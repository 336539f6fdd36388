"""Drawing of pedestrians.

A pedestrian is a three-dimensional skeleton in perspective, so the same limbs give side, front and
back views.
"""

import math

import numpy as np

from deepsort_reid.scene.backdrop import SHADOW_OFFSET
from deepsort_reid.scene.body import TRUNK_LEVELS, Body, closed_outline
from deepsort_reid.scene.clothing import Person
from deepsort_reid.scene.gait import STANCE_FRACTION, ankle_pose, leg_joints
from deepsort_reid.scene.rendering import (
    Camera,
    Colour,
    Points,
    Shape,
    capsule_outline,
    ellipse_outline,
    tint,
)

_UPPER_ARM = 0.165
_FOREARM = 0.145


def pedestrian_shapes(
    person: Person, camera: Camera, x: float, z: float, heading: float, walked: float, speed: float
) -> list[Shape]:
    """Return the shapes of a walking person, from back to front; arguments as for `Body`."""
    return _PedestrianDrawing(person, camera, x, z, heading, walked, speed).draw()


def pedestrian_shadow(camera: Camera, person: Person, x: float, z: float) -> Points:
    """Return the shadow polygon (N, 2) in pixels of a person at (x, z) on the ground."""
    end = complex(x + SHADOW_OFFSET[0] * person.height, z + SHADOW_OFFSET[1] * person.height)
    outline = capsule_outline(complex(x, z), end, 0.24, 0.13)
    return camera.ground_pixels(outline)


class _PedestrianDrawing(Body):
    """The shapes of a pedestrian; lengths are in body heights."""

    def draw(self) -> list[Shape]:
        """Return all shapes, from back to front."""
        person = self.person
        near_side = -1 if self.cos >= 0 else 1  # side of the body that is nearer to the camera
        facing_camera = -self.sin  # 1: towards the camera, -1: away from it
        knees = {
            side: self._leg(side, 0.80 if side != near_side else 1.0)
            for side in (-near_side, near_side)
        }
        legs, self.shapes = self.shapes, []
        self._arm(-near_side, 0.78)
        if person.bag == "backpack" and facing_camera > -0.35:
            self._backpack()
        self.shapes += legs
        self._trunk(list(knees.values()))
        if person.bag == "backpack" and facing_camera <= -0.35:
            self._backpack()
        if person.bag == "satchel":
            self._satchel(near_side)
        self._head(facing_camera)
        hand = self._arm(near_side, 0.94)
        if person.bag == "handbag":
            self._handbag(hand)
        return self.shapes

    def _leg(self, side: int, light: float) -> complex:
        """Draw one leg (side +1 is left, -1 right) and return the position of its knee."""
        person = self.person
        phase = (self.phase + (0.5 if side > 0 else 0.0)) % 1.0
        forward, up, pitch = ankle_pose(phase, 0.5 * STANCE_FRACTION * self.stride)
        hip_up = 0.510 + self.bob
        knee_forward, knee_up, forward, up = leg_joints(hip_up, forward, up)
        out = 0.047 * side
        hip, knee = self.project(0, out, hip_up), self.project(knee_forward, out, knee_up)
        ankle = self.project(forward, out * 0.8, up)
        toe_forward = forward + 0.095 * math.cos(pitch)
        toe = self.project(toe_forward, out * 1.1, up - 0.022 + 0.1 * math.sin(pitch))
        heel = self.project(forward - 0.02, out * 0.8, up - 0.018)
        cloth, skin = tint(person.bottom, light), tint(person.skin, light)
        width = person.body_width
        shoe = tint(person.shoes, light)
        self.limb(heel, toe, 0.024, 0.017, shoe)
        if person.legwear == "trousers" and person.garment != "dress":
            self.limb(knee, ankle, 0.042 * width, 0.031, cloth)
            self.limb(hip, knee, 0.062 * width, 0.044 * width, cloth)
        else:
            self.limb(knee, ankle, 0.033 * width, 0.022, skin)
            self.limb(hip, knee, 0.050 * width, 0.035 * width, skin)
            if person.legwear == "shorts" and person.garment != "dress":
                self.limb(hip, knee + 0.12 * (hip - knee), 0.064 * width, 0.052 * width, cloth)
        return knee

    def _arm(self, side: int, light: float) -> complex:
        """Draw one arm (side +1 is left, -1 right) and return the position of its hand."""
        person = self.person
        phase = self.phase + (0.0 if side > 0 else 0.5)
        carries = person.bag == "handbag" and side == (-1 if self.cos >= 0 else 1)
        angle = 0.42 * person.arm_swing * math.cos(2 * math.pi * phase) * (0.4 if carries else 1.0)
        bend = 0.1 if carries else 0.32 + 0.3 * max(angle, 0.0)
        out = side * (0.096 * person.body_width + 0.002)
        up = 0.792 + self.bob
        elbow_f, elbow_u = _UPPER_ARM * math.sin(angle), up - _UPPER_ARM * math.cos(angle)
        hand_f = elbow_f + _FOREARM * math.sin(angle + bend)
        hand_u = elbow_u - _FOREARM * math.cos(angle + bend)
        shoulder, elbow = self.project(0, out, up), self.project(elbow_f, out * 1.18, elbow_u)
        hand = self.project(hand_f, out * 1.14, hand_u)
        cloth, skin = tint(person.top, light), tint(person.skin, light)
        width = person.body_width
        self.ellipse(hand + 0.012 * (hand - elbow), 0.021, 0.023, skin)
        if person.garment in ("tee", "dress"):
            self.limb(elbow, hand, 0.024 * width, 0.018, skin)
            self.limb(shoulder, elbow, 0.030 * width, 0.025 * width, skin)
            self.limb(
                shoulder, shoulder + 0.6 * (elbow - shoulder), 0.037 * width, 0.036 * width, cloth
            )
        else:
            self.limb(elbow, hand, 0.030 * width, 0.024, cloth)
            self.limb(shoulder, elbow, 0.038 * width, 0.031 * width, cloth)
        return hand

    def _trunk_band(self, low: float, high: float, colour: Colour) -> None:
        """Draw the trunk between two heights."""
        between = [level for level in TRUNK_LEVELS if low < level < high]
        self.shapes.append(
            Shape(closed_outline([self.trunk_section(up) for up in (low, *between, high)]), colour)
        )

    def _skirt(self, up: float, knees: list[complex], colour: Colour, flare: float) -> None:
        """Draw a skirt, or that of a coat or dress, down to height `up` and around the knees."""
        hem, _ = self.trunk_section(0.47)
        row = self.project(0, 0, up).imag
        fraction = (0.50 - up) / 0.22  # of the way down to the knees
        columns = [hem.real + fraction * (knee.real - hem.real) for knee in knees]
        left, right = min(columns) - flare * self.size, max(columns) + flare * self.size
        waist = [self.trunk_section(level) for level in (0.62, 0.53, 0.47)]
        middle = (left + right) / 2
        sides = [*waist, (complex(middle, row), (right - left) / 2)]
        self.shapes.append(Shape(closed_outline(sides), colour))

    def _trunk(self, knees: list[complex]) -> None:
        person = self.person
        belt = 0.53 if person.garment in ("tee", "jumper", "stripes") else 0.50
        neck = self.project(0.012, 0, 0.835 + self.bob)
        if person.garment == "dress":
            self._skirt(0.27, knees, tint(person.top, 0.96), 0.055)
        elif person.legwear == "skirt":
            self._skirt(0.30, knees, person.bottom, 0.05)
        else:
            self._trunk_band(0.47, 0.55, person.bottom)
        if person.garment == "coat":
            self._skirt(0.29, knees, tint(person.top, 0.95), 0.052)
        self._trunk_band(belt - 0.03, 0.85, person.top)
        if person.garment == "stripes":
            for low in np.arange(0.53, 0.80, 0.056):
                self._trunk_band(float(low), float(low) + 0.025, person.accent)
        if person.garment in ("jacket", "coat"):
            self._open_front()
        if person.garment == "dress":
            self._trunk_band(0.605, 0.63, person.accent)
        self.limb(
            neck, self.project(0.02, 0, 0.88 + self.bob), 0.030, 0.028, tint(person.skin, 0.86)
        )
        if person.garment == "coat":
            self.limb(*self._horizontal_line(0.845, 0.036), 0.026, 0.026, person.accent)

    def _horizontal_line(self, up: float, half: float) -> tuple[complex, complex]:
        """Return both ends of a line through the centre of the trunk at height `up`."""
        middle, _ = self.trunk_section(up)
        return middle - half * self.size, middle + half * self.size

    def _open_front(self) -> None:
        """Draw the shirt under an open jacket where the chest is visible."""
        facing = -self.sin  # 1: the chest faces the camera
        if facing < -0.25:
            return
        half = 0.012 + 0.030 * max(facing, 0.0)
        sides = []
        for up in (0.51, 0.62, 0.74, 0.835):
            middle, width = self.trunk_section(up)
            chest = middle + (width - half * self.size) * self.cos * (1 - max(facing, 0.0) * 0.4)
            sides.append((chest, half * self.size * (0.8 + (up - 0.51))))
        self.shapes.append(Shape(closed_outline(sides), self.person.accent))

    def _backpack(self) -> None:
        back = -0.105 * self.person.body_width
        low, high = (
            self.project(back, 0, 0.61 + self.bob),
            self.project(back + 0.02, 0, 0.775 + self.bob),
        )
        radius = math.hypot(0.085 * self.sin, 0.055 * self.cos)
        self.limb(low, high, radius * 1.05, radius * 0.9, self.person.accent)
        pocket = self.project(back - 0.035, 0, 0.625 + self.bob)
        self.ellipse(pocket, radius * 0.72, 0.045, tint(self.person.accent, 0.82))

    def _satchel(self, near_side: int) -> None:
        strap_top = self.project(0.01, -near_side * 0.07, 0.835 + self.bob)
        hang = self.project(-0.03, near_side * 0.115 * self.person.body_width, 0.50 + self.bob)
        self.limb(strap_top, hang, 0.010, 0.010, tint(self.person.accent, 0.8))
        half, drop = 0.062 * max(abs(self.cos), 0.45), 0.085
        self.shapes.append(
            Shape(_bag_outline(hang, half * self.size, drop * self.size), self.person.accent)
        )

    def _handbag(self, hand: complex) -> None:
        half, drop = 0.062 * max(abs(self.cos), 0.4), 0.10
        top = hand + 0.055j * self.size
        self.limb(hand, top - half * 0.6 * self.size, 0.006, 0.006, tint(self.person.accent, 0.75))
        self.limb(hand, top + half * 0.6 * self.size, 0.006, 0.006, tint(self.person.accent, 0.75))
        self.shapes.append(
            Shape(_bag_outline(top, half * self.size, drop * self.size), self.person.accent)
        )

    def _head(self, facing_camera: float) -> None:
        person = self.person
        facing_right = self.cos  # 1: the face points right in the image, -1: left
        width, height = 0.056, 0.070
        centre = self.project(0.03, 0, 0.925 + self.bob)
        back = -0.014 * facing_right * self.size
        hair = person.hair if person.hairstyle != "bald" else person.skin
        if person.hairstyle == "long":
            nape = centre + back + (0.085j - 0.012 * facing_right) * self.size
            self.limb(
                centre + back, nape, 0.062, 0.052 - 0.012 * abs(facing_right), tint(hair, 0.9)
            )
        self.ellipse(centre + back - 0.006j * self.size, width + 0.006, height + 0.003, hair)
        if person.hairstyle == "bun":
            self.ellipse(centre + (-0.062 * facing_right - 0.040j) * self.size, 0.030, 0.030, hair)
        if facing_camera > -0.75:
            self._face(centre, facing_right, facing_camera, width, height)
        if person.hairstyle == "long" and facing_camera < -0.5:
            self.limb(centre, centre + 0.095j * self.size, 0.060, 0.050, hair)
        self._hat(centre, facing_right, facing_camera)

    def _face(
        self,
        centre: complex,
        facing_right: float,
        facing_camera: float,
        width: float,
        height: float,
    ) -> None:
        fraction = min(1.0, (facing_camera + 0.75) / 1.1)
        front = centre + (0.021 * facing_right + 0.013j) * self.size
        self.ellipse(front, width * (0.46 + 0.38 * fraction), height * 0.80, self.person.skin)
        if facing_camera < 0.6:
            nose = front + (width * (0.40 + 0.38 * fraction) * facing_right + 0.004j) * self.size
            self.ellipse(nose, 0.012, 0.013, self.person.skin)
        dark = tint(self.person.skin, 0.35)
        for side in (-1, 1):
            across = 0.021 * side * max(facing_camera, 0.0) + 0.03 * facing_right
            if facing_camera > 0.3 or side > 0:
                self.ellipse(front + (across - 0.010j) * self.size, 0.0065, 0.0085, dark)

    def _hat(self, centre: complex, facing_right: float, facing_camera: float) -> None:
        person = self.person
        if person.hat == "none":
            return
        top = centre + (-0.008 * facing_right - 0.020j) * self.size
        crown = {"cap": 0.052, "beanie": 0.066, "brim": 0.058}[person.hat]
        dome = ellipse_outline((0.0, 0.0), (0.065 * self.size, crown * self.size))
        dome = np.minimum(dome, [np.inf, 0.012 * self.size])
        self.shapes.append(Shape(dome + np.array([top.real, top.imag]), person.accent))
        if person.hat == "beanie":
            edge = 0.062 * self.size
            band = top + 0.004j * self.size
            self.limb(band - edge, band + edge, 0.016, 0.016, tint(person.accent, 0.8))
        elif person.hat == "brim":
            self.ellipse(top + 0.008j * self.size, 0.112, 0.017, tint(person.accent, 0.88))
        elif facing_camera > -0.6:
            peak = top + (0.062 * facing_right + 0.012j) * self.size
            self.ellipse(peak, 0.028 + 0.018 * abs(facing_right), 0.013, tint(person.accent, 0.8))


def _bag_outline(top: complex, half: float, drop: float) -> Points:
    """Return the outline of a bag that is slightly wider below than above."""
    x, y = top.real, top.imag
    corners = [(-0.82, 0.0), (0.82, 0.0), (1.0, 0.25), (1.0, 1.0), (-1.0, 1.0), (-1.0, 0.25)]
    return np.array([(x + half * across, y + drop * down) for across, down in corners])
