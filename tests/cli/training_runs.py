"""Small images of identities, and trainings on them."""

import cv2
import numpy as np

from deepsort_reid.cli import main

SMALL = ["--size", "32", "16", "--backbone", "osnet_x0_25", "--embedding-dim", "24"]
SMALL += ["--identities-per-batch", "3", "--images-per-identity", "2", "--threads", "1"]


def write_identities(folder):
    """Folders of seven identities with five images each, of one colour with noise."""
    rng = np.random.default_rng(0)
    for identity in range(7):
        colour = rng.integers(0, 200, 3)
        (folder / f"{identity:04d}").mkdir(parents=True)
        for number in range(5):
            image = (colour + rng.integers(0, 56, (40, 20, 3))).astype(np.uint8)
            cv2.imwrite(str(folder / f"{identity:04d}" / f"{number}.png"), image)
    return folder


def train(dataset, out, *arguments):
    return main.main(["train", str(dataset), "--out", str(out), *SMALL, *arguments])


def one_line(capsys):
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error
