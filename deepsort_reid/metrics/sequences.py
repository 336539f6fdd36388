"""Scoring of many sequences: pairing of files, reading, and parallel processes."""

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from deepsort_reid.io import layouts
from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.io.mot_sequences import read_sequence
from deepsort_reid.io.people_file import PEOPLE, read_persons, with_person_ids
from deepsort_reid.io.trackeval_folders import split_folder
from deepsort_reid.metrics.comparison import Comparison
from deepsort_reid.metrics.protocol import ScoringRules, compare_under_rules
from deepsort_reid.metrics.scores import Scores, score
from deepsort_reid.structures.mot_rows import MotRows

Result = TypeVar("Result")


@dataclass(frozen=True)
class SequenceFiles:
    """The files of one sequence."""

    name: str
    truth: Path
    predicted: Path
    people: Path | None = None  # people.csv, whose persons are scored instead of the ids

    def with_people(self) -> "SequenceFiles":
        """These files with people.csv beside the predictions.

        Raises FileNotFoundError when there is none.
        """
        people = self.predicted.parent / PEOPLE
        if not people.is_file():
            raise FileNotFoundError(
                f"{people}: no such file; the persons of a run are in the output folder of track"
            )
        return replace(self, people=people)


@dataclass(frozen=True, eq=False)
class LoadedSequence:
    """One sequence, read and compared."""

    name: str
    truth: MotRows
    predicted: MotRows
    comparison: Comparison  # of the boxes that the protocol scores
    protocol: str
    notes: tuple[str, ...]  # on the data, such as how many boxes are not scored


@dataclass(frozen=True, eq=False)
class SequenceScores:
    """The scores of one sequence."""

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
    """Score two files, or two folders with the same sequences; returns the scores by name.

    Args:
        truth: ground truth, a path accepted by `pair_files`.
        predicted: predictions, a path accepted by `pair_files`.
        rules: protocol and classes; by default the protocol "auto".
        allow_missing: leave out sequences that only one side has, instead of refusing.
        processes: sequences scored at the same time; more than one requires a main module that
            can be imported.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: the cases of `pair_files`, of the readers in `io.mot` and of
            `compare_under_rules`.
    """
    sequences, _ = pair_files(truth, predicted, allow_missing=allow_missing)
    results = map_sequences(ScoreSequence(rules or ScoringRules()), sequences, processes)
    return {result.name: result for result in results}


@dataclass(frozen=True)
class ScoreSequence:
    """Reads and scores one sequence. A class, not a closure, so that it can be pickled."""

    rules: ScoringRules

    def __call__(self, files: SequenceFiles) -> SequenceScores:
        loaded = load_sequence(files, self.rules)
        return SequenceScores(loaded.name, score(loaded.comparison), loaded.protocol, loaded.notes)


