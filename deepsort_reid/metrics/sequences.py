"""Many sequences: which file goes with which, read, scored, several at a time."""

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.io.mot_sequences import find_sequences, read_sequence
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.protocol import ScoringRules, compare_under_rules
from deepsort_reid.metrics.scores import Scores, score
from deepsort_reid.structures.mot_rows import MotRows

Result = TypeVar("Result")


@dataclass(frozen=True)
class SequenceFiles:
    """One sequence: where its truth and its predictions are."""

    name: str
    truth: Path
    predicted: Path


@dataclass(frozen=True, eq=False)
class LoadedSequence:
    """One sequence, read and laid side by side."""

    name: str
    truth: MotRows
    predicted: MotRows
    comparison: Comparison  # of what the protocol scores
    protocol: str
    notes: tuple[str, ...]  # what a reader of the numbers should know


@dataclass(frozen=True, eq=False)
class SequenceScores:
    """One sequence, scored."""

    name: str
    scores: Scores
    protocol: str
    notes: tuple[str, ...]


def evaluate_folders(
    truth: Path | str,
    predicted: Path | str,
    *,
    rules: ScoringRules | None = None,
    allow_missing: bool = False,
    processes: int = 1,
) -> dict[str, SequenceScores]:
    """Score two files, or two folders of sequences, by name; see `pair_files` for their shapes.

    More than one of `processes` needs a main module that can be imported, as multiprocessing does.
    Raises ValueError as `pair_files`, the readers of `mot` and `compare_under_rules` do.
    """
    pairs, _ = pair_files(truth, predicted, allow_missing=allow_missing)
    done = map_sequences(ScoreSequence(rules or ScoringRules()), pairs, processes)
    return {result.name: result for result in done}


@dataclass(frozen=True)
class ScoreSequence:
    """Read and score one pair; an object, because it travels to other processes."""

    rules: ScoringRules

    def __call__(self, pair: SequenceFiles) -> SequenceScores:
        opened = load_sequence(pair, self.rules)
        return SequenceScores(opened.name, score(opened.comparison), opened.protocol, opened.notes)


