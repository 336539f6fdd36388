"""Teacher networks, and the targets that a student of another dimension learns from them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.vision.embedder import Embedder

Embedding = NDArray[np.float32]  # (N, D)


class Teachers:
    """Teacher networks: images in, the concatenated unit embeddings of all teachers out.

    Args:
        paths: ONNX files that `Embedder` accepts.
        threads, device: see `Embedder`.

    Attributes:
        paths: as above.
        dims: length of the embedding of each teacher.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not an ONNX network that embeds images.
    """

    def __init__(
        self, paths: Sequence[Path], *, threads: int | None = None, device: str = "cpu"
    ) -> None:
        self.paths = tuple(paths)
        self._embedders = [Embedder(path, threads=threads, device=device) for path in paths]
        self.dims: tuple[int, ...] = tuple(each.embedding_dim for each in self._embedders)

    def __call__(self, images: NDArray[np.uint8]) -> Embedding:
        """Embed RGB uint8 images (N, H, W, 3) -> (N, sum of `dims`), unit rows per teacher.

        Raises ValueError when a network returns no finite embedding for an image.
        """
        crops = [np.ascontiguousarray(image[..., ::-1]) for image in images]
        rows = [embedder.embed_crops(crops) for embedder in self._embedders]
        for embedder, embedding in zip(self._embedders, rows, strict=True):
            unusable = int((~embedding.any(1)).sum())
            if unusable:
                raise ValueError(
                    f"{embedder.name}: expected finite embeddings, got none for {unusable} of "
                    f"{len(images)} images"
                )
        return np.concatenate(rows, 1)


class TeacherTargets:
    """Map from the embeddings of the teachers to the target embeddings of the student.

    The mean embedding of each teacher is subtracted, so that the cosine of different people is
    about 0. The embeddings of all teachers are concatenated; where they are longer than that of the
    student, they are projected to their first principal directions.

    Args:
        mean: (D,) mean embedding, D = sum of `dims`.
        basis: (D, d) orthonormal columns.
        dims: length of the embedding of each teacher.
    """

    def __init__(self, mean: Embedding, basis: Embedding, dims: Sequence[int]) -> None:
        self.mean, self.basis, self.dims = mean, basis, tuple(dims)

    @classmethod
    def fit(cls, embedding: Embedding, dims: Sequence[int], embedding_dim: int) -> "TeacherTargets":
        """The map to targets of length `embedding_dim`, fitted to embeddings (N, D) of crops.

        Raises ValueError when `embedding_dim` is larger than D.
        """
        width = sum(dims)
        check_width(dims, embedding_dim)
        mean = np.asarray(embedding.mean(0, dtype=np.float64), np.float32)
        targets = cls(mean, np.eye(width, dtype=np.float32), dims)
        if embedding_dim < width:
            centred = targets._centred(embedding)
            # Eigenvectors in ascending order of the eigenvalues. Not a singular value
            # decomposition: with fewer crops than dimensions it has too few directions.
            directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)[1]
            first = directions[:, : -embedding_dim - 1 : -1]
            targets.basis = np.ascontiguousarray(first, np.float32)
        return targets

    @classmethod
    def load(cls, path: Path) -> "TeacherTargets":
        """Read the file that `save` wrote."""
        with np.load(path) as stored:
            return cls(stored["mean"], stored["basis"], stored["dims"].tolist())

    def save(self, path: Path) -> None:
        """Write the map to an .npz file: another machine may find directions of other signs."""
        with open_atomically(path) as file:
            np.savez(file, mean=self.mean, basis=self.basis, dims=self.dims)

    def __call__(self, embedding: NDArray[np.floating]) -> Embedding:
        """Target unit rows (N, d) for rows (N, D)."""
        return unit_rows(self._centred(embedding) @ self.basis)

    def kept_share(self, embedding: NDArray[np.floating]) -> float:
        """Share of the energy of centred rows (N, D) that the projection keeps."""
        centred = self._centred(embedding)
        return float(np.square(centred @ self.basis).sum() / np.square(centred).sum())

    def _centred(self, embedding: NDArray[np.floating]) -> Embedding:
        """Rows (N, D) without the mean, of unit length for each teacher."""
        ends = np.cumsum(self.dims)[:-1]
        rows = np.asarray(embedding, np.float32) - self.mean
        return np.concatenate([unit_rows(part) for part in np.split(rows, ends, axis=1)], 1)


def check_width(dims: Sequence[int], embedding_dim: int) -> None:
    """Raise ValueError when the embedding of a student is longer than those of its teachers."""
    if embedding_dim > sum(dims):
        raise ValueError(
            f"embedding dimension: expected at most {sum(dims)}, that of the teacher, "
            f"got {embedding_dim}; use a smaller --embedding-dim"
        )


def unit_rows(rows: Embedding) -> Embedding:
    """Rows of unit length (N, D); a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)
