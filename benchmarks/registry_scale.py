"""Measure the person registry with 10^3 to 10^6 persons of a thousand cameras.

    python -m benchmarks.registry_scale
    python -m benchmarks.registry_scale --persons 1000000 --queries 200 --exact 8   # 10 GB

Simulated is a day of 1,000 cameras. Embeddings are not isotropic noise: they are made from the
prototypes of Market-1501's test tracks, with their spreads within and between persons and cameras
(`lib/registry_population.py`). Each person has one track in the registry. A query is a track that
ends and is added, and then removed again: half of them are of persons in the registry, seen by
another camera at another time, the others of new persons.

Precision: of the queries that are joined with a person, those with the right one. Recall: of the
queries of persons in the registry, those that are joined with the right one. Rank 1: of these,
those whose nearest prototype is of the right person, from which the decision is made. "exact"
compares with all prototypes, "faiss" with those that an index finds. Times are processor time on
one core. Each size runs in a process of its own, whose memory is measured; the file is written, and
opened again by another.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.identity_market import cached_embedding, tracks_of
from benchmarks.lib import cli_options, inputs, provenance, single_core
from benchmarks.lib.process_memory import peak_megabytes, resident_megabytes
from benchmarks.lib.registry_population import (
    Population,
    TrackPrototypes,
    nearest_other,
    prototypes_of_tracks,
)
from deepsort_reid.identity import PersonRegistry, Prototypes
from deepsort_reid.identity.records import Records
from deepsort_reid.identity.registry_state import VERSION
from deepsort_reid.identity.store import Store
from deepsort_reid.identity.track_records import TRACK_ROW
from deepsort_reid.identity.track_relation import relation_state
from deepsort_reid.reid.data.datasets import read_market1501
from deepsort_reid.vision.embedder import Embedder

Embeddings = NDArray[np.float32]
Ints = NDArray[np.int64]

CAMERAS, DAY = 1000, 24 * 3600.0
TRACK_SECONDS = 10.0
SEEN_TOGETHER = 200  # pairs of people from which the registry calibrates distances
BATCH = 20_000  # persons that are drawn at once


class Queries(NamedTuple):
    """Tracks to be added: prototypes of each, its person (0: a new one), camera and time."""

    prototypes: list[Embeddings]
    person: Ints
    camera: Ints
    time: NDArray[np.float64]


def real_tracks(data: Path | None, embedder: Any, cache: Path) -> TrackPrototypes:
    """Prototypes of the test tracks of Market-1501."""
    folder = inputs.data_folder(data) / "reid" / "Market-1501-v15.09.15"
    samples = [*read_market1501(folder / "query"), *read_market1501(folder / "bounding_box_test")]
    samples = [each for each in samples if int(each.identity) > 0]
    tracks = tracks_of(samples)
    rows = cached_embedding(embedder, samples, cache)
    return prototypes_of_tracks(rows, tracks.crops, tracks.camera, tracks.identity)


def registry_of(
    real: TrackPrototypes, persons: int, queries: int, seed: int
) -> tuple[dict[str, Any], Queries]:
    """State of the records of that many persons, and queries."""
    rng = np.random.default_rng(seed)
    population = Population(real, CAMERAS, rng)
    camera = rng.integers(CAMERAS, size=persons)
    begin = rng.random(persons) * (DAY - TRACK_SECONDS)
    returning = rng.choice(persons, size=min(queries // 2, persons), replace=False)
    parts, owners, returning_seeds, returning_means = [], [], [], []
    for first in range(0, persons, BATCH):
        number = min(BATCH, persons - first)
        seeds, means = population.persons(number)
        part, row = population.tracks(seeds, means, camera[first : first + number], turn=0)
        parts.append(part)
        owners.append(row + first)
        chosen = returning[(returning >= first) & (returning < first + number)] - first
        returning_seeds.append((chosen + first, seeds[chosen]))
        returning_means.append(means[chosen])
    state = records_state(parts, np.concatenate(owners), camera, begin)
    known = np.concatenate([each for each, _ in returning_seeds])
    new_seeds, new_means = population.persons(queries - len(known))
    seeds = np.concatenate([*(each for _, each in returning_seeds), new_seeds])
    means = np.concatenate([*returning_means, new_means])
    cameras = rng.integers(CAMERAS, size=queries)
    rows, row = population.tracks(seeds, means, cameras, turn=1)
    person = np.append(known + 1, np.zeros(len(new_seeds), dtype=np.int64))
    split = np.split(rows, np.flatnonzero(np.diff(row)) + 1)
    return state, Queries(split, person, cameras, DAY + 60.0 + np.arange(queries))


def records_state(
    parts: list[Embeddings], person: Ints, camera: Ints, begin: NDArray[np.float64]
) -> dict[str, Any]:
    """Plain data of `records_from_state`: one ended track for each person, whose key it has."""
    number = len(camera)
    columns = {name: np.zeros(number, dtype=TRACK_ROW[name]) for name in TRACK_ROW.names or ()}
    del columns["updated"]
    columns["camera"], columns["run"][:] = camera, 1
    columns["id"] = columns["person"] = np.arange(1, number + 1)
    columns["first_time"], columns["last_time"] = begin, begin + TRACK_SECONDS
    columns["slot"][:], columns["probability"][:] = -1, 1.0
    columns["num_embeddings"], columns["next_search"] = np.bincount(person), 2 * np.bincount(person)
    nothing = np.empty(0, dtype=np.int64)
    of_camera = {"run": 1, "interrupted": False, "started": True, "time_offset": 0.0}
    of_camera |= {"last_time": DAY, "num_updates": 1, "ids": nothing, "keys": nothing}
    embedding = np.empty((len(person), parts[0].shape[1]), dtype=np.float32)
    first = 0
    while parts:  # each is freed when it is copied
        part = parts.pop(0)
        embedding[first : first + len(part)] = part
        first += len(part)
    gallery = {"embedding": embedding, "count": np.ones(len(person)), "track": person + 1}
    return {
        "rows": columns,
        "first_key": 1,
        "last_person": number,
        "seen_together": relation_state([]),
        "apart": relation_state([]),
        "reasons": [],
        "persons": [[person, None] for person in range(1, number + 1)],
        "cameras": [{"name": f"camera {each}", **of_camera} for each in range(CAMERAS)],
        "gallery": gallery,
        "prototypes": {"dim": embedding.shape[1]},
    }


def calibrated(registry: PersonRegistry, real: TrackPrototypes) -> dict[str, Any]:
    """State of the matching after people were seen together by one camera."""
    rng = np.random.default_rng(0)
    for _ in range(SEEN_TOGETHER):
        row = int(rng.integers(len(real.person)))
        together = (real.camera == real.camera[row]) & (real.person != real.person[row])
        others = rng.choice(np.flatnonzero(together), 8)
        own = np.flatnonzero(real.track == real.track[row])
        track = Prototypes(real.embedding[own], np.ones(len(own)))
        registry.matching.observe(track, real.embedding[others])
    return registry.matching.state_dict()


def ask(registry: PersonRegistry, queries: Queries, number: int) -> dict[str, Any]:
    """Add `number` of the queries, in turns of persons in the registry and new ones."""
    order = np.argsort(np.arange(len(queries.person)) % max(1, len(queries.person) // 2))
    seconds, joined, right, known, rank_1 = [], 0, 0, 0, 0
    stored = registry._records.last_person
    for row in order[:number].tolist():
        person, moment = int(queries.person[row]), float(queries.time[row])
        embedding, camera = queries.prototypes[row], f"camera {queries.camera[row]}"
        start = time.process_time()
        found = registry.add_track(camera, moment, moment + TRACK_SECONDS, embedding, id=10**7)
        seconds.append(time.process_time() - start)
        compared = registry.explain_person(camera, 10**7).compared
        registry._operations.undo()
        joined += found <= stored
        right += found == person
        known += person > 0
        rank_1 += bool(compared) and compared[0].person_id == person
    return {
        "queries": len(seconds),
        "p50": 1000 * float(np.median(seconds)),
        "p99": 1000 * float(np.quantile(seconds, 0.99)),
        "precision": right / joined if joined else float("nan"),
        "recall": right / max(known, 1),
        "rank 1": rank_1 / max(known, 1),
    }


def measure(args: argparse.Namespace, persons: int) -> dict[str, Any]:
    """Measure one size."""
    real = real_tracks(args.data, Embedder(args.embedder), args.cache)
    before = resident_megabytes()
    state, queries = registry_of(real, persons, args.queries, args.seed)
    registry = PersonRegistry(keep_for=None)
    matching = calibrated(registry, real)
    whole = {"version": VERSION, "embedder": "", "matching": matching, "records": state}
    registry.load_state_dict(whole)
    del whole, state
    gallery = registry._records.gallery
    found: dict[str, Any] = {"prototypes": len(gallery), "MB": resident_megabytes() - before}
    gallery.max_exact_rows = np.inf
    found["exact"] = ask(registry, queries, min(args.exact, args.queries))
    gallery.max_exact_rows = 0
    start = time.process_time()
    gallery.candidates(queries.prototypes[0])
    found["build"] = time.process_time() - start
    found["MB with index"] = resident_megabytes() - before
    found["faiss"] = ask(registry, queries, args.queries)
    gallery._index = None
    found |= stored(registry._records, args.folder, matching)
    return found | {"peak MB": peak_megabytes()}


def stored(records: Records, folder: Path | None, matching: dict[str, Any]) -> dict[str, Any]:
    """Size of the file of these records, and the seconds to write and to open it."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        path = Path(name) / "people.sqlite"
        records.changed = set(range(1, records.num_tracks + 1))
        start = time.process_time()
        store = Store(path)
        store.write(records, {"matching": matching, "embedder": None})
        store.close()
        written = time.process_time() - start
        megabytes = path.stat().st_size / 2**20
        opened = in_process(["--open", str(path)])
    return {"disk MB": megabytes, "write": written, "open": opened}


