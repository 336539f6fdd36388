import pytest

from deepsort_reid.identity import PersonRegistry, Topology, TravelTime


def test_topology_holds_pairs():
    topology = Topology(["a", "b", "c"], same_place=[("b", "a")], travel_time={("a", "c"): (5, 60)})
    assert topology.may_overlap("a", "b")
    assert topology.may_overlap("b", "a")
    assert not topology.may_overlap("a", "c")
    assert topology.travel_time == {("a", "c"): TravelTime(5, 60)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cameras": ["a", "a"]}, "cameras must differ, got 'a' twice"),
        ({"cameras": [""]}, "a camera must be named by text"),
        ({"cameras": ["a"], "same_place": [("a", "x")]}, "same_place names the unknown camera 'x'"),
        ({"cameras": ["a"], "travel_time": {("x", "a"): (1, 2)}}, "unknown camera 'x'"),
        ({"same_place": [("a", "a")]}, "two cameras, got 'a' twice"),
        ({"same_place": [("a", "b"), ("b", "a")]}, "lists the cameras 'b', 'a' twice"),
        ({"same_place": ["ab"]}, "same_place must be pairs of cameras, got 'ab'"),
        ({"same_place": [("a", "b", "c")]}, "same_place must be pairs"),
        ({"travel_time": {("a", "b"): (5, 2)}}, "0 <= shortest <= longest, got"),
        ({"travel_time": {("a", "b"): (-1, 2)}}, "0 <= shortest <= longest, got"),
        ({"travel_time": {("a", "b"): 7}}, "0 <= shortest <= longest, got 7"),
        (
            {"same_place": [("a", "b")], "travel_time": {("a", "b"): (1, 2)}},
            "are in same_place, where there is no travel_time",
        ),
    ],
)
def test_wrong_topology_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Topology(**arguments)


def test_registry_refuses_a_camera_that_its_topology_does_not_know():
    registry = PersonRegistry(topology=Topology(["a", "b"]))
    registry.update("a", 0, [1])
    with pytest.raises(ValueError, match="unknown camera 'c': expected one of a, b"):
        registry.update("c", 0, [1])
