"""Find the persons of the test tracks of Market-1501, which arrive in the order of time.

python -m benchmarks.identity_market [FILE.onnx | FILE.xml ...] [--plot FILE.png] [--data DIR]

A track is all crops of one person, camera and sequence of `query` and `bounding_box_test`: 3,632
tracks of 750 people under six cameras. A `PersonRegistry` gets them one after the other, without
labels and without times (the cameras overlap), and reconsiders all persons at the end. A track is
wrong when most tracks of its person are of somebody else. Recall is the share of tracks with an
earlier track of the same person that have the person of such a one. Pairwise precision and recall
count pairs of tracks with the same person. `--plot` also clusters with other thresholds than the
one that the registry chose by itself. Embeddings are computed once and cached.
"""

import argparse
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib import cli_options, inputs, provenance, reliability
from benchmarks.lib.openvino_embedder import OpenvinoEmbedder
from benchmarks.market1501 import embed
from deepsort_reid.identity import PersonRegistry
from deepsort_reid.identity.clustering import cluster
from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.reid.data.datasets import Sample, read_crop, read_market1501
from deepsort_reid.vision.embedder import Embedder

Ints = NDArray[np.int64]
Embeddings = NDArray[np.float32]

THRESHOLDS = np.arange(3.0, 12.1, 0.5)  # of the plot
PANELS = (  # of the plot: field of `Score`, factor, label, limits
    ("wrong", 100, "wrong tracks, %", (0, 10)),
    ("recall", 100, "recall, %", (0, 100)),
    ("pair_recall", 100, "pairs, %: precision (dashed), recall", (0, 100)),
    ("persons", 1, "persons", (0, 4800)),
)


class MarketTracks(NamedTuple):
    """Tracks (T,) in the order of time."""

    crops: list[Ints]  # rows of the samples
    camera: Ints
    identity: Ints


class Score(NamedTuple):
    """Agreement of persons with identities; shares are fractions."""

    wrong: float
    recall: float
    persons: int
    pair_precision: float
    pair_recall: float

    def __str__(self) -> str:
        shares = (self.wrong, self.recall, self.pair_precision, self.pair_recall)
        return "".join(f"{share:>10.2%}" for share in shares) + f"{self.persons:>9}"


