"""CMC, mAP and mINP: by hand, against a brute-force implementation, and invariants."""

import tracemalloc

import numpy as np
import pytest

from deepsort_reid.reid.data.datasets import read_crop, read_market1501
from deepsort_reid.reid.evaluation.rerank import Reranking
from deepsort_reid.reid.evaluation.result import cumulative_match, sorted_names
from deepsort_reid.reid.evaluation.retrieval import (
    evaluate_each_against_all,
    evaluate_reid,
)
from deepsort_reid.vision.embedder import Embedder
from tests.reid.brute_force import ranking, scores


def at(*cosines):
    """Unit vectors on a half circle with these cosines to (1, 0)."""
    cosine = np.array(cosines, np.float32)
    return np.column_stack([cosine, np.sqrt(1 - cosine**2)])


def random_dataset(seed, queries=12, gallery=60, identities=6, cameras=3, width=4):
    """Random embeddings on a coarse grid, so that ties happen, with junk and distractors."""
    rng = np.random.default_rng(seed)
    names = np.array([*(f"{p:04d}" for p in range(1, identities)), "0000", "-1"])

    def side(count, choices):
        rows = rng.integers(-2, 3, (count, width)).astype(np.float32)
        rows[~rows.any(axis=1)] = 1
        return rows, rng.choice(choices, count), rng.integers(1, cameras + 1, count)

    return *side(queries, names[: identities - 1]), *side(gallery, names)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def as_entries(embedding, identity, camera):
    return list(zip(embedding.tolist(), identity.tolist(), camera.tolist(), strict=True))


def test_ranking_by_hand():
    # Ranked: wrong, correct, wrong, correct. Ignored: same camera (0.95), junk (0.99).
    result = evaluate_reid(
        at(1.0),
        ["a"],
        [1],
        at(0.95, 0.99, 0.9, 0.8, 0.7, 0.6),
        ["a", "-1", "b", "a", "0000", "a"],
        [1, 2, 1, 2, 2, 3],
    )
    assert result.ranked[0, :5].tolist() == [2, 3, 4, 5, -1]
    assert result.correct[0, :4].tolist() == [False, True, False, True]
    assert [ranks.tolist() for ranks in result.correct_ranks] == [[2, 4]]
    assert [rows.tolist() for rows in result.correct_rows] == [[3, 5]]
    assert result.first_rank.tolist() == [2]
    assert result.cmc[:4].tolist() == [0, 0, 1, 1]
    assert result.mean_average_precision == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert result.mean_inverse_penalty == pytest.approx(2 / 4)
    np.testing.assert_allclose(result.similarity[0, :4], [0.9, 0.8, 0.7, 0.6], atol=1e-6)


def test_scores_are_averaged_over_queries_and_given_per_identity():
    result = evaluate_reid(
        np.concatenate([at(1.0), at(1.0), at(-1.0)]),
        ["a", "a", "b"],
        [1, 1, 1],
        at(0.9, 0.5, -0.9),
        ["a", "b", "a"],
        [2, 2, 2],
    )
    # a twice: ranks 1 and 3, AP (1 + 2/3) / 2, INP 2/3. b: ranking a, b, a: rank 2.
    assert result.average_precision.tolist() == pytest.approx([5 / 6, 5 / 6, 1 / 2])
    assert result.cmc[1:3].tolist() == pytest.approx([2 / 3, 1])
    a, b = result.per_identity
    assert (a.identity, a.queries, b.identity, b.queries) == ("a", 2, "b", 1)
    assert a.mean_average_precision == pytest.approx(5 / 6)
    assert a.mean_inverse_penalty == pytest.approx(2 / 3)
    assert b.cmc[1:3].tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("batch", [1, 5, 256])