def map_sequences(
    function: Callable[[SequenceFiles], Result],
    sequences: Iterable[SequenceFiles],
    processes: int = 1,
) -> Iterator[Result]:
    """Apply `function` to every sequence, in order, in this process or in several."""
    sequences = list(sequences)
    processes = min(processes, len(sequences))
    if processes <= 1:
        yield from map(function, sequences)
        return
    # "spawn", because a fork of a process that has threads may hang.
    spawn = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_ignore_interrupts) as pool:
        try:
            yield from pool.map(function, sequences)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ignore_interrupts() -> None:
    """Ignore Ctrl-C, which reaches all processes: the parent process handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def load_sequence(files: SequenceFiles, rules: ScoringRules) -> LoadedSequence:
    """Read both files of a sequence and compare their boxes.

    Raises ValueError that names the files.
    """
    truth, predicted = read_ground_truth(files.truth), read_results(files.predicted)
    if files.people is not None:
        predicted = with_person_ids(predicted, read_persons(files.people))
    try:
        frames = sequence_length(files.truth)
        comparison = compare_under_rules(truth, predicted, rules, frames=frames, name=files.name)
    except ValueError as error:
        raise ValueError(f"{files.truth} and {files.predicted}: {error}") from None
    protocol = rules.resolve_protocol(truth, files.name)
    notes = tuple(_notes(truth, predicted, comparison))
    return LoadedSequence(files.name, truth, predicted, comparison, protocol, notes)


def sequence_length(truth: Path) -> int | None:
    """Number of frames from SEQ/seqinfo.ini or SEQ/img1, for truth at SEQ/gt/gt.txt; else None."""
    folder = truth.parent.parent
    if truth.parent.name != "gt" or not (folder / "seqinfo.ini").is_file():
        has_images = truth.parent.name == "gt" and (folder / "img1").is_dir()
        return read_sequence(folder).length if has_images else None
    return read_sequence(folder).length


def _notes(truth: MotRows, predicted: MotRows, comparison: Comparison) -> Iterator[str]:
    removed_truth = len(truth) - len(comparison.truth)
    removed_predicted = len(predicted) - len(comparison.predicted)
    if removed_truth or removed_predicted:
        yield (
            f"{removed_truth} of {len(truth)} ground-truth boxes and "
            f"{removed_predicted} of {len(predicted)} predicted boxes are not scored"
        )
    if len(predicted) == 0:
        yield "there are no predictions"
        return
    if len(truth) == 0:
        yield "there is no ground truth"
        return
    last = int(truth.frame.max())
    after = int(np.count_nonzero(predicted.frame > last))
    if after:
        yield f"{after} predicted boxes come after frame {last}, the last with a ground-truth box"
    if not (comparison.similarity >= 0.5).any():
        yield "no predicted box matches a ground-truth box: do both belong to the same sequence?"


def pair_files(
    truth: Path | str,
    predicted: Path | str,
    *,
    allow_missing: bool = False,
    only: Sequence[str] = (),
    seqmap: Path | None = None,
) -> tuple[list[SequenceFiles], list[str]]:
    """Pair ground-truth and prediction files by the name of the sequence.

    Args:
        truth: a path accepted by `io.layouts.truth_files`.
        predicted: a file or folder accepted by `io.layouts.result_files`, or a folder with one such
            folder. A file, or the tracks.txt of an output folder of `track`, is paired with a
            single ground-truth file whatever its name.
        allow_missing: leave out sequences that only one side has, instead of refusing.
        only: a sequence of this name, or all that begin with it; none for all sequences.
        seqmap: a file with names of sequences; by default that of a split of TrackEval.

    Returns:
        The paired files, and one note for each side that lacks sequences.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: one side lacks sequences, or has two files of one, or no sequence is left with
            `allow_missing`.
    """
    truth, predicted = Path(truth), Path(predicted)
    known = layouts.truth_files(truth)
    names = list(known)
    missing: list[str] = []
    if truth.is_dir():
        names, missing = layouts.select_sequences(
            truth, known, only=only, seqmap=seqmap, allow_missing=allow_missing
        )
    predicted = _one_tracker(truth, predicted, names)
    tracks = predicted / "tracks.txt"
    single = tracks if tracks.is_file() else predicted
    if single.is_file() and len(names) == 1:
        return [SequenceFiles(names[0], known[names[0]], single)], missing
    predicted_files = layouts.result_files(predicted)
    common = [name for name in names if name in predicted_files]
    if not common:
        raise ValueError(
            "no sequence has both ground truth and predictions: "
            f"{truth} has {layouts.name_list(names)}; "
            f"{predicted} has {layouts.name_list(predicted_files)}"
        )
    lacking = []
    if len(common) < len(names):
        absent = layouts.name_list(name for name in names if name not in predicted_files)
        lacking.append(f"{predicted} has no {absent}")
    # A single ground-truth file selects one of many predictions.
    unknown = [name for name in predicted_files if name not in known]
    if unknown and truth.is_dir():
        lacking.append(f"{truth} has no {layouts.name_list(unknown)}")
    if lacking and not allow_missing:
        raise ValueError("; ".join(lacking) + "; --allow-missing scores the other sequences")
    files = [SequenceFiles(name, known[name], predicted_files[name]) for name in common]
    return files, missing + lacking


def _one_tracker(truth: Path, predicted: Path, names: list[str]) -> Path:
    """The only tracker in a path of results; see `layouts.tracker_folders`."""
    split = split_folder(truth, "gt").name if truth.is_dir() else ""
    found = layouts.tracker_folders(predicted, names, split)
    if len(found) > 1:
        raise ValueError(
            f"{predicted}: expected the results of one tracker, got folders of several: "
            f"{layouts.name_list(each.name for each in found)}; give one of them, or use compare"
        )
    return found[0]