class Curve(NamedTuple):
    """Scores of one embedder by threshold.

    Attributes:
        threshold: that the registry chooses.
        chosen: score of the registry.
        scores: of a clustering with each of `THRESHOLDS`.
    """

    threshold: float
    chosen: Score
    scores: list[Score]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("identity_market", __doc__)
    parser.add_argument(
        "models",
        nargs="*",
        type=Path,
        help="ONNX or OpenVINO files (default: the embedder of the package)",
    )
    cli_options.add_data(parser)
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="plot all scores over the threshold (default: no plot)",
    )
    parser.add_argument(
        "--reliability",
        action="store_true",
        help="print which share of the joins is right, by probability (default: no)",
    )
    cli_options.add_cache(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print two lines per file: persons as the tracks arrived, and reconsidered."""
    args = make_parser().parse_args(argv)
    folder = inputs.data_folder(args.data) / "reid" / "Market-1501-v15.09.15"
    samples = [*read_market1501(folder / "query"), *read_market1501(folder / "bounding_box_test")]
    samples = [each for each in samples if int(each.identity) > 0]
    tracks = tracks_of(samples)
    print(provenance.environment_line("onnxruntime", "numpy", "opencv-python", "scipy"))
    people = len(set(tracks.identity.tolist()))
    print(f"{len(samples)} crops, {len(tracks.crops)} tracks, {people} people")
    columns = ("wrong", "recall", "pairs P", "pairs R")
    print(f"{'':<58}" + "".join(f"{each:>10}" for each in columns) + f"{'persons':>9}")
    curves: dict[str, Curve] = {}
    for model in args.models or [None]:
        is_openvino = model is not None and model.suffix == ".xml"
        embedder: Any = OpenvinoEmbedder(model) if is_openvino else Embedder(model)
        name = Path(embedder.name).name
        rows = cached_embedding(embedder, samples, args.cache)
        registry, numbers = fill_registry(rows, tracks)
        print(f"{name + ', as the tracks arrived':<58}{score(numbers, tracks.identity)}")
        registry.reconsider()
        numbers = persons_of(registry, tracks)
        print(f"{name + ', reconsidered':<58}{score(numbers, tracks.identity)}", flush=True)
        if args.reliability:
            print("\n".join(reliability.table(joins_of_registry(registry, tracks))), flush=True)
        if args.plot is not None:
            curves[name] = curve(rows, tracks, score(numbers, tracks.identity))
    if args.plot is not None:
        plot(curves, args.plot)


def cached_embedding(embedder: Any, samples: Sequence[Sample], cache: Path) -> Embeddings:
    """Unit rows (N, D) of all samples, read from the cache if they are there."""
    # Part of the key: the output of this model.
    probe = embedder.embed_crops([read_crop(sample.path) for sample in samples[:4]])
    names = "".join(sample.path.name for sample in samples).encode()
    key = hashlib.sha256(names + np.round(probe, 2).tobytes()).hexdigest()[:24]
    path = cache / f"market1501-{key}.npy"
    if not path.is_file():
        rows = embed(embedder, samples, mirror=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(path) as file:
            np.save(file, rows)
    rows = np.load(path)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def tracks_of(samples: Sequence[Sample]) -> MarketTracks:
    """Group samples to tracks, in the order of their sequence and first frame."""
    groups: dict[str, list[int]] = {}
    for row, sample in enumerate(samples):
        groups.setdefault(sample.track, []).append(row)

    def begins(track: str) -> tuple[int, int, str]:
        recording = int(track.rpartition("s")[2])
        return recording, min(samples[row].frame for row in groups[track]), track

    order = sorted(groups, key=begins)
    crops = [np.array(sorted(groups[each], key=lambda row: samples[row].frame)) for each in order]
    first = [samples[int(rows[0])] for rows in crops]
    return MarketTracks(
        crops,
        np.array([each.camera for each in first]),
        np.array([int(each.identity) for each in first]),
    )


def fill_registry(embedding: Embeddings, tracks: MarketTracks) -> tuple[PersonRegistry, Ints]:
    """Add all tracks to a new registry; also returns the person (T,) of each when all are added."""
    registry = PersonRegistry(keep_for=None)
    for number, (rows, camera) in enumerate(zip(tracks.crops, tracks.camera, strict=True)):
        registry.add_track(str(camera), None, None, embedding[rows], id=number + 1)
    return registry, persons_of(registry, tracks)


def joins_of_registry(registry: PersonRegistry, tracks: MarketTracks) -> reliability.Joins:
    """Return the joins of all persons; ids of tracks are their numbers from 1."""
    persons = [
        sorted((each.id, each.probability) for each in found) for found in registry.persons.values()
    ]
    return reliability.joins_of(
        [(int(tracks.identity[id - 1]), probability) for id, probability in person]
        for person in persons
    )


def persons_of(registry: PersonRegistry, tracks: MarketTracks) -> Ints:
    """Person (T,) of each track in the registry."""
    cameras = enumerate(tracks.camera.tolist())
    return np.array([registry.person_of(str(camera), row + 1) for row, camera in cameras])


def score(person: Ints, identity: Ints) -> Score:
    """Compare persons (T,) with identities (T,) of tracks in the order of time."""
    wrong = 0
    for each in np.unique(person):
        counts = np.unique(identity[person == each], return_counts=True)[1]
        wrong += int(counts.sum() - counts.max())
    has_earlier, is_joined = 0, 0
    seen: dict[int, set[int]] = {}
    for number, truth in zip(person.tolist(), identity.tolist(), strict=True):
        earlier = seen.setdefault(truth, set())
        has_earlier += bool(earlier)
        is_joined += number in earlier
        earlier.add(number)
    same_person = _num_pairs(person)
    both = _num_pairs(person * (identity.max() + 1) + identity)
    return Score(
        wrong / len(person),
        is_joined / max(has_earlier, 1),
        len(np.unique(person)),
        both / max(same_person, 1),
        both / max(_num_pairs(identity), 1),
    )


def _num_pairs(label: Ints) -> int:
    counts = np.unique(label, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def curve(embedding: Embeddings, tracks: MarketTracks, chosen: Score) -> Curve:
    """Scores of a clustering with each of `THRESHOLDS`, beside that of the registry."""
    rows = np.array([embedding[rows].mean(axis=0) for rows in tracks.crops])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    number = len(rows)
    parts = tracks.camera, np.arange(number), np.zeros((number, number), dtype=bool)
    scores = [
        score(cluster(rows, *parts, threshold=float(each)).label, tracks.identity)
        for each in THRESHOLDS
    ]
    return Curve(cluster(rows, *parts).threshold, chosen, scores)


def plot(curves: dict[str, Curve], path: Path) -> None:
    """Plot the scores of each embedder over the threshold; those of the registry are dots."""
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=(9, 6.75), layout="constrained")
    for axes, (field, factor, label, limits) in zip(
        figure.subplots(2, 2).flat, PANELS, strict=True
    ):
        for name, (threshold, chosen, scores) in curves.items():
            ys = [factor * getattr(each, field) for each in scores]
            (line,) = axes.plot(THRESHOLDS, ys, label=name)
            dot = {"marker": "o", "color": line.get_color()}
            axes.plot(threshold, factor * getattr(chosen, field), **dot)
            if field == "pair_recall":
                precision = [100 * each.pair_precision for each in scores]
                axes.plot(THRESHOLDS, precision, "--", color=line.get_color())
                axes.plot(threshold, 100 * chosen.pair_precision, **dot)
        axes.set(xlabel="threshold", ylabel=label, ylim=limits)
        axes.grid(alpha=0.3)
    people, wrong = figure.axes[3], figure.axes[0]
    people.axhline(750, color="black", linewidth=1, linestyle=":", label="people: 750")
    wrong.axhline(1, color="black", linewidth=1, linestyle=":")
    people.legend(loc="upper left", fontsize="x-small")
    figure.suptitle("Persons of Market-1501's test tracks; dots: chosen by the registry itself")
    with io.BytesIO() as buffer:
        figure.savefig(buffer, dpi=75, format="png")
        Image.open(buffer).convert("RGB").quantize(128).save(path, optimize=True)  # a quarter


if __name__ == "__main__":
    main()