def test_rankings_equal_brute_force_up_to_ties(seed, batch):
    q, qi, qc, g, gi, gc = random_dataset(seed)
    queries, gallery = as_entries(unit(q), qi, qc), as_entries(unit(g), gi, gc)
    result = evaluate_reid(unit(q), qi, qc, unit(g), gi, gc, batch_size=batch, top_k=60)
    for row, query in enumerate(queries):
        expected = ranking(query, gallery)
        kept = result.ranked[row][result.ranked[row] >= 0]
        assert sorted(kept) == sorted(r for r, _ in expected)
        similarity = {r: np.dot(query[0], gallery[r][0]) for r, _ in expected}
        assert [similarity[r] for r in kept] == pytest.approx(
            [similarity[r] for r, _ in expected], abs=1e-6
        )


@pytest.mark.parametrize("seed", range(8))
def test_scores_equal_brute_force_without_ties(seed):
    rng = np.random.default_rng(seed)
    _, qi, qc, _, gi, gc = random_dataset(seed)
    q, g = unit(rng.normal(size=(12, 16))), unit(rng.normal(size=(60, 16)))
    first, precision, penalty = scores(as_entries(q, qi, qc), as_entries(g, gi, gc))
    result = evaluate_reid(q, qi, qc, g, gi, gc, batch_size=5)
    assert result.first_rank.tolist() == first
    np.testing.assert_allclose(result.average_precision, precision)
    np.testing.assert_allclose(result.inverse_penalty, penalty)
    assert result.mean_average_precision == pytest.approx(np.nanmean(precision))
    matched = [rank for rank in first if rank]
    for k in (1, 5, 20):
        assert result.cmc[k] == pytest.approx(np.mean([rank <= k for rank in matched]))


def test_without_cameras_every_image_is_compared_with_all_others():
    rng = np.random.default_rng(1)
    embedding, identity = unit(rng.normal(size=(30, 8))), rng.choice(list("abcd"), 30)
    result = evaluate_each_against_all(embedding, identity, top_k=29)
    unknown_camera = np.full(30, -1)
    entries = as_entries(embedding, identity, unknown_camera)
    first, precision, _ = scores(entries, entries, itself=range(30))
    assert result.first_rank.tolist() == first
    np.testing.assert_allclose(result.average_precision, precision)
    for row in range(30):
        assert sorted(result.ranked[row]) == [r for r in range(30) if r != row]


def test_near_frames_of_the_same_identity_are_ignored():
    frame = np.array([1, 2, 9, 30, 5])
    identity = ["a", "a", "a", "a", "b"]
    embedding = at(1.0, 0.99, 0.9, 0.5, 0.7)
    far = evaluate_each_against_all(embedding, identity, queries=[0], frame=frame, min_frame_gap=8)
    # 2 is too close, 9 exactly so; b stays although it is close.
    assert far.ranked[0, :3].tolist() == [4, 3, -1]
    near = evaluate_each_against_all(embedding, identity, queries=[0], frame=frame, min_frame_gap=7)
    assert near.ranked[0, :4].tolist() == [2, 4, 3, -1]
    unknown = np.where(frame == 2, -1, frame)
    kept = evaluate_each_against_all(
        embedding, identity, queries=[0], frame=unknown, min_frame_gap=8
    )
    assert kept.ranked[0, :4].tolist() == [1, 4, 3, -1]


def test_names_are_sorted_by_number():
    assert list(sorted_names(np.array(["p10", "p9", "p9", "p1"]))) == ["p1", "p9", "p10"]


def test_constant_embedding_scores_zero():
    result = evaluate_each_against_all(np.ones((20, 4)), list("ab") * 10)
    assert result.cmc[1] == 0
    assert result.first_rank.tolist() == [11] * 20
    assert not result.correct[:, :10].any()
    assert result.correct[:, 10:19].all()


def test_perfect_embedding_scores_one():
    result = evaluate_each_against_all(np.eye(5)[np.arange(20) % 5], np.arange(20) % 5)
    assert result.cmc[1] == result.mean_average_precision == result.mean_inverse_penalty == 1


