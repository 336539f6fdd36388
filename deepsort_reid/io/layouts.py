"""Folder layouts of data sets, results and trackers: which file belongs to which sequence.

- Sequences: SEQ/gt/gt.txt, SEQ/img1/ and SEQ/det/det.txt at any depth (`io.mot_sequences`), as in
  MOTChallenge; DanceTrack and SportsMOT have no det/.
- Results: SEQ.txt, data/SEQ.txt, SEQ/SEQ.txt, SEQ/tracks.txt, SEQ-tracks/tracks.txt or
  SEQ/gt/gt.txt.
- TrackEval: gt/mot_challenge/SPLIT/SEQ/gt/gt.txt, gt/mot_challenge/seqmaps/SPLIT.txt and
  trackers/mot_challenge/SPLIT/TRACKER/data/SEQ.txt, with a SPLIT such as MOT17-train.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from deepsort_reid.io.mot_sequences import find_sequence_folders, label_file
from deepsort_reid.io.trackeval_folders import split_folder, split_seqmap

MAX_NAMES = 8  # listed in a message


def truth_files(path: Path) -> dict[str, Path]:
    """The ground-truth files in a file or folder, by the name of the sequence.

    Args:
        path: a file, a sequence folder, the folders of TrackEval, or a folder with SEQ/gt/gt.txt at
            any depth, SEQ/gt.txt or SEQ.txt.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: there is none, or a sequence has two.
    """
    if path.is_file():
        in_gt_folder = path.name == "gt.txt" and path.parent.name == "gt"
        return {path.resolve().parent.parent.name if in_gt_folder else path.stem: path}
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    folder = split_folder(path, "gt")
    sequences = [(each, label_file(each, "gt")) for each in find_sequence_folders(folder)]
    found = [(each.resolve().name, file) for each, file in sequences if file is not None]
    texts = [(file.stem, file) for file in sorted(folder.glob("*.txt"))]
    names = {name for name, _ in found}
    # Other texts beside sequences, such as notes, are no ground truth.
    found += [(name, file) for name, file in texts if name in names]
    found = found or [(file.parent.name, file) for file in sorted(folder.glob("*/gt.txt"))] or texts
    if not found:
        raise ValueError(f"{path}: expected ground truth as SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt")
    return _one_each("ground-truth file", found)


def result_files(path: Path) -> dict[str, Path]:
    """The result files of one tracker, a file or a folder, by the name of the sequence.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: there is none, or a sequence has two.
    """
    found = _results(path)
    if not found:
        expected = "SEQ.txt, data/SEQ.txt, SEQ/SEQ.txt or SEQ/tracks.txt"
        raise ValueError(f"{path}: expected predictions as {expected}")
    return _one_each("result file", found)


def tracker_folders(path: Path, sequences: Collection[str], split: str = "") -> list[Path]:
    """The trackers in a path: itself, or each sub-folder that has results.

    Args:
        path: results of one tracker, a folder of trackers, or the folders of TrackEval.
        sequences: names of the sequences; a tracker has results of at least one.
        split: the one to take of those of TrackEval, such as MOT17-train.

    Raises FileNotFoundError when the path does not exist.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    path = split_folder(path, "trackers", split)
    if _has_results(path, sequences):
        return [path]
    folders = sorted(each for each in path.iterdir() if each.is_dir() and each.name[0] != ".")
    return [each for each in folders if _has_results(each, sequences)] or [path]


def detections_file(folder: Path, sequence: str) -> Path:
    """The detections of a sequence in a folder: SEQ.npz, else SEQ.txt.

    Raises FileNotFoundError when there is neither.
    """
    saved, text = folder / f"{sequence}.npz", folder / f"{sequence}.txt"
    if not saved.is_file() and not text.is_file():
        raise FileNotFoundError(f"{saved}: no such file, nor {text.name} beside it")
    return saved if saved.is_file() else text