def map_sequences(
    work: Callable[[SequenceFiles], Result], pairs: Iterable[SequenceFiles], processes: int = 1
) -> Iterator[Result]:
    """Do `work` on every pair, in order, in this process or in several."""
    pairs = list(pairs)
    processes = min(processes, len(pairs))
    if processes <= 1:
        yield from map(work, pairs)
        return
    # Started afresh: a fork of a process that has threads may hang.
    fresh = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=fresh, initializer=_ignore_interrupts) as pool:
        try:
            yield from pool.map(work, pairs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ignore_interrupts() -> None:
    """Ctrl-C reaches all processes; that which asked for the work deals with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def load_sequence(pair: SequenceFiles, rules: ScoringRules) -> LoadedSequence:
    """Read both files of a sequence and lay them side by side; errors name the files."""
    truth, predicted = read_ground_truth(pair.truth), read_results(pair.predicted)
    try:
        frames = sequence_length(pair.truth)
        comparison = compare_under_rules(truth, predicted, rules, frames=frames, name=pair.name)
    except ValueError as error:
        raise ValueError(f"{pair.truth} and {pair.predicted}: {error}") from None
    protocol = rules.resolve_protocol(truth, pair.name)
    notes = tuple(_notes(truth, predicted, comparison))
    return LoadedSequence(pair.name, truth, predicted, comparison, protocol, notes)


def sequence_length(truth: Path) -> int | None:
    """Frames of the sequence around SEQ/gt/gt.txt, where seqinfo.ini or images tell, else None."""
    folder = truth.parent.parent
    if truth.parent.name != "gt" or not (folder / "seqinfo.ini").is_file():
        has_images = truth.parent.name == "gt" and (folder / "img1").is_dir()
        return read_sequence(folder).length if has_images else None
    return read_sequence(folder).length


def _notes(truth: MotRows, predicted: MotRows, comparison: Comparison) -> Iterator[str]:
    out_truth = len(truth) - len(comparison.truth)
    out_predicted = len(predicted) - len(comparison.predicted)
    if out_truth or out_predicted:
        yield (
            f"{out_truth} of {len(truth)} truth boxes and "
            f"{out_predicted} of {len(predicted)} predicted boxes are not scored"
        )
    if len(predicted) == 0:
        yield "there are no predictions"
        return
    if len(truth) == 0:
        yield "there is no truth"
        return
    last = int(truth.frame.max())
    beyond = int(np.count_nonzero(predicted.frame > last))
    if beyond:
        yield f"{beyond} predicted boxes come after frame {last}, the last with a truth box"
    if not (comparison.similarity >= 0.5).any():
        yield "no predicted box matches a truth box: are they of the same sequence?"


def pair_files(
    truth: Path | str, predicted: Path | str, *, allow_missing: bool = False
) -> tuple[list[SequenceFiles], list[str]]:
    """Which file goes with which, by the name of the sequence, and what was left out.

    Truth is a file, a sequence folder, or a folder with SEQ/gt/gt.txt at any depth, SEQ/gt.txt or
    SEQ.txt. Predictions are a file or a folder with SEQ.txt, data/SEQ.txt, SEQ/SEQ.txt,
    SEQ/tracks.txt, SEQ-tracks/tracks.txt or SEQ/gt/gt.txt. A file, or the tracks.txt of one run,
    goes with a single truth whatever their names.
    Raises FileNotFoundError for what is not there, and ValueError that names the sequences which
    only one side has, unless `allow_missing`, and always when no name is on both sides.
    """
    truth, predicted = Path(truth), Path(predicted)
    left = _truth_files(truth)
    alone = predicted / "tracks.txt" if (predicted / "tracks.txt").is_file() else predicted
    if alone.is_file() and len(left) == 1:
        return [SequenceFiles(name, path, alone) for name, path in left.items()], []
    right = _predicted_files(predicted)
    common = [name for name in left if name in right]
    if not common:
        raise ValueError(
            f"no sequence is on both sides: {truth} has {_list(left)}; "
            f"{predicted} has {_list(right)}"
        )
    problems = []
    if len(common) < len(left):
        problems.append(f"{predicted} has no {_list(n for n in left if n not in right)}")
    # A truth file alone asks for one of many predictions.
    if len(common) < len(right) and truth.is_dir():
        problems.append(f"{truth} has no {_list(n for n in right if n not in left)}")
    if problems and not allow_missing:
        raise ValueError("; ".join(problems) + "; --allow-missing scores the rest")
    return [SequenceFiles(name, left[name], right[name]) for name in common], problems


def _list(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _truth_files(path: Path) -> dict[str, Path]:
    if path.is_file():
        inside = path.name == "gt.txt" and path.parent.name == "gt"
        return {path.resolve().parent.parent.name if inside else path.stem: path}
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    try:
        found = {each.name: each.ground_truth for each in find_sequences(path)}
    except ValueError:
        found = {}
    files = {name: file for name, file in found.items() if file is not None}
    files = files or {each.parent.name: each for each in sorted(path.glob("*/gt.txt"))}
    files = files or {each.stem: each for each in sorted(path.glob("*.txt"))}
    if not files:
        raise ValueError(f"{path}: expected truth as SEQ/gt/gt.txt, SEQ/gt.txt or SEQ.txt")
    return files


def _predicted_files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {path.stem: path}
    if not path.is_dir():
        raise FileNotFoundError(f"{path}: no such file or folder")
    files: dict[str, Path] = {}
    for each in sorted([*path.glob("*/gt/gt.txt"), *path.glob("*/tracks.txt")]):
        files[each.relative_to(path).parts[0].removesuffix("-tracks")] = each
    files |= {e.stem: e for e in sorted(path.glob("*/*.txt")) if e.stem == e.parent.name}
    files |= {each.stem: each for each in sorted(path.glob("data/*.txt"))}
    files |= {each.stem: each for each in sorted(path.glob("*.txt"))}
    if not files:
        expected = "SEQ.txt, data/SEQ.txt, SEQ/SEQ.txt or SEQ/tracks.txt"
        raise ValueError(f"{path}: expected predictions as {expected}")
    return files