def test_distractors_lower_the_score_and_junk_is_ignored():
    q, qi, qc, g, gi, gc = random_dataset(3)
    clean = gi != "-1"
    without_junk = evaluate_reid(q, qi, qc, g[clean], gi[clean], gc[clean])
    with_junk = evaluate_reid(q, qi, qc, g, gi, gc)
    assert with_junk.mean_average_precision == without_junk.mean_average_precision
    pure = clean & (gi != "0000")
    alone = evaluate_reid(q, qi, qc, g[pure], gi[pure], gc[pure])
    assert alone.mean_average_precision >= with_junk.mean_average_precision


def test_scores_do_not_depend_on_embedding_length_order_or_names():
    q, qi, qc, g, gi, gc = random_dataset(5)
    rng = np.random.default_rng(0)
    order, scale = rng.permutation(len(g)), 2.0 ** rng.integers(-3, 4, (len(g), 1))
    plain = evaluate_reid(q, qi, qc, g, gi, gc)
    rename = {name: name if name == "-1" else f"{name}x" for name in {*gi, *qi}}
    other = evaluate_reid(
        q,
        [rename[name] for name in qi],
        qc,
        (g * scale)[order],
        [rename[name] for name in gi[order]],
        gc[order],
    )
    np.testing.assert_array_equal(other.first_rank, plain.first_rank)
    np.testing.assert_array_equal(other.average_precision, plain.average_precision)


def test_query_without_correct_match_enters_no_average():
    args = at(0.9, 0.2), ["a", "b"], [2, 2]
    both = evaluate_reid(np.concatenate([at(1.0), at(1.0)]), ["a", "c"], [1, 1], *args)
    one = evaluate_reid(at(1.0), ["a"], [1], *args)
    assert both.without_match == 1
    assert both.matched_queries.tolist() == [0]
    assert both.first_rank.tolist() == [1, 0]
    assert np.isnan(both.average_precision[1])
    assert both.mean_average_precision == one.mean_average_precision == 1
    assert [each.identity for each in both.per_identity] == ["a"]


def test_no_query_with_a_correct_match_is_rejected():
    with pytest.raises(ValueError, match="none of 1 queries has a correct match in 1 gallery"):
        evaluate_reid(at(1.0), ["a"], [1], at(0.5), ["a"], [1])


def test_interpolated_precision_uses_later_higher_precision():
    # Ranks 2 and 3: precisions 1/2 and 2/3.
    result = evaluate_reid(at(1.0), ["a"], [1], at(0.9, 0.8, 0.7), list("baa"), [2] * 3)
    assert result.precision_at(np.array([0.1, 0.5, 1])).tolist() == pytest.approx([2 / 3] * 3)


def test_interpolated_precision_by_hand():
    # Ranks 1, 4, 6: precisions 1, 2/4, 3/6.
    result = evaluate_reid(
        at(1.0),
        ["a"],
        [1],
        at(0.9, 0.8, 0.7, 0.6, 0.5, 0.4),
        list("abbaba"),
        [2] * 6,
    )
    recall = np.array([0, 1 / 3, 0.34, 2 / 3, 1])
    assert result.precision_at(recall).tolist() == pytest.approx([1, 1, 0.5, 0.5, 0.5])


def test_cumulative_match_by_hand():
    assert cumulative_match(np.array([1, 1, 3, 9]), 4).tolist() == [0, 0.5, 0.5, 0.75, 0.75]


