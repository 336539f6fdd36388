"""`deepsort-reid cameras --address`: each camera in an actor of a Ray cluster."""

import csv
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsort_reid.cli import track
from deepsort_reid.cli.output_folder import versions
from deepsort_reid.cli.progress import print_note
from deepsort_reid.cli.run_files import (
    FOR_RESUMPTION,
    SUMMARY,
    check_replaceable,
    read_summary,
    write_summary_file,
)
from deepsort_reid.cli.stop_signals import interrupted_or_failed
from deepsort_reid.cli.tracking_options import absolute_model
from deepsort_reid.io.folder_lock import FolderLock
from deepsort_reid.io.people_file import PEOPLE, TrackPerson, write_people
from deepsort_reid.io.stream_address import is_stream
from deepsort_reid.scale.ray_cluster import connect
from deepsort_reid.scale.ray_registry import RemoteRegistry, shared_clock, start_registry

if TYPE_CHECKING:
    from deepsort_reid.cli.cameras_file import CameraSettings, CamerasSettings
    from deepsort_reid.tracking.from_dict import TrackerParts

MAX_RESTARTS = 20  # of the process of a camera
_STOP_TIMEOUT = 30.0  # seconds in which cameras complete their files after Ctrl-C
_POLL = 0.2  # seconds


class CameraProcess:
    """Runs `track` for one camera; the class of its actor.

    When its process dies, Ray starts another one and calls `run` again: the run then goes on from
    its last checkpoint, with the same ids and persons.

    Args:
        args: arguments of `track`.
        parts: configuration and association of the tracker.
        registry: handle of the registry.
        start: see `shared_clock`.
    """

    def __init__(
        self, args: Namespace, parts: "TrackerParts", registry: Any, start: float | None
    ) -> None:
        import ray

        args.resume = bool(ray.get_runtime_context().was_current_actor_reconstructed)
        self._args, self._parts, self._registry, self._start = args, parts, registry, start
        self._stopped = threading.Event()

    def run(self) -> str:
        """Track the camera to its end; returns why it ended early, "" for the regular end."""
        try:
            track.track_source(self._args, self._parts, self._open_registry, self._goes_on)
        except KeyboardInterrupt:
            return "interrupted"
        except (ImportError, MemoryError, OSError, ValueError) as error:
            return " ".join(str(error).split()) or type(error).__name__
        return ""

    def stop(self) -> None:
        """End the run after the next frame."""
        self._stopped.set()

    def _open_registry(self, path: Path | None, embedder: Any) -> Any:
        assert path is not None
        registry = RemoteRegistry(self._registry, path, shared_clock(self._start))
        if embedder is not None:
            registry.set_embedder(embedder.identity)
        return registry

    def _goes_on(self, image: Any) -> bool:
        if self._stopped.is_set():
            raise KeyboardInterrupt
        return True


def run_on_ray(args: Namespace, settings: "CamerasSettings", parts: "TrackerParts") -> int:
    """Track each camera in a process of the cluster, and write people.csv and summary.json.

    Raises ValueError after cameras that ended early; all that was tracked is written.
    """
    if args.registry is None:
        raise ValueError(
            "--address: expected --registry FILE.sqlite, from which a process that is started "
            "again goes on, got none"
        )
    names = [each.name for each in settings.cameras]
    for each in settings.cameras:
        if each.start_time and _is_live(each.source):
            raise ValueError(
                f"camera {each.name}: expected start_time of a file only, got one of a live camera"
            )
    connect(args.address)
    args.out.mkdir(parents=True, exist_ok=True)
    with FolderLock(args.out):
        check_replaceable(args.out, [PEOPLE, SUMMARY])
        registry = start_registry(args.registry, settings.topology)
        begin = time.time()
        actors = _start_cameras(args, settings.cameras, parts, registry, begin)
        _write_summary(args.out, names, "running", {})
        runs = {each.run.remote(): name for name, each in actors.items()}
        try:
            ended = _wait(runs)
        except BaseException as error:
            _stop(actors, runs)
            status = interrupted_or_failed(error)
            _finish(args.out, registry, begin, status, dict.fromkeys(names, status))
            raise
        counts = _finish(args.out, registry, begin, "complete", ended)
    if not args.quiet:
        print_note(f"{counts} -> {args.out}")
    failed = {name: reason for name, reason in ended.items() if reason}
    if failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise ValueError(
            f"{len(failed)} of {len(names)} cameras ended early, and all that came of them is in "
            f"{args.out}: {reasons}"
        )
    return 0


def _start_cameras(
    args: Namespace,
    cameras: "list[CameraSettings]",
    parts: "TrackerParts",
    registry: Any,
    begin: float,
) -> dict[str, Any]:
    """Start the actors; returns their handles by the names of the cameras."""
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    # All cameras run at the same time, also where there are fewer CPUs.
    share = resources.get("CPU", 1.0) / len(cameras)
    options: dict[str, Any] = {"num_cpus": int(100 * min(args.threads or 1, share)) / 100}
    if args.device.startswith(("cuda", "tensorrt")):
        gpus = resources.get("GPU", 0.0) / len(cameras)
        if not gpus:
            raise ValueError(f"--device {args.device}: the cluster has no GPU")
        options["num_gpus"] = int(1000 * min(gpus, 1)) / 1000
    restarts = {"max_restarts": MAX_RESTARTS, "max_task_retries": MAX_RESTARTS}
    # Two threads: `stop` is called while `run` is running.
    remote: Any = ray.remote
    process = remote(**options, **restarts, max_concurrency=2)(CameraProcess)
    actors = {}
    for each in cameras:
        folder = args.out / each.name
        for name in FOR_RESUMPTION:  # of an earlier run
            (folder / name).unlink(missing_ok=True)
        start = None if _is_live(each.source) else begin + each.start_time
        actors[each.name] = process.remote(_arguments(args, each), parts, registry, start)
    return actors