def select_sequences(
    folder: Path,
    names: Iterable[str],
    *,
    only: Sequence[str] = (),
    seqmap: Path | None = None,
    allow_missing: bool = False,
) -> tuple[list[str], list[str]]:
    """The sequences of a folder to use, and a note on each that is missing.

    Args:
        folder: where the sequences are; the seqmap of a split of TrackEval is used by default.
        names: of all sequences.
        only: a sequence of this name, or all that begin with it; none for all sequences.
        seqmap: a file with names of sequences, as TrackEval has them.
        allow_missing: leave out sequences of the seqmap that are missing, instead of refusing.

    Raises:
        OSError: the seqmap cannot be read.
        ValueError: it names a missing sequence, or nothing begins with an entry of `only`.
    """
    names = list(names)
    wanted = [_begins_with(names, prefix) for prefix in only]
    for prefix, found in zip(only, wanted, strict=True):
        if not found:
            raise ValueError(f"--only: no sequence {prefix!r}; there are {name_list(names)}")
    chosen = {name for found in wanted for name in found} if only else set(names)
    seqmap = seqmap or split_seqmap(split_folder(folder, "gt"))
    notes = []
    if seqmap is not None:
        listed = read_seqmap(seqmap)
        for name, line in listed.items():
            if name in names or (only and not any(name.startswith(each) for each in only)):
                continue
            notes.append(f"{seqmap}:{line}: no sequence {name!r} in {folder}")
        if notes and not allow_missing:
            raise ValueError(f"{notes[0]}; there are {name_list(names)}")
        chosen &= set(listed)
        if not chosen:
            raise ValueError(f"{seqmap}: expected one of {name_list(names)}, got none of them")
    return [name for name in names if name in chosen], notes


def read_seqmap(path: Path) -> dict[str, int]:
    """The names of the sequences in a seqmap, and the lines they are in.

    A seqmap has one name in a line, or one before the first comma, and "name" as its header.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no names, or one twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected names of sequences as UTF-8 text: {error}") from None
    found: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        name = line.partition(",")[0].strip()
        if not name or (number == 1 and name.lower() == "name"):
            continue
        if name in found:
            raise ValueError(f"{path}:{number}: sequence {name!r} is already in line {found[name]}")
        found[name] = number
    if not found:
        raise ValueError(f"{path}: expected names of sequences, one in a line, got none")
    return found


def name_list(names: Iterable[str]) -> str:
    """Names in alphabetical order for a message; of many the first ones."""
    names = sorted(names)
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def check_distinct(kind: str, paths: Iterable[tuple[str, Path | str]]) -> None:
    """Refuse names that occur twice: results are stored by name. Raises ValueError."""
    seen: dict[str, Path | str] = {}
    for name, path in paths:
        if name in seen:
            raise ValueError(
                f"expected {kind} with distinct names, got {name!r} more than once: "
                f"{seen[name]} and {path}"
            )
        seen[name] = path


def _begins_with(names: list[str], prefix: str) -> list[str]:
    """The sequence of this name, otherwise all whose names begin with it."""
    return [prefix] if prefix in names else [name for name in names if name.startswith(prefix)]


def _one_each(kind: str, found: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for name, file in found:
        if name in files:
            raise ValueError(f"expected one {kind} of {name}, got {files[name]} and {file}")
        files[name] = file
    return files


def _results(path: Path) -> list[tuple[str, Path]]:
    """All result files of a tracker with the names of their sequences."""
    if path.is_file():
        return [(path.stem, path)]
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    inside = [*path.glob("*/gt/gt.txt"), *path.glob("*/tracks.txt")]
    found = [
        (file.relative_to(path).parts[0].removesuffix("-tracks"), file) for file in sorted(inside)
    ]
    found += [(f.stem, f) for f in sorted(path.glob("*/*.txt")) if f.stem == f.parent.name]
    data = [(file.stem, file) for file in sorted(path.glob("data/*.txt"))]
    texts = [(file.stem, file) for file in sorted(path.glob("*.txt"))]
    # TrackEval writes tables beside data/.
    names = {name for name, _ in data}
    return found + data + [each for each in texts if not names or each[0] in names]


def _has_results(folder: Path, sequences: Collection[str]) -> bool:
    is_run = len(sequences) == 1 and (folder / "tracks.txt").is_file()
    return is_run or any(name in sequences for name, _ in _results(folder))