def test_top_k_may_exceed_the_gallery():
    result = evaluate_each_against_all(np.eye(4), list("aabb"), top_k=10)
    assert result.ranked.shape == (4, 10)
    assert (result.ranked[:, 3:] == -1).all()
    assert len(result.cmc) == 11


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_embedding": np.ones(3)}, r"query embeddings of shape \(N, D\).*\(3,\)"),
        ({"gallery_embedding": np.ones((0, 2))}, r"gallery embeddings .*\(0, 2\)"),
        ({"gallery_embedding": np.ones((2, 3))}, "the same dimension, got 2 and 3"),
        (
            {"gallery_embedding": [[1, np.nan], [1, 0]]},
            "expected finite numbers, got 1 rows .*, the first is row 0",
        ),
        ({"gallery_identity": ["a"]}, r"per gallery embedding, shape \(2,\), got \(1,\)"),
        ({"query_camera": [1, 2]}, r"per query embedding, shape \(1,\)"),
        ({"top_k": 0}, "at least 1"),
    ],
)
def test_inconsistent_input_is_rejected(change, message):
    arguments = {
        "query_embedding": at(1.0),
        "query_identity": ["a"],
        "query_camera": [1],
        "gallery_embedding": at(0.9, 0.1),
        "gallery_identity": ["a", "b"],
        "gallery_camera": [2, 2],
    } | change
    with pytest.raises(ValueError, match=message):
        evaluate_reid(**arguments)


def test_reranking_improves_map_on_clusters():
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(12, 16))
    identity = np.repeat(np.arange(12), 6)
    embedding = centres[identity] + 0.9 * rng.normal(size=(72, 16))
    plain = evaluate_each_against_all(embedding, identity)
    better = evaluate_each_against_all(embedding, identity, reranking=Reranking(k1=5, k2=3))
    assert better.mean_average_precision > plain.mean_average_precision


def test_reranking_with_weight_one_keeps_the_ranking():
    rng = np.random.default_rng(2)
    q, g = rng.normal(size=(6, 8)), rng.normal(size=(30, 8))
    sides = q, list("abcabc"), [1] * 6, g, list("abcde") * 6, [2] * 30
    plain = evaluate_reid(*sides)
    same = evaluate_reid(*sides, reranking=Reranking(k1=5, k2=2, weight=1.0))
    np.testing.assert_array_equal(same.ranked, plain.ranked)


def test_memory_is_bounded_by_the_batch_size():
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((4000, 8), np.float32)
    names, camera = rng.integers(0, 400, 4000), np.full(4000, 2)

    def peak(queries):
        embedding = rng.standard_normal((queries, 8), np.float32)
        tracemalloc.start()
        evaluate_reid(
            embedding,
            names[:queries],
            np.ones(queries),
            gallery,
            names,
            camera,
            batch_size=50,
            top_k=10,
        )
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    # All similarities of 1,500 more queries would take 24 MB.
    assert peak(2000) - peak(500) < 4e6


@pytest.mark.data
@pytest.mark.slow
def test_scores_on_part_of_market1501_equal_a_plain_loop(data_root):
    root = data_root / "reid" / "Market-1501-v15.09.15"
    embedder = Embedder(data_root / "models" / "osnet_x0_25_msmt17.onnx", threads=2)
    queries = read_market1501(root / "query")[:40]
    wanted = {sample.identity for sample in queries} | {"0000", "-1"}
    gallery = [s for s in read_market1501(root / "bounding_box_test") if s.identity in wanted]
    distractors = [s for s in gallery if s.identity in ("0000", "-1")][::60]
    gallery = distractors + [s for s in gallery if s.identity not in ("0000", "-1")]

    def side(samples):
        crops = [read_crop(s.path) for s in samples]
        names, cameras = [s.identity for s in samples], [s.camera for s in samples]
        return embedder.embed_crops(crops), np.array(names), np.array(cameras)

    (q, qi, qc), (g, gi, gc) = side(queries), side(gallery)
    result = evaluate_reid(q, qi, qc, g, gi, gc)
    precision = []
    for row in range(len(q)):
        used = ~(((gi == qi[row]) & (gc == qc[row])) | (gi == "-1"))
        order = np.argsort(-(g[used] @ q[row]), kind="stable")
        ranks = np.flatnonzero((gi[used] == qi[row])[order]) + 1
        precision.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
    np.testing.assert_allclose(result.average_precision, precision)
    # The network was trained on another dataset; the subset is easy.
    assert result.cmc[1] > 0.7
    assert result.mean_average_precision > 0.5