def _arguments(args: Namespace, camera: "CameraSettings") -> Namespace:
    """The arguments of `track` for one camera."""
    parser = ArgumentParser()
    track.add_arguments(parser)
    source = camera.source
    if not _is_live(source):
        source = str(Path(source).resolve())  # the process runs in another folder
    own = {
        "source": source,
        "camera": camera.name,
        "out": (args.out / camera.name).resolve(),
        "registry": args.registry.resolve(),
        "detections": None if camera.detections is None else camera.detections.resolve(),
        "detector": None if camera.detections is not None else absolute_model(args.detector),
        "detector_weights": args.detector_weights and args.detector_weights.resolve(),
        "embedder": absolute_model(args.embedder),
        "camera_motion": absolute_model(camera.camera_motion or args.camera_motion),
        "threads": args.threads or 1,
        "config": None,
        "quiet": True,
    }
    defaults = parser.parse_args([source])
    return Namespace(**{**vars(defaults), **vars(args), **own})


def _is_live(source: str) -> bool:
    return is_stream(source) or source.isdecimal()


def _wait(runs: dict[Any, str]) -> dict[str, str]:
    """Wait for the ends of the runs of all cameras; returns why each camera ended."""
    import ray

    ended: dict[str, str] = {}
    while len(ended) < len(runs):
        waiting = [each for each, name in runs.items() if name not in ended]
        # Not within ray.wait, which replaces the error of a signal by another one.
        time.sleep(_POLL)
        for each in ray.wait(waiting, num_returns=len(waiting), timeout=0)[0]:
            name, reason = runs[each], _result(each)
            ended[name] = reason
            if reason:
                print(f"deepsort-reid cameras: {name}: note: {reason}", file=sys.stderr)
    return {name: ended[name] for name in runs.values()}


def _result(task: Any) -> str:
    """What a run returned; why there is no result, where its process died too often."""
    import ray

    try:
        return str(ray.get(task))
    except ray.exceptions.RayError as error:
        return f"its process ended ({' '.join(str(error).split())[:200]})"


def _stop(actors: dict[str, Any], runs: dict[Any, str]) -> None:
    """Let the cameras complete their files."""
    import ray

    for each in actors.values():
        each.stop.remote()
    ray.wait(list(runs), num_returns=len(runs), timeout=_STOP_TIMEOUT)


def _finish(out: Path, registry: Any, begin: float, status: str, ended: dict[str, str]) -> str:
    """Write the persons of all tracks and the summary; returns the counts in words."""
    import ray

    ray.get(registry.call.remote("reconsider", (), {}))
    rows = [row for name in ended for row in _people(out / name, registry, name, begin)]
    write_people(out / PEOPLE, rows)
    frames = _write_summary(out, list(ended), status, ended, rows)
    persons = len({row.person_id for row in rows})
    ray.get(registry.call.remote("close", (), {}))
    return f"{len(ended)} cameras, {frames} frames, {len(rows)} tracks, {persons} persons"


def _people(folder: Path, registry: Any, camera: str, begin: float) -> list[TrackPerson]:
    """The tracks of a camera with the final answers, which are written to its people.csv, too.

    Times of the result are in seconds since `begin`, those of the file since its first frame.
    """
    import ray

    try:
        with (folder / PEOPLE).open(newline="", encoding="utf-8") as file:
            tracks = list(csv.DictReader(file))
    except FileNotFoundError:  # a camera that was never reached
        return []
    rows, shared = [], []
    for each in tracks:
        first, last = float(each["first_time"]), float(each["last_time"])
        record = ray.get(registry.call.remote("track", (camera, int(each["id"])), {}))
        person, frames, probability = record.person_id, int(each["frames"]), record.probability
        row = TrackPerson(record.id, person, camera, first, last, frames, probability)
        row = row._replace(runner_up=record.runner_up)
        rows.append(row)
        shift = record.last_time - begin - last
        shared.append(row._replace(first_time=first + shift, last_time=last + shift))
    write_people(folder / PEOPLE, rows)
    return shared


def _write_summary(
    out: Path,
    names: list[str],
    status: str,
    ended: dict[str, str],
    rows: list[TrackPerson] | None = None,
) -> int:
    """Write summary.json; returns the number of frames of all cameras."""
    cameras = {}
    for name in names:
        found = read_summary(out / name) if ended else {}
        kept = ("source", "frames", "boxes", "identities", "resumed")
        cameras[name] = {"status": (ended.get(name) or "complete") if ended else status}
        cameras[name] |= {key: found[key] for key in kept if key in found}
    frames = sum(int(each.get("frames", 0)) for each in cameras.values())
    people = rows or []
    summary = {
        "status": status,
        "frames": frames,
        "tracks": len(people),
        "persons": len({row.person_id for row in people}),
        "cameras": cameras,
        "files": [PEOPLE],
        "versions": versions(),
    }
    write_summary_file(out, summary)
    return frames
