"""Likeness of persons: embeddings of their best crops, computed when they are asked for."""

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.review.run_folder import Run
from deepsort_reid.structures.frame import Frame
from deepsort_reid.vision.embedder import Embedder

Floats = NDArray[np.float32]
_BATCH = 16  # crops that are embedded together


class Likeness:
    """Embeddings of boxes by row of the run; each one is computed once.

    Args:
        run: the run.
        crop: the picture of a row, None where there is none.
        make_embedder: called with the first box; the embedder of the package when not given.
    """

    def __init__(
        self,
        run: Run,
        crop: Callable[[int], Frame | None],
        make_embedder: Callable[[], Embedder] = Embedder,
    ) -> None:
        self._frame = run.rows.frame
        self._crop = crop
        self._make_embedder = make_embedder
        self._embedder: Embedder | None = None
        self._computing = threading.Lock()
        self._embedding: dict[int, Floats | None] = {}
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def embed(self, rows: Iterable[int]) -> None:
        """Compute the embeddings of rows that are not known yet, in the order of their frames."""
        missing = [row for row in rows if row not in self._embedding]
        missing.sort(key=lambda row: int(self._frame[row]))
        for start in range(0, len(missing), _BATCH):
            if self._stopped.is_set():
                return
            with self._computing:
                self._embed_batch([r for r in missing[start:][:_BATCH] if r not in self._embedding])

    def embed_in_background(self, persons: Iterable[Sequence[int]], wait: float) -> None:
        """Compute the embeddings of the rows of persons in a thread.

        One of each person comes first, so that early answers compare with all persons. Waits for it
        up to `wait` seconds.
        """
        if self._thread is None or not self._thread.is_alive():
            by_place = itertools.zip_longest(*persons)
            rounds = [[row for row in rows if row is not None] for rows in by_place]
            if all(row in self._embedding for rows in rounds for row in rows):
                return
            self._thread = threading.Thread(target=self._embed_rounds, args=[rounds], daemon=True)
            self._thread.start()
        self._thread.join(wait)

    def of(self, rows: Sequence[int]) -> tuple[list[int], Floats]:
        """Those of the rows whose embedding is known, and their embeddings (K, D), unit length."""
        found = [row for row in rows if self._embedding.get(row) is not None]
        return found, np.array([self._embedding[row] for row in found], dtype=np.float32)

    def distances(self, rows: Sequence[int]) -> dict[int, float]:
        """Cosine distance of each row from the mean of the others; of the known ones, if two."""
        found, embedding = self.of(rows)
        if len(found) < 2:
            return {}
        others = embedding.sum(axis=0) - embedding
        others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-12)
        distance = 1 - np.einsum("kd,kd->k", embedding, others)
        return dict(zip(found, distance.tolist(), strict=True))

    def most_similar(
        self, rows: Sequence[int], others: Mapping[int, Sequence[int]], limit: int
    ) -> list[tuple[int, float]]:
        """The most similar of other persons, with the similarity of the means, 0 to 1.

        Args:
            rows: of a person.
            others: rows of each other person; those without an embedding yet are left out.
            limit: number of persons.
        """
        own = self._mean(rows)
        if own is None:
            return []
        means = {person: self._mean(each) for person, each in others.items()}
        found = [
            (person, float(np.clip(own @ mean, 0, 1)))
            for person, mean in means.items()
            if mean is not None
        ]
        return sorted(found, key=lambda each: (-each[1], each[0]))[:limit]

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _embed_rounds(self, rounds: list[list[int]]) -> None:
        for rows in rounds:
            self.embed(rows)

    def _embed_batch(self, rows: list[int]) -> None:
        crops = {row: self._crop(row) for row in rows}
        seen = [row for row, crop in crops.items() if crop is not None]
        self._embedding |= dict.fromkeys(crops)
        if seen:
            if self._embedder is None:
                self._embedder = self._make_embedder()
            embedding = self._embedder.embed_crops([crops[row] for row in seen])  # type: ignore[misc]
            self._embedding |= dict(zip(seen, embedding, strict=True))

    def _mean(self, rows: Sequence[int]) -> Floats | None:
        """Unit mean (D,) of the known embeddings of rows; None where there is none."""
        found, embedding = self.of(rows)
        if not found:
            return None
        mean = embedding.mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)
