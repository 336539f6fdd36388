"""Archive on a Ray cluster: Ray Data gives the paths of videos to actors."""

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.scale.archive.tables import files_of
from deepsort_reid.scale.archive.videos import ArchiveVideo
from deepsort_reid.scale.archive.worker import ArchiveWorker, TrackingSettings, is_done


def _silence() -> None:
    """Errors are reported once, by the command; Ray's log files have the rest."""
    from ray.data import DataContext

    for handler in logging.getLogger("ray.data").handlers:
        if type(handler).__name__ == "PlainRayHandler":
            handler.setLevel(logging.CRITICAL)
    DataContext.get_current().enable_progress_bars = False


class _TrackVideos:
    """The callable of an actor of Ray Data: a batch is the name and path of one video."""

    def __init__(self, settings: TrackingSettings, out: str, threads: int) -> None:
        self._worker = ArchiveWorker(settings, Path(out), threads)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        errors = [
            self._worker(ArchiveVideo(str(name), str(path)))
            for name, path in zip(batch["name"], batch["path"], strict=True)
        ]
        # Text alone: a column of nothing has another type in each block.
        return {**batch, "error": np.array([error or "" for error in errors])}


def track_on_ray(
    settings: TrackingSettings,
    out: Path,
    videos: Sequence[ArchiveVideo],
    *,
    workers: int | None,
    threads: int,
) -> Iterator[tuple[ArchiveVideo, str | None]]:
    """Track videos on the cluster to which this process is connected.

    Args:
        settings: of the tracking.
        out: folder of the results, on a storage that all nodes share.
        videos: at least one; their paths are the same on all nodes.
        workers: maximum number of actors; None for as many as the cluster has CPUs for.
        threads: CPUs of an actor.

    Yields each video with its error, or None. An actor that dies is started again by Ray, and its
    video tried again, `MAX_ATTEMPTS` times in all.

    Raises ValueError when models cannot be loaded, or `out` is not shared.
    """
    import ray
    from ray.data import ActorPoolStrategy

    _silence()
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cpus = int(resources.get("CPU", 0))
    most = min(workers or max(1, cpus // threads), len(videos))
    if cpus < threads:
        raise ValueError(f"--threads: expected up to the {cpus} CPUs of the cluster, got {threads}")
    options: dict[str, Any] = {"num_cpus": threads}
    if settings.device.startswith(("cuda", "tensorrt")):
        gpus = resources.get("GPU", 0.0)
        if not gpus:
            raise ValueError(f"--device {settings.device}: the cluster has no GPU")
        options["num_gpus"] = math.floor(min(1.0, gpus / most) * 1e4) / 1e4  # Ray's precision
    by_name = {each.name: each for each in videos}
    # One row in a block: a worker that dies loses one video.
    rows = ray.data.from_items([each._asdict() for each in videos], override_num_blocks=len(videos))
    tracked = rows.map_batches(
        _TrackVideos,
        fn_constructor_args=(settings, str(out.resolve()), threads),
        batch_size=1,
        batch_format="numpy",
        compute=ActorPoolStrategy(min_size=1, max_size=most),
        **options,
    )
    try:
        for row in tracked.iter_rows():
            video = by_name[row["name"]]
            if not row["error"] and not is_done(files_of(out, video.name), video):
                raise ValueError(
                    f"{out}: expected a folder that all nodes of the cluster share, but the files "
                    f"of {video.name} are not in it"
                )
            yield video, row["error"] or None
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        raise ValueError(f"Ray: {' '.join(str(cause).split())[-300:]}") from error
