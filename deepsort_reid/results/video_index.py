"""Where in the annotated videos of a run the frame of a time is."""

from dataclasses import dataclass, field
from typing import Any

_MAX_DEVIATION = 0.3  # seconds
_MAX_ANCHORS = 500  # of a video; later times are then less exact


@dataclass
class VideoIndex:
    """Videos of a run, and the times at which their clocks leave that of the source.

    Attributes:
        videos: name -> pairs of a time of the source and the time in the video, in seconds; from
            each pair on, both clocks go on at the same speed.
    """

    videos: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, name: str, time: float, video_time: float) -> None:
        """Add a frame: the time in the source, and that in the video `name`, in seconds."""
        anchors = self.videos.setdefault(name, [])
        if anchors:
            source, video = anchors[-1]
            deviation = abs(time - source - (video_time - video))
            if deviation <= _MAX_DEVIATION or len(anchors) >= _MAX_ANCHORS:
                return
        anchors.append((round(time, 3), round(video_time, 3)))

    def state_dict(self) -> dict[str, Any]:
        """The index as plain data."""
        return {name: [list(pair) for pair in pairs] for name, pairs in self.videos.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self.videos = {name: [(a, b) for a, b in pairs] for name, pairs in state.items()}
