"""Folders of TrackEval for MOTChallenge data, below one folder ROOT.

- gt/mot_challenge/SPLIT/SEQ/gt/gt.txt and seqinfo.ini: ground truth, with a SPLIT such as
  MOT17-train.
- gt/mot_challenge/seqmaps/SPLIT.txt: names of the sequences to score, below the header "name".
- trackers/mot_challenge/SPLIT/TRACKER/data/SEQ.txt: results.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.mot import read_ground_truth, read_results, write_rows
from deepsort_reid.io.mot_sequences import find_sequence_folders
from deepsort_reid.io.seqinfo import read_seqinfo
from deepsort_reid.structures.mot_rows import MotRows

MOT_CHALLENGE = "mot_challenge"
SEQMAPS = "seqmaps"


@dataclass(frozen=True, kw_only=True)
class TrackEvalSequence:
    """One sequence to write: its files and its length."""

    name: str
    truth: Path
    results: Mapping[str, Path]  # by tracker
    length: int | None  # frames; None for the last frame that has a box


def split_folder(path: Path, side: Literal["gt", "trackers"], split: str = "") -> Path:
    """The folder of one split that a path leads to; another folder is returned unchanged.

    Args:
        path: ROOT, ROOT/gt or ROOT/trackers, ROOT/gt/mot_challenge or any other folder.
        side: ground truth or results.
        split: the one to take of several.

    Raises ValueError when there are several splits and none of that name, or sequences in another
    layout beside them.
    """
    inside = (path / side / MOT_CHALLENGE, path / MOT_CHALLENGE)
    folder = next((each for each in inside if each.is_dir()), path)
    if folder.name != MOT_CHALLENGE:
        return path
    if side == "gt" and folder != path:
        _check_no_other_layout(path, folder)
    splits = sorted(
        each.name
        for each in folder.iterdir()
        if each.is_dir() and each.name != SEQMAPS and not each.name.startswith(".")
    )
    if split in splits:
        return folder / split
    # Without splits: mot_challenge/SEQ/gt/gt.txt, mot_challenge/TRACKER/data/SEQ.txt.
    inner = ("gt", "det", "img1") if side == "gt" else ("data",)
    if any((folder / each / name).exists() for each in splits for name in inner):
        return folder
    if len(splits) != 1:
        names = ", ".join(splits) or "none"
        raise ValueError(f"{folder}: expected one folder such as MOT17-train, got {names}")
    return folder / splits[0]


def split_seqmap(folder: Path) -> Path | None:
    """The seqmap of a split: gt/mot_challenge/seqmaps/SPLIT.txt for gt/mot_challenge/SPLIT."""
    folder = folder.resolve()
    seqmap = folder.parent / SEQMAPS / f"{folder.name}.txt"
    return seqmap if seqmap.is_file() else None


def split_name(folder: Path) -> str:
    """The name of the split that a folder of sequences is: MOT17-train for MOT17/train."""
    folder = folder.resolve()
    in_trackeval = folder.parent.name == MOT_CHALLENGE
    return folder.name if in_trackeval else f"{folder.parent.name}-{folder.name}"


def check_split_name(name: str) -> None:
    """Raise ValueError for a name that is not BENCHMARK-SPLIT."""
    if not re.fullmatch(r"[\w.]+(-[\w.]+)+", name):
        raise ValueError(f"expected BENCHMARK-SPLIT such as MOT17-train, got {name!r}")


def write_trackeval(root: Path, split: str, sequences: Sequence[TrackEvalSequence]) -> None:
    """Write ground truth, seqinfo.ini, seqmap and results, so that TrackEval can score them.

    Results are replaced. Ground truth that is there must be the same, and the seqmap keeps its
    entries.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: the split has no name of the form BENCHMARK-SPLIT, a file is invalid, or other
            ground truth is there.
    """
    check_split_name(split)
    truth_folder = root / "gt" / MOT_CHALLENGE / split
    for each in sequences:
        _write_truth(truth_folder / each.name, each)
        for tracker, file in each.results.items():
            data = root / "trackers" / MOT_CHALLENGE / split / tracker / "data"
            data.mkdir(parents=True, exist_ok=True)
            write_rows(data / f"{each.name}.txt", read_results(file), "result")
    seqmap = truth_folder.parent / SEQMAPS / f"{split}.txt"
    lines = seqmap.read_text(encoding="utf-8").splitlines() if seqmap.is_file() else ["name"]
    lines += [each.name for each in sequences if each.name not in lines]
    seqmap.parent.mkdir(exist_ok=True)
    write_atomically(seqmap, "\n".join(lines) + "\n")


def _write_truth(folder: Path, sequence: TrackEvalSequence) -> None:
    rows = read_ground_truth(sequence.truth)
    file = folder / "gt" / "gt.txt"
    if file.is_file():
        if not _same_boxes(read_ground_truth(file), rows):
            raise ValueError(
                f"{file}: expected the ground truth of {sequence.truth}, got other boxes"
            )
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_rows(file, rows, "gt")
    length = sequence.length
    if length is None:
        results = [read_results(each) for each in sequence.results.values()]
        length = max(int(each.frame.max(initial=1)) for each in (rows, *results))
    if read_seqinfo(folder).length is None:
        info = f"[Sequence]\nname={sequence.name}\nseqLength={length}\n"
        write_atomically(folder / "seqinfo.ini", info)


def _same_boxes(first: MotRows, second: MotRows) -> bool:
    """Whether ground truth is the same but for the rounding to ten digits of a written file."""
    if not np.array_equal(first.id, second.id) or not np.array_equal(first.frame, second.frame):
        return False
    pairs = ((first.xyxy, second.xyxy), (first.score, second.score))
    return all(np.allclose(one, other, rtol=1e-8, atol=1e-8) for one, other in pairs)


def _check_no_other_layout(path: Path, folder: Path) -> None:
    """Raise ValueError when a path has sequences beside gt/mot_challenge."""
    known = {folder, path / "trackers"}
    other = [each for each in find_sequence_folders(path) if not known & set(each.parents)]
    if other:
        raise ValueError(
            f"{path}: expected sequences in one layout, got those of TrackEval in {folder} and "
            f"{other[0]}; give one of the folders"
        )
