"""Leg motion of a walking pedestrian: ankle trajectory and knee position, in body heights."""

import math

_THIGH = 0.243  # length of the thigh and of the shin
STANCE_FRACTION = 0.6  # fraction of a stride in which a foot is on the ground


def ankle_pose(phase: float, reach: float) -> tuple[float, float, float]:
    """Return ankle position (forward, up) and pitch of the sole in radians.

    `phase` is the fraction of the stride (0..1), `reach` half the path of the foot on the ground.
    There the foot moves back as fast as the body moves on, so that it does not slide.
    """
    ground = 0.040
    if phase < STANCE_FRACTION:
        fraction = phase / STANCE_FRACTION
        rise = max(0.0, (fraction - 0.65) / 0.35)
        toe_up = max(0.0, 1 - fraction / 0.15)
        return reach * (1 - 2 * fraction), ground + 0.045 * rise**2, 0.25 * toe_up - 0.65 * rise**2
    fraction = (phase - STANCE_FRACTION) / (1 - STANCE_FRACTION)
    smooth = fraction * fraction * (3 - 2 * fraction)
    up = ground + 0.045 * (1 - fraction) + 0.050 * math.sin(math.pi * fraction)
    return reach * (2 * smooth - 1), up, -0.65 + 0.90 * smooth


def leg_joints(hip_up: float, forward: float, up: float) -> tuple[float, float, float, float]:
    """Return knee and ankle (forward, up, forward, up) for a desired ankle position.

    Inverse kinematics of two bones of equal length; an ankle out of reach is moved towards the hip.
    """
    down = hip_up - up
    distance = math.hypot(forward, down)
    longest = 2 * _THIGH * 0.999
    if distance > longest:
        forward, down = forward * longest / distance, down * longest / distance
        distance = longest
    bulge = math.sqrt(_THIGH**2 - (distance / 2) ** 2)
    knee_forward = forward / 2 + bulge * down / distance
    knee_up = hip_up - down / 2 + bulge * forward / distance
    return knee_forward, knee_up, forward, hip_up - down
