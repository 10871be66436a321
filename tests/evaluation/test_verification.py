"""The verdict on weights, on runs with known numbers of clicks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.runs import FORMAT, Failure, Record, Run
from napari_m2n2.evaluation.verification import DATASET, judge, settings


def run_with(noc_85, noc_90, objects=50, used=None):
    """A run whose 50 objects need so many clicks in all, spread over two numbers of clicks."""
    records = []
    for index in range(objects):
        first = 1 + (index < noc_85 - 50)
        second = max(first, 1 + (index < noc_90 - 50))
        scores = tuple(0.92 if k >= second else 0.87 if k >= first else 0.3 for k in range(1, 21))
        records.append(
            Record(DATASET, "natural", f"{index}", "1", *([scores] * 4), (Click(0, 0, True),), {})
        )
    return Run(FORMAT, used or settings(), {}, {}, {}, tuple(records), (), {})


@pytest.mark.parametrize(
    ("noc_85", "noc_90", "met"),
    [
        (81, 95, True),
        (76, 90, True),  # exactly 0.10 below
        (86, 100, True),  # exactly 0.10 above
        (87, 95, False),
        (75, 95, False),
        (81, 89, False),
    ],
)
def test_within_a_tenth_of_a_click(noc_85, noc_90, met):
    verdict = judge(run_with(noc_85, noc_90))
    assert verdict.found == pytest.approx({0.85: noc_85 / 50, 0.90: noc_90 / 50})
    assert verdict.met is met
    assert verdict.sentence.startswith("Met: " if met else "Not met: ")
    assert f"NoC@85 is {noc_85 / 50:.2f} (paper 1.62)" in verdict.sentence


def test_an_incomplete_run_is_no_verdict():
    verdict = judge(run_with(81, 95, objects=49))
    assert not verdict.met
    assert verdict.sentence.startswith("No verdict: 49 objects")
    whole = run_with(81, 95)
    failed = replace(whole, failures=(Failure(DATASET, "a", "", "It is damaged."),))
    assert not judge(failed).met
    assert not judge(run_with(81, 95, objects=0)).met


@pytest.mark.parametrize(
    "change",
    [
        {"grid": 64},
        {"protocol": "ritm"},
        {"clicks": 10},
        {"preset": "default"},
        {"backbone": "texture"},
        {"parameters": {"tau": 0.2}},
    ],
)
def test_other_settings_are_no_verdict(change):
    verdict = judge(run_with(81, 95, used=replace(settings(), **change)))
    assert not verdict.met
    assert "other settings" in verdict.sentence


def test_device_and_place_of_the_weights_are_free():
    assert judge(run_with(81, 95, used=settings(device="cuda:1", weights="folder"))).met
