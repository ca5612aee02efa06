"""Which values trials try: the same for every arm, evenly spread, the same again after a stop."""

import math
from typing import Any

import pytest

from hrmlab.config.composition import composer
from hrmlab.config.search import Interval, Listed, Search, read_search
from hrmlab.core.errors import UserError
from hrmlab.sweeping.trials import Tried, following, known_beforehand


def search(space: dict[str, Any], **keys: Any) -> Search:
    with composer() as composing:
        found = read_search({"space": space, **keys}, composing.parse)
    assert found is not None
    return found


def test_listed_values_are_all_combinations() -> None:
    found = search({"optimizer.learning_rate": "1e-3,1e-2", "optimizer.weight_decay": "0.1,0.0,1"})
    assert (found.sampler, found.trials) == ("grid", 6)
    points = known_beforehand(found)
    assert len({tuple(point.values()) for point in points}) == 6
    assert points[0] == {"optimizer.learning_rate": "0.001", "optimizer.weight_decay": "0.1"}


@pytest.mark.parametrize("trials", [3, 7, 16])
def test_quasi_random_points_are_spread_over_the_decades_and_repeat(trials: int) -> None:
    found = search({"optimizer.learning_rate": "interval(1e-4,1e-1)"}, trials=trials, seed=5)
    assert found.sampler == "quasi_random"
    values = [float(point["optimizer.learning_rate"]) for point in known_beforehand(found)]
    assert all(1e-4 <= value <= 1e-1 for value in values)
    shares = sorted(math.log10(value / 1e-4) / 3 for value in values)
    gaps = [after - before for before, after in zip(shares, [*shares[1:], shares[0] + 1], strict=True)]
    assert max(gaps) < 2.1 / trials, "no stretch of the interval is left out"
    assert known_beforehand(found) == known_beforehand(found)
    assert known_beforehand(found) != known_beforehand(search({"optimizer.learning_rate": "interval(1e-4,1e-1)"}, trials=trials, seed=6))
    more = known_beforehand(search({"optimizer.learning_rate": "interval(1e-4,1e-1)"}, trials=trials + 4, seed=5))
    assert more[:trials] == known_beforehand(found), "more trials go on from those made"


def test_intervals_of_whole_numbers_and_from_zero() -> None:
    found = search(
        {"model.layers": "int(interval(1,9))", "optimizer.weight_decay": "interval(0,0.5)", "match": "parameters,non_embedding"}, trials=20
    )
    assert found.space["model.layers"] == Interval(1.0, 9.0, True)
    assert found.space["match"] == Listed(("parameters", "non_embedding"))
    points = known_beforehand(found)
    assert {int(point["model.layers"]) for point in points} <= set(range(1, 10))
    assert {point["match"] for point in points} == {"parameters", "non_embedding"}
    assert max(float(point["optimizer.weight_decay"]) for point in points) > 0.4


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"space": {}}, "names no key to tune"),
        ({"spaces": {"a": 1}}, r"search.spaces is not a known key; did you mean search.space\?"),
        ({"space": {"seed": "interval(3,1)"}}, "is no interval"),
        ({"space": {"seed": "interval(1,3)"}}, "search.trials is missing"),
        ({"space": {"seed": "interval(1,3)"}, "trials": 0}, "search.trials=0 is not an integer from 1"),
        ({"space": {"seed": "interval(1,3)"}, "trials": 2, "sampler": "grid"}, "needs lists of values, and seed has an interval"),
        ({"space": {"seed": "1,2,3"}, "trials": 2}, "search.trials=2 contradicts the 3 combinations"),
        ({"space": {"seed": "1,2,3"}, "sampler": "bayes"}, "search.sampler=bayes is not one of grid, quasi_random, tpe"),
    ],
)
def test_what_is_wrong_with_a_search_is_named(keys: dict[str, Any], said: str) -> None:
    with composer() as composing, pytest.raises(UserError, match=said):
        read_search(keys, composing.parse)


def test_tpe_goes_where_results_are_good_and_repeats_itself() -> None:
    pytest.importorskip("optuna")
    found = search({"optimizer.learning_rate": "interval(1e-4,1e-1)"}, trials=40, sampler="tpe", seed=1)
    tried = [Tried(point, _score(point)) for point in known_beforehand(found)]
    assert len(tried) == 20
    tried[0] = Tried(tried[0].point, None)
    while len(tried) < 40:
        point = following(found, tried, name="hrm")
        assert point == following(found, tried, name="hrm")
        tried.append(Tried(point, _score(point)))
    later = [abs(math.log10(float(trial.point["optimizer.learning_rate"]) / 1e-3)) for trial in tried[20:]]
    assert sum(later) / 20 < 0.6, "uniform over three decades would be 0.83 from the best on average"
    assert following(found, tried, name="hrm") != following(found, tried, name="transformer")


def _score(point: Any) -> float:
    return -abs(math.log10(float(point["optimizer.learning_rate"]) / 1e-3))
