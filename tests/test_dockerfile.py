"""The Dockerfile copies what the package is built from, and its context has nothing else."""

import configparser
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def instructions():
    """(word, rest) of each instruction, lines that go on joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def copied():
    return [name for word, rest in instructions() if word == "COPY" for name in rest.split()[:-1]]


def test_copied_files_exist_and_are_in_the_context():
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    assert sorted(copied()) == sorted(allowed)
    assert all((ROOT / name).exists() for name in copied())


def test_files_that_the_metadata_names_are_copied():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    metadata = config["metadata"]
    named = {metadata["long_description"].removeprefix("file: "), metadata["license_files"]}
    named |= set(re.findall(r"^include (\S+)", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE))
    assert named <= set(copied())
    scripts = config["options.entry_points"]["console_scripts"]
    entry = dict(instructions())["ENTRYPOINT"]
    assert json.loads(entry) == [scripts.split("=")[0].strip()]
    extras = re.findall(r"'\.\[(.+?)\]'", dict(instructions())["RUN"])
    assert set(extras) <= set(config["options.extras_require"])


def test_image_does_not_run_as_root():
    assert dict(instructions())["USER"] not in ("root", "0")
