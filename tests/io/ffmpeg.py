"""The ffmpeg program, which makes the videos and sends the streams of some tests."""

import shutil
import subprocess

import pytest


def ffmpeg_program():
    """Path of ffmpeg; skips the test where it is not installed."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("needs the program ffmpeg, which is not installed: apt-get install ffmpeg")
    return program


def ffmpeg(*arguments):
    """Run ffmpeg to its end."""
    command = [ffmpeg_program(), "-y", "-loglevel", "error", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
