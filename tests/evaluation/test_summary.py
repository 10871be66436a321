from __future__ import annotations

import json
import math

import numpy as np
import pytest

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.metrics import area_under
from napari_m2n2.evaluation.runs import Record
from napari_m2n2.evaluation.statistics import bootstrap_interval
from napari_m2n2.evaluation.summary import summarise


def record(scores, *, image="a", number=1, clicks=None, seconds=None, **others):
    scores = tuple(float(score) for score in scores)
    made = len(scores) if clicks is None else clicks
    return Record(
        dataset="made up",
        domain="",
        image=image,
        object=str(number),
        iou=scores,
        dice=others.get("dice", scores),
        boundary_f=others.get("boundary_f", scores),
        surface=others.get("surface", scores),
        clicks=tuple(Click(k, 0, True) for k in range(made)),
        seconds=seconds or {"prepare": 1.0, "clicks": [0.1] * made, "rescore": 0.01},
    )


@pytest.fixture
def records():
    """An object that is found at once, one at the very last click, and one never."""
    late = [0.5] * 19 + [0.9]
    return [record([0.95] * 20), record(late, number=2), record([0.1] * 20, image="b")]


def test_counts(records):
    found = summarise(records)
    assert (found["objects"], found["images"], found["clicks"]) == (3, 2, 20)


def test_number_of_clicks_and_failures(records):
    found = summarise(records)
    assert found["noc"]["90"]["mean"] == pytest.approx((1 + 20 + 20) / 3)
    assert found["noc"]["95"]["mean"] == pytest.approx((1 + 20 + 20) / 3)
    assert found["nof"]["90"] == {"never": 1, "at_cap": 2}
    assert found["nof"]["95"] == {"never": 2, "at_cap": 2}
    assert set(found["noc"]) == set(found["nof"]) == {"80", "85", "90", "95"}
    assert found["noc"]["90"]["low"] == 1
    assert found["noc"]["90"]["high"] == 20
    assert "noc_20" not in found


def test_scores_after_k_clicks(records):
    found = summarise(records)
    assert set(found["iou"]) == {"1", "3", "5", "10", "20"}
    assert found["iou"]["10"]["mean"] == pytest.approx((0.95 + 0.5 + 0.1) / 3)
    assert found["iou"]["20"]["mean"] == pytest.approx((0.95 + 0.9 + 0.1) / 3)
    assert found["curves"]["iou"]["mean"][18:] == pytest.approx([1.55 / 3, 1.95 / 3])
    assert found["curves"]["iou"]["low"][9] == found["iou"]["10"]["low"]
    assert found["area"]["mean"] == pytest.approx(area_under(found["curves"]["iou"]["mean"]))


def test_intervals_are_those_of_one_score_alone():
    rng = np.random.default_rng(0)
    records = [record(rng.random(20), dice=tuple(rng.random(20)), number=k) for k in range(12)]
    found = summarise(records)
    for name in ("iou", "dice"):
        expected = bootstrap_interval([getattr(one, name)[4] for one in records])
        assert found[name]["5"] == pytest.approx(vars(expected))
    expected = bootstrap_interval([area_under(one.iou) for one in records])
    assert found["area"] == pytest.approx(vars(expected))


def test_few_clicks_have_no_score_after_many():
    found = summarise([record([0.2, 0.3, 0.4, 0.9])])
    assert set(found["iou"]) == set(found["surface"]) == {"1", "3"}
    assert found["noc"]["95"]["mean"] == 4
    assert found["noc"]["90"]["mean"] == 4


def test_a_hundred_clicks_are_counted_with_both_caps():
    slow = np.linspace(0.01, 1, 100)
    found = summarise([record(slow), record([0.9] * 100, number=2)])
    assert found["noc"]["90"]["mean"] == (90 + 1) / 2
    assert found["nof"]["90"] == {"never": 0, "at_cap": 0}
    assert found["noc_20"]["90"]["mean"] == (20 + 1) / 2
    assert found["nof_20"]["90"] == {"never": 1, "at_cap": 1}
    assert len(found["curves"]["iou"]["mean"]) == 100


def test_harmful_clicks_are_a_share_of_those_that_were_made():
    stopped = record([0.5, 0.4, 0.9, 0.9, 0.9], clicks=3)
    found = summarise([stopped, record([0.5] * 5, number=2)])
    assert found["harmful"] == {"count": 1, "of": 2 + 4, "share": 1 / 6}
    assert summarise([record([0.5])])["harmful"] == {"count": 0, "of": 0, "share": None}


def test_seconds():
    def timed(prepare, clicks, rescore):
        return {"prepare": prepare, "clicks": clicks, "rescore": rescore}

    fast = [0.1] * 18
    records = [
        record([0.5] * 18, image="a", seconds=timed(9.0, fast, 0.01)),
        record([0.5] * 18, image="a", number=2, seconds=timed(9.0, fast, 0.02)),
        record([0.5] * 3 + [0.5] * 15, image="b", seconds=timed(1.0, [5.0] * 4, 0.03)),
        record([0.5] * 18, image="c", seconds=timed(2.0, [], math.nan)),
    ]
    found = summarise(records)["seconds"]
    # the image with two objects was prepared once
    assert found == {"prepare": 2.0, "click": 0.1, "click_p95": 5.0, "rescore": 0.02}


def test_what_was_not_measured_is_none():
    nothing = (math.nan,) * 3
    found = summarise([record([0.5] * 3, surface=nothing), record([0.6] * 3, surface=nothing)])
    assert found["surface"]["3"] == {"mean": None, "low": None, "high": None}
    assert found["curves"]["surface"]["mean"] == [None] * 3
    assert found["boundary_f"]["3"]["mean"] == pytest.approx(0.55)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_can_be_written_as_json(records, count):
    found = summarise(records[:count])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_no_object_has_no_scores():
    found = summarise([])
    assert (found["objects"], found["clicks"], found["iou"]) == (0, 0, {})
    assert found["area"] == {"mean": None, "low": None, "high": None}
    assert found["noc"]["90"]["mean"] is None
    assert found["nof"]["90"] == {"never": 0, "at_cap": 0}
    assert set(found["seconds"].values()) == {None}


def test_records_of_different_length_are_refused(records):
    with pytest.raises(InputError, match="5 and 20 clicks"):
        summarise([*records, record([0.5] * 5)])
