"""Progress of `crop`, from which a stopped or killed command goes on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.reid.data.crop_extraction import CropCounts

PROGRESS = ".crop.json"


class CropProgress:
    """How far a folder of crops is, in a file next to them until it is complete.

    Args:
        folder: new or empty, or of a command with the same settings that did not end.
        settings: sources and options, as JSON would give them back.

    Attributes:
        source: row of the source that is cropped next.
        frame: its last frame that is complete, 0 for none.
        counts: of all complete frames.
        manifest_length: of the manifest in bytes, after that frame.

    Raises ValueError for another folder.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._path = folder / PROGRESS
        self._settings = json.loads(json.dumps(settings))
        self.source = self.frame = self.manifest_length = 0
        self.counts = CropCounts()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            self._read(folder)

    @property
    def is_continued(self) -> bool:
        """Whether there are complete frames already."""
        return self.frame > 0 or self.source > 0

    def save(self, source: int, frame: int, counts: CropCounts, manifest_length: int) -> None:
        """Note that the frames of a source are complete up to `frame`, in one step."""
        self.source, self.frame, self.counts = source, frame, counts
        self.manifest_length = manifest_length
        progress = {
            "source": source,
            "frame": frame,
            "counts": {**asdict(counts), "identities": sorted(counts.identities)},
            "manifest_length": manifest_length,
        }
        text = json.dumps({"settings": self._settings, **progress})
        # After every frame: the disk is left its time, as for the crops themselves.
        write_atomically(self._path, text, sync=False)

    def remove(self) -> None:
        """The folder is complete."""
        self._path.unlink(missing_ok=True)

    def _read(self, folder: Path) -> None:
        if not self._path.is_file():
            raise ValueError(f"--out: expected a new or empty folder, {folder} is not empty")
        try:
            saved = json.loads(self._path.read_text(encoding="utf-8"))
            settings, counts = saved["settings"], saved["counts"]
            self.source, self.frame = int(saved["source"]), int(saved["frame"])
            self.manifest_length = int(saved["manifest_length"])
            self.counts = CropCounts(**{**counts, "identities": frozenset(counts["identities"])})
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{self._path}: expected the progress of crop, got {error}") from error
        if settings != self._settings:
            raise ValueError(
                f"--out: {folder} holds unfinished crops of other sources or options; repeat "
                "these to continue, or choose another folder"
            )