def open_store(path: Path) -> dict[str, float]:
    """Open a file, and measure time and memory."""
    start = time.process_time()
    with PersonRegistry(path, keep_for=None, read_only=True):
        seconds = time.process_time() - start
        return {"seconds": seconds, "MB": resident_megabytes(), "peak MB": peak_megabytes()}


def in_process(arguments: Sequence[str]) -> dict[str, Any]:
    """What this script prints in a process of its own, with these arguments."""
    command = [sys.executable, "-m", "benchmarks.registry_scale", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(persons: int, found: dict[str, Any]) -> list[str]:
    """Lines of one size."""
    lines = []
    for name in ("exact", "faiss"):
        row = found[name]
        scores = "".join(f"{row[each]:>11.1%}" for each in ("precision", "recall", "rank 1"))
        megabytes = found["MB"] if name == "exact" else found["MB with index"]
        lines.append(
            f"{persons:>9}{found['prototypes']:>12}  {name:6}{row['queries']:>8}"
            f"{row['p50']:>10.1f}{row['p99']:>10.1f}{scores}{megabytes:>9.0f}"
        )
    opened = found["open"]
    lines.append(
        f"{'':9}index made in {found['build']:.0f} s; file of {found['disk MB']:.0f} MB, written "
        f"in {found['write']:.0f} s, opened in {opened['seconds']:.0f} s with "
        f"{opened['peak MB']:.0f} MB at most; at most {found['peak MB']:.0f} MB in this process"
    )
    return lines


def check(real: TrackPrototypes, seed: int) -> str:
    """Line that compares simulated persons with the real ones."""
    rng = np.random.default_rng(seed)
    population = Population(real, CAMERAS, rng)
    seeds, means = population.persons(len(np.unique(real.person)))
    parts = [
        population.tracks(seeds, means, rng.integers(CAMERAS, size=len(seeds)), turn)
        for turn in range(3)
    ]
    rows, person = (np.concatenate(each) for each in zip(*parts, strict=True))
    kept = np.concatenate(
        [np.unique(real.track[real.person == each])[:3] for each in np.unique(real.person)]
    )
    first = np.isin(real.track, kept)
    cosines = nearest_other(real.embedding[first], real.person[first]), nearest_other(rows, person)
    return (
        f"{population.random_share:.0%} of the variance of persons is random; cosine of the "
        "nearest other of "
        f"{len(seeds)} persons with up to three tracks: real {cosines[0]:.3f}, simulated "
        f"{cosines[1]:.3f}"
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = cli_options.make_parser("registry_scale", __doc__)
    sizes = (1000, 10_000, 100_000)
    parser.add_argument(
        "--persons",
        type=int,
        nargs="+",
        default=sizes,
        metavar="N",
        help=f"numbers of persons in the registry (default: {' '.join(map(str, sizes))})",
    )
    cli_options.add_number(parser, "--queries", 1000, "queries of each size")
    cli_options.add_number(parser, "--exact", 1000, "queries of these that are also asked exactly")
    cli_options.add_number(parser, "--seed", 0, "random seed")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="folder of the file of the registry, removed afterwards (default: a temporary one)",
    )
    cli_options.add_data(parser)
    cli_options.add_embedder(parser)
    cli_options.add_cache(parser)
    for name, kind in (("--one", int), ("--open", Path)):  # in a process of its own
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    args = make_parser().parse_args(given)
    if args.open is not None:
        print(json.dumps(open_store(args.open)))
        return 0
    if args.one is not None:
        print(json.dumps(measure(args, args.one)))
        return 0
    print(provenance.environment_line("numpy", "onnxruntime", "faiss-cpu"))
    print(check(real_tracks(args.data, Embedder(args.embedder), args.cache), args.seed))
    print(f"{'':21}{'':8}{'':8}{'ms per query':>20}")
    columns = ("precision", "recall", "rank 1")
    print(
        f"{'persons':>9}{'prototypes':>12}  {'search':6}{'queries':>8}{'p50':>10}{'p99':>10}"
        + "".join(f"{each:>11}" for each in columns)
        + f"{'MB':>9}"
    )
    for persons in args.persons:
        found = in_process([*given, "--one", str(persons)])
        print("\n".join(report(persons, found)), flush=True)
    return 0


if __name__ == "__main__":
    status = single_core.rerun_single_threaded("benchmarks.registry_scale", None)
    sys.exit(main() if status is None else status)
