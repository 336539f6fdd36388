"""What the page says to doubt, in runs where it is known."""

from deepsort_reid.results.doubts import find_doubts
from tests.results.runs import box, persons_of, record


def kinds(doubts):
    return [doubt.kind for doubt in doubts]


def test_run_without_anything_doubtful_has_no_doubts():
    recorder = record([{1: box(50 + n, 200), 2: box(250 - n, 100)} for n in range(60)])
    assert find_doubts(persons_of(recorder), recorder) == []


def test_join_with_low_probability_names_the_next_person_and_the_reason():
    recorder = record([{1: box(50, 200)}] * 30 + [{}] * 50 + [{2: box(250, 200)}] * 30)
    reason = {2: "nearest person 1 at distance 0.3"}
    persons = persons_of(recorder, {2: 1}, {2: 0.6}, {2: 7}, reason)
    (doubt,) = find_doubts(persons, recorder)
    assert (doubt.kind, doubt.persons, doubt.time) == ("join", (1,), 8.0)
    assert "Track 2 is taken for person 1, as track 1: probability 0.60" in doubt.text
    assert "person 7" in doubt.text
    assert "distance 0.3" in doubt.text


def test_sure_join_is_no_doubt():
    recorder = record([{1: box(50, 200)}] * 30 + [{}] * 50 + [{2: box(250, 200)}] * 30)
    assert find_doubts(persons_of(recorder, {2: 1}, {2: 0.95}), recorder) == []


def test_track_that_ends_inside_beside_the_beginning_of_another_is_listed():
    inside = [{1: box(150, 150)}] * 30 + [{}] * 5 + [{2: box(160, 150)}] * 30
    recorder = record(inside)
    (doubt,) = find_doubts(persons_of(recorder), recorder)
    assert (doubt.kind, doubt.persons) == ("break", (1, 2))
    assert find_doubts(persons_of(recorder, {2: 1}), recorder) == []
    at_border = record([{1: box(5, 150)}] * 30 + [{}] * 5 + [{2: box(6, 150)}] * 30)
    assert find_doubts(persons_of(at_border), at_border) == []


def test_two_who_walk_through_each_other_are_listed_and_two_who_pass_are_not():
    def walk(y):
        return record([{1: box(100 + 2 * n, 200), 2: box(220 - 2 * n, y)} for n in range(60)])

    through, beside = walk(204), walk(120)
    (doubt,) = find_doubts(persons_of(through), through)
    assert (doubt.kind, doubt.persons) == ("crossing", (1, 2))
    assert doubt.time == 3.0
    assert find_doubts(persons_of(beside), beside) == []


def test_long_gap_of_a_track_is_listed_with_its_length():
    recorder = record([{1: box(50, 200)}] * 30 + [{}] * 41 + [{1: box(60, 200)}] * 30)
    (doubt,) = find_doubts(persons_of(recorder), recorder)
    assert (doubt.kind, doubt.persons, doubt.time) == ("gap", (1,), 7.1)
    assert "4.2 s" in doubt.text


def test_short_track_is_listed_unless_the_person_has_another_one():
    recorder = record([{1: box(50, 200)}] * 40 + [{2: box(250, 100)}] * 5 + [{}])
    (doubt,) = find_doubts(persons_of(recorder), recorder)
    assert (doubt.kind, doubt.persons) == ("short", (2,))
    assert find_doubts(persons_of(recorder, {2: 1}), recorder) == []


def test_the_most_doubtful_comes_first():
    frames = [{1: box(50, 200)}] * 30 + [{}] * 41 + [{1: box(60, 200), 2: box(250, 90)}] * 30
    recorder = record(frames)
    persons = persons_of(recorder, probability={1: 0.3, 2: 0.8})
    doubts = find_doubts(persons, recorder)
    assert kinds(doubts)[0] == "join"
    severities = [doubt.severity for doubt in doubts]
    assert severities == sorted(severities, reverse=True)
