"""Registry of persons in an actor of Ray, which trackers in other processes share."""

import inspect
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepsort_reid.identity import PersonRegistry
from deepsort_reid.identity.frame_update import RegistryUpdate
from deepsort_reid.identity.topology import Topology

_ALWAYS = -1  # number of restarts and retries, for Ray


class RegistryServer:
    """Calls methods of a registry in a file; the class of the actor.

    Args:
        path, topology: of the registry.
        restarted: the process of the registry has died, and this one takes its place: the cameras
            go on in their runs.
    """

    def __init__(self, path: str, topology: Topology, restarted: bool | None = None) -> None:
        self._registry = PersonRegistry(path, topology=topology)
        self._is_restarted = _is_restarted() if restarted is None else restarted
        self._continued: set[str] = set()
        self._last_person = 0

    def call(self, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call a method of the registry."""
        if method == "update" and self._is_restarted:
            self._continue(arguments[0])
        result = getattr(self._registry, method)(*arguments, **options)
        # Runs and numbers that were given must be known after a restart.
        if isinstance(result, RegistryUpdate):
            last = int(result.person_id.max(initial=0))
            if last > self._last_person:
                self._last_person = last
                self._registry.flush()
        elif method == "start_camera":
            self._continued.add(arguments[0])
            self._registry.flush()
        return result

    def _continue(self, camera: str) -> None:
        """Let a camera go on in the run in which it was before the restart."""
        if camera not in self._continued:
            self._continued.add(camera)
            self._registry.start_camera(camera, self._registry.run(camera))


class RemoteRegistry(PersonRegistry):
    """The registry of an actor, for the tracker of one camera.

    Args:
        actor: handle of a `RegistryServer`.
        path: its file.
        clock: time of a frame -> its time on the clock that all cameras share, in seconds since
            1970. Called once for each frame, in their order.

    Every method of `PersonRegistry` is a call of the actor; it raises what the method raises there.
    """

    def __init__(
        self, actor: Any, path: str | os.PathLike[str], clock: Callable[[float], float]
    ) -> None:
        # Not that of the base class: the records are those of the actor.
        self._actor, self._path, self._clock = actor, Path(path), clock
        self._last = -math.inf, -math.inf  # time of the last frame, and that on the shared clock

    @property
    def path(self) -> Path:
        """The file of the registry."""
        return self._path

    def update(
        self,
        camera: str,
        time: float,
        id: ArrayLike,
        embedding: ArrayLike | None = None,
        storable: ArrayLike | None = None,
        ended: ArrayLike = (),
        first_time: ArrayLike | None = None,
    ) -> RegistryUpdate:
        """See `PersonRegistry.update`; times are those of the video."""
        shared = self._clock(time)
        first = None if first_time is None else np.asarray(first_time) + (shared - time)
        arguments = (camera, shared, id, embedding, storable, ended, first)
        result: RegistryUpdate = self._call("update", *arguments)
        self._last = time, shared
        return result

    def find_continued(
        self,
        camera: str,
        embedding: NDArray[np.float32],
        num_embeddings: int,
        inter_identity_distance: float,
        first_time: float,
        present: Any = (),
    ) -> Any:
        """See `PersonRegistry.find_continued`; the time is that of the video."""
        last, shared = self._last
        # The next float after the last time would be lost in the sum.
        later = first_time > last
        first = float(np.nextafter(shared, math.inf)) if later else first_time + (shared - last)
        arguments = (camera, embedding, num_embeddings, inter_identity_distance, first, present)
        return self._call("find_continued", *arguments)

    def close(self) -> None:
        """Nothing: other cameras use the registry."""

    def __reduce__(self) -> tuple[Any, ...]:
        raise ValueError("a registry of an actor cannot be copied; pass on the handle of the actor")

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        import ray

        return ray.get(self._actor.call.remote(method, arguments, options))


def _remote(method: str) -> Callable[..., Any]:
    def call(self: RemoteRegistry, *arguments: Any, **options: Any) -> Any:
        return self._call(method, *arguments, **options)

    call.__doc__ = f"See `PersonRegistry.{method}`."
    return call


for _name, _ in inspect.getmembers(PersonRegistry, inspect.isfunction):
    if not _name.startswith("_") and _name not in vars(RemoteRegistry):
        setattr(RemoteRegistry, _name, _remote(_name))


def start_registry(path: Path, topology: Topology) -> Any:
    """Start a registry of a file in an actor on this machine; returns the handle.

    Ray starts the actor again when it dies; it goes on from the file, in which every person is
    from the first moment on.

    Raises ValueError and OSError as `PersonRegistry`.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    with PersonRegistry(path, topology=topology):
        pass  # what is wrong with the file is raised here, without a stack of Ray around it
    node = ray.get_runtime_context().get_node_id()
    options: dict[str, Any] = {
        "num_cpus": 0,
        "max_restarts": _ALWAYS,
        "max_task_retries": _ALWAYS,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
    }
    remote: Any = ray.remote
    return remote(**options)(RegistryServer).remote(str(path.resolve()), topology)


def shared_clock(start: float | None) -> Callable[[float], float]:
    """A `clock` of `RemoteRegistry`.

    start: time of the first frame of a file, in seconds since 1970; None for a live camera, whose
    frames are of the moment in which they are tracked.
    """
    if start is None:
        return lambda _: time.time()
    begin = start
    return lambda moment: begin + moment


def _is_restarted() -> bool:
    import ray

    return bool(ray.get_runtime_context().was_current_actor_reconstructed)
