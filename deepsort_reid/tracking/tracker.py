"""DeepSORT: detections of one frame in, identities out."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.frame import Frame, check_frame
from deepsort_reid.structures.tracks import State, Tracks
from deepsort_reid.tracking import kalman
from deepsort_reid.tracking.assignment import Matching
from deepsort_reid.tracking.association import AssociationInput
from deepsort_reid.tracking.config import DeepSortConfig
from deepsort_reid.tracking.costs import other_class
from deepsort_reid.tracking.extras import box_smoothing
from deepsort_reid.tracking.extras.box_smoothing import Jitter
from deepsort_reid.tracking.extras.common_motion import common_shift
from deepsort_reid.tracking.extras.explain import Explanation, FrameRecord, PairScores, Record
from deepsort_reid.tracking.extras.id_assignment import Naming
from deepsort_reid.tracking.extras.identity_memory import Identities
from deepsort_reid.tracking.extras.visibility import View, hidden_share
from deepsort_reid.tracking.gallery import Appearance, GalleryAppearance, MeanAppearance
from deepsort_reid.tracking.kalman import WALKING, AspectMotion, MotionModel
from deepsort_reid.tracking.likelihood_ratio import LikelihoodRatio
from deepsort_reid.tracking.matching_cascade import MatchingCascade
from deepsort_reid.tracking.track_table import GONE, TrackTable, next_state

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


class FrameEmbedder(Protocol):
    """What `DeepSort(embedder=...)` needs: a frame and boxes (M, 4) in, unit rows (M, D) out."""

    def __call__(self, frame: Frame, xyxy: Array, /) -> NDArray[np.float32]: ...


class Association(Protocol):
    """Who goes with whom: pairs of table rows and detection rows, none of them forbidden."""

    def __call__(self, asked: AssociationInput, /) -> Matching: ...

    def judge(self, asked: AssociationInput, /) -> PairScores: ...


class DeepSort:
    """Tracks people from frame to frame and keeps their ids.

    Args:
        config: the numbers.
        embedder: called with a frame and the boxes of detections that come without embeddings.
        association: who goes with whom; `LikelihoodRatio()` unless given, or `MatchingCascade()`.
        motion: how boxes move; `AspectMotion(velocity_noise=1 / 320)` unless given.
        appearance: what a track remembers; `MeanAppearance()` unless given.
        identities: people who left, to be recognised when they return; a memory of its own
            unless given, so that one may be loaded, or shared by trackers that do not run at once.
        record: keep why every choice was made, for `explain`; memory then grows with the video.

    DeepSORT as published is `published()`. Raises ValueError when `config` or `embedder` is
    something else.

    One instance follows one camera. Ids are dense from 1, belong to the instance, and start over
    with `reset()`. Nothing is shared between instances.
    """

    def __init__(
        self,
        config: DeepSortConfig | None = None,
        *,
        embedder: FrameEmbedder | None = None,
        association: Association | None = None,
        motion: MotionModel | None = None,
        appearance: Appearance | None = None,
        identities: Identities | None = None,
        record: bool = False,
    ) -> None:
        if not isinstance(config, DeepSortConfig | None):
            raise ValueError(
                f"config must be a DeepSortConfig, got {type(config).__name__}; "
                "everything else goes by name: DeepSort(embedder=...)"
            )
        if not (embedder is None or callable(embedder)):
            raise ValueError(
                f"an embedder is called with a frame and boxes, got {type(embedder).__name__}; "
                "a file goes into one: DeepSort(embedder=Embedder('FILE.onnx'))"
            )
        self.config = config or DeepSortConfig()
        self._embedder = embedder
        self.association = association or LikelihoodRatio()
        self._model = motion or WALKING
        self._appearance = appearance or MeanAppearance()
        self._keep_record = record
        self._given_identities = identities
        self.reset()

    def reset(self) -> None:
        """Forget every track; the next id is 1 again, or follows the `identities` given."""
        self._table = TrackTable()
        self._pool = self._appearance.pool()
        given = self._given_identities
        self.identities = Identities(self.config.identity_memory_size) if given is None else given
        self._naming = Naming(self.identities, self.config.id_correction_window)
        self._view = View()
        self._jitter = Jitter()
        self._frame_shape: tuple[int, ...] | None = None
        self._last_detections = Detections.empty()
        self.record = Record() if self._keep_record else None

    @property
    def tracks(self) -> Tracks:
        """The whole live table, tentative and coasting tracks included, in the order of birth."""
        return self._as_tracks(np.arange(len(self._table)))

    @property
    def track_keys(self) -> NDArray[np.int64]:
        """One key (T,) int64 for each row of `tracks`: the running number of the track's birth.

        A key belongs to one track for its whole life and is never used again before `reset()`.
        Unlike an id, it exists while a track is tentative and is never corrected.
        """
        return self._table.key.copy()

    @property
    def last_detections(self) -> Detections:
        """The detections of the last `update`, all rows as given, with the embeddings it used.

        `Tracks.detection` holds rows of it. Empty before the first update.
        """
        return self._last_detections

    def update(
        self,
        detections: Detections,
        *,
        frame: Frame | None = None,
        camera: Array | None = None,
        dt: float = 1.0,
    ) -> Tracks:
        """Take in the next frame's detections and say who is where.

        Args:
            detections: of this frame; `Detections.empty()` when there are none.
            frame: the picture, BGR uint8 (H, W, 3); needed when an embedder is to embed.
            camera: the camera's motion since the last frame, affine (2, 3): previous -> current.
            dt: time since the last frame, in frames. Motion takes it as it is; ages and misses
                count whole frames, at least one a call, so `max_age` is a number of frames
                and not of calls: at dt=3, 120 of them are over after 40 calls.

        Returns:
            the confirmed tracks that were matched in this frame, in the order of their ids.

        Raises:
            ValueError: an argument is not as above. The tracker is then as it was before the call.
        """
        camera = checked_camera(camera)
        if not 0 < dt < np.inf:
            raise ValueError(f"dt must be a positive number of frames, got {dt}")
        given = detections
        row, detections = self._usable(given, frame)
        before = self._filtered()
        self._predict(camera, dt)
        if self.config.common_motion_compensation:
            self._shift(detections)
        self._carry(before)
        self._calibrate(detections)
        asked = self._candidates(detections)
        matching = self.association(asked)
        if self.record is not None:
            self._note(self.record, given, row, asked, matching)
        self._correct(matching, detections, row)
        self._settle(matching)
        self._start(detections, row, matching.unmatched_detections)
        return self._visible()

    def explain(self, frame: int, id: int) -> Explanation:
        """Why track `id` got what it got in the `frame`-th update: costs, gates and choice.

        `print` it to read it in words. Raises ValueError when the tracker keeps no record
        (`DeepSort(record=True)`), or the track was not alive then.
        """
        if self.record is None:
            raise ValueError("this tracker keeps no record; make it with DeepSort(record=True)")
        return self.record.explain(frame, id)

    def embed(self, detections: Detections, frame: Frame | None) -> Detections:
        """The detections with embeddings, where this tracker has an embedder and they have none.

        `update` does this itself; ask for it to keep the embeddings. Raises ValueError when a
        `frame` is needed and there is none.
        """
        if self._embedder is None or detections.embedding is not None:
            return detections
        used = detections.score >= self.config.min_score
        if not used.any():
            return detections
        if frame is None:
            raise ValueError(
                "this tracker embeds: pass update(detections, frame=frame), "
                "or detections with embeddings"
            )
        # Unsure detections are matched by place alone: embedding them would be wasted time.
        sure = used & self._sure(detections)
        looks = self._embedder(frame, detections.xyxy[sure])
        rows = detections[sure].with_embedding(looks).embedding
        if rows is None:
            raise ValueError("an embedder must return one row for each box, got None")
        embedding = np.zeros((len(detections), rows.shape[1]), dtype=np.float32)
        embedding[sure] = rows
        return detections.with_embedding(embedding)

    def _usable(self, detections: Detections, frame: Frame | None) -> tuple[Rows, Detections]:
        """The rows (M',) of the detections to look at, and those detections, with embeddings."""
        if not isinstance(detections, Detections):
            raise ValueError(
                f"update expects Detections, got {type(detections).__name__}; "
                "make them with Detections(xyxy, score)"
            )
        frame_shape = _checked_shape(frame, self._frame_shape)
        embedded = self.embed(detections, frame)
        rows = np.flatnonzero(detections.score >= self.config.min_score)
        detections = embedded[rows]
        if detections.embedding is not None and len(detections):
            self._pool.expect(detections.embedding.shape[1])
        self._frame_shape = frame_shape
        self._last_detections = embedded
        self._view.width = None if frame_shape is None else frame_shape[1]
        self._view.see(detections.xyxy)
        return rows, detections

    def _predict(self, camera: Array | None, dt: float) -> None:
        """Let time pass: every track moves on, ages, and has missed this frame until matched."""
        table = self._table
        if camera is not None:
            table.motion = kalman.moved_by_camera(self._model, table.motion, camera)
        coasting = table.state == State.COASTING
        table.motion[coasting, kalman.VELOCITY, 2:] *= self.config.coasting_size_velocity_decay**dt
        table.motion = kalman.predict(self._model, table.motion, dt)
        elapsed = elapsed_frames(dt)
        self._naming.let_time_pass(elapsed)
        table.age = table.age + elapsed
        table.misses = table.misses + elapsed
        table.detection = np.full(len(table), -1, dtype=np.int64)

    def _shift(self, detections: Detections) -> None:
        """Move every track by what the plainly matched ones are off, all alike."""
        table = self._table
        fresh = self._filtered()[table.state == State.CONFIRMED]
        shift = common_shift(fresh, detections.xyxy[self._sure(detections)])
        table.motion[:, kalman.POSITION, :2] += shift

    def _carry(self, before: Array) -> None:
        """Steady boxes move as the filter's, which were at `before` (N, 4) in the last frame."""
        if self.config.smooth_boxes:
            table = self._table
            table.calm = self._jitter.carry(table.calm, before, self._filtered())

    def _calibrate(self, detections: Detections) -> None:
        """Two boxes of one frame are two people: learn how different people look here."""
        if detections.embedding is not None:
            seen = detections.embedding.any(axis=1) & self._sure(detections)
            self._pool.calibration.see_frame(detections.embedding[seen])

    def _candidates(self, detections: Detections) -> AssociationInput:
        table = self._table
        forbidden = np.zeros((len(table), len(detections)), dtype=bool)
        if not self.config.class_agnostic:
            forbidden = other_class(table.class_id(), detections.class_id)
        sure = self._sure(detections)
        return AssociationInput(table, self._pool, self._model, detections, sure, forbidden)

    def _note(
        self,
        record: Record,
        given: Detections,
        row: Rows,
        asked: AssociationInput,
        matching: Matching,
    ) -> None:
        """Write down what could have been chosen, and what was."""
        table = self._table
        chosen = np.full(len(table), -1, dtype=np.int64)
        chosen[matching.pairs[:, 0]] = row[matching.pairs[:, 1]]
        record.add(
            FrameRecord(
                number=len(record) + 1,
                xyxy=given.xyxy,
                row=row.astype(np.int64),
                id=table.id.copy(),
                state=table.state.copy(),
                misses=table.misses.copy(),
                predicted_xyxy=asked.expected_xyxy(),
                judgement=self.association.judge(asked),
                chosen=chosen,
                given=self._naming.given,  # which fills up until this update is over
            )
        )

    def _correct(self, matching: Matching, detections: Detections, row: Rows) -> None:
        """Matched tracks learn where their person is, how it looks and what it is."""
        table = self._table
        tracks, seen = matching.pairs[:, 0], matching.pairs[:, 1]
        xyxy, score = detections.xyxy[seen], detections.score[seen]
        just_seen = table.state[tracks] == State.CONFIRMED
        table.motion[tracks] = kalman.correct(
            self._model,
            table.motion[tracks],
            self._model.measure(xyxy),
            self._noise_scale(score),
        )
        if self.config.smooth_boxes:
            coasted = table.state[tracks] == State.COASTING
            table.calm = self._jitter.see(table.calm, tracks, xyxy, coasted)
        table.xyxy[tracks], table.score[tracks] = xyxy, score
        table.detection[tracks] = row[seen]
        table.misses[tracks] = 0
        table.hits[tracks] += 1
        table.vote(tracks, detections.class_id[seen], score)
        self._remember(table.slot[tracks], detections, seen, just_seen)

    def _settle(self, matching: Matching) -> None:
        """Tracks are confirmed, coast or end, by the truth table in `table.py`."""
        table, config = self._table, self.config
        matched = np.ones(len(table), dtype=bool)
        matched[matching.unmatched_tracks] = False
        max_age_at_border = min(config.max_age_at_border, config.max_age)
        table.state = next_state(
            table.state,
            matched,
            table.hits,
            table.misses,
            n_init=config.n_init,
            max_age=np.where(self._view.cuts(table.xyxy), max_age_at_border, config.max_age),
        )
        ended = table.state == GONE
        self._naming.see_off(table, self._pool, ended)
        self._end(ended)
        self._end(self._naming.give_new(table, self._pool))
        if config.id_correction_window:
            self._end(self._naming.revise(table, self._pool))

    def _start(self, detections: Detections, row: Rows, free: Rows) -> None:
        """Detections that are nobody's become tracks."""
        free = self._worthy(detections, free)
        n = len(free)
        if not n:
            return
        table = self._table
        xyxy, score = detections.xyxy[free], detections.score[free]
        ones = np.ones(n, dtype=np.int64)
        table.append(
            motion=kalman.begin(self._model, self._model.measure(xyxy)),
            xyxy=xyxy,
            score=score,
            id=0 * ones,
            state=np.full(n, State.TENTATIVE, dtype=np.int64),
            hits=ones,
            age=ones,
            misses=0 * ones,
            detection=row[free],
            slot=self._pool.take(n),
        )
        born = np.arange(len(table) - n, len(table))
        if self.config.n_init == 1:
            table.state[born] = State.CONFIRMED
        table.vote(born, detections.class_id[free], score)
        self._remember(table.slot[born], detections, free, np.zeros(n, dtype=bool))
        self._end(self._naming.give_new(table, self._pool))

    def _worthy(self, detections: Detections, free: Rows) -> Rows:
        """Those of the free detections that may begin a track, the surest first.

        One that lies mostly on a person who was seen in this frame, or covers one, is a second box
        of that person. The order keeps new ids independent of the order of the detections.
        """
        free = free[detections.score[free] >= self.config.new_track_score]
        table = self._table
        seen = table.state == State.CONFIRMED
        people = table.xyxy[seen]
        if len(people) and len(free):
            xyxy = detections.xyxy[free]
            smaller = np.minimum(boxes.area(people)[:, None], boxes.area(xyxy))
            covered = boxes.intersection(people, xyxy) / smaller
            if not self.config.class_agnostic:
                covered[other_class(table.class_id()[seen], detections.class_id[free])] = 0
            free = free[covered.max(axis=0) <= self.config.max_new_track_overlap]
        xyxy, score = detections.xyxy[free], detections.score[free]
        return free[np.lexsort((xyxy[:, 3], xyxy[:, 2], xyxy[:, 1], xyxy[:, 0], -score))]

    def _visible(self) -> Tracks:
        """The confirmed tracks of this frame, by id."""
        table = self._table
        rows = np.flatnonzero(table.state == State.CONFIRMED)
        return self._as_tracks(rows[np.argsort(table.id[rows])])

    def _end(self, rows: NDArray[np.bool_]) -> None:
        """Drop tracks (N,)."""
        if rows.any():
            self._pool.give_back(self._table.slot[rows])
            self._table.keep(~rows)

    def _remember(
        self,
        slots: NDArray[np.int64],
        detections: Detections,
        seen: Rows,
        just_seen: NDArray[np.bool_],
    ) -> None:
        """Tracks remember how their person looks, and the pool what that is worth."""
        if detections.embedding is None or not len(seen):
            return
        embedding = detections.embedding[seen]
        # A row of zeros says: no appearance. Unsure detections are matched by place alone, whether
        # they came with an embedding or not.
        sighted = embedding.any(axis=1) & self._sure(detections)[seen]
        known = self._pool.known(slots)
        again = sighted & known & just_seen
        self._pool.calibration.see_same(self._pool.own_distance(slots[again], embedding[again]))
        clean = self._clean(detections)[seen]
        self._pool.remember(slots[sighted], embedding[sighted], clean[sighted])

    def _sure(self, detections: Detections) -> NDArray[np.bool_]:
        """Which detections (M,) compete for every track."""
        return np.asarray(detections.score >= self.config.high_score_threshold)

    def _clean(self, detections: Detections) -> NDArray[np.bool_]:
        """Which boxes (M,) show one whole person: unsure ones are often half of somebody else."""
        config = self.config
        clean = detections.score >= config.min_gallery_score
        if not config.store_truncated:
            clean &= ~self._view.cuts(detections.xyxy)
        if config.max_stored_occlusion < 1:
            clean &= hidden_share(detections.xyxy) <= config.max_stored_occlusion
        return clean

    def _noise_scale(self, score: Array) -> Any:
        if not self.config.nsa_kalman:
            return 1.0
        # A perfect score would make the filter believe one box blindly; 5 % of doubt stays.
        return np.clip(1 - score, 0.05, 1)

    def _filtered(self) -> Array:
        """Boxes (N, 4) by the filter."""
        return self._model.boxes(self._table.motion[:, kalman.POSITION])

    def _as_tracks(self, rows: Rows) -> Tracks:
        table = self._table
        filtered = self._filtered()[rows]
        seen = table.detection[rows] >= 0
        if self.config.smooth_boxes:
            reported = box_smoothing.steady_boxes(table.calm[rows], table.xyxy[rows], seen)
        else:
            reported = np.where(seen[:, None], table.xyxy[rows], filtered)
        return Tracks(
            id=table.id[rows],
            xyxy=reported,
            filtered_xyxy=filtered,
            score=table.score[rows],
            class_id=table.class_id()[rows],
            detection=table.detection[rows],
            state=table.state[rows],
            age=table.age[rows],
            misses=table.misses[rows],
        )


def published(*, embedder: FrameEmbedder | None = None, record: bool = False) -> DeepSort:
    """DeepSORT as published (Wojke et al. 2017): cascade, galleries of 100, no low scores."""
    return DeepSort(
        DeepSortConfig.published(),
        embedder=embedder,
        association=MatchingCascade(),
        motion=AspectMotion(),
        appearance=GalleryAppearance(),
        record=record,
    )


def _checked_shape(frame: Frame | None, expected: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The frame's shape, or the expected one when there is no frame."""
    if frame is None:
        return expected
    shape = check_frame(frame).shape
    if expected is not None and shape != expected:
        raise ValueError(
            f"frames must keep their size: expected {expected}, got {shape}; "
            "call reset() before another video"
        )
    return shape


def elapsed_frames(dt: float) -> int:
    """Whole frames, at least 1, by which an update `dt` frames later raises ages and misses."""
    return max(1, round(dt))


def checked_camera(camera: Array | None) -> Array | None:
    """The warp (2, 3) as float64, None where there is none; ValueError when it is no affine."""
    if camera is None:
        return None
    warp = np.asarray(camera, dtype=np.float64)
    if warp.shape != (2, 3) or not np.isfinite(warp).all():
        raise ValueError(f"camera must be a finite affine (2, 3), got shape {warp.shape}")
    return warp
