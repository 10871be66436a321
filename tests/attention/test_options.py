"""Options of backbones with weights, however they are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.attention.options import (
    BLOCKS,
    PLAIN,
    BackboneOptions,
    check_options,
    parse_blocks,
)
from napari_m2n2.errors import InputError

HALVES = (("up0", 0.5), ("up1", 0.5))


def test_nothing_given_is_as_published():
    assert check_options({}) == PLAIN
    assert PLAIN.timestep == 100
    assert PLAIN.blocks is None


@pytest.mark.parametrize(
    "blocks",
    [
        "up0=0.5,up1=0.5",
        "up0,up1",
        " up0 = 2 , up1 = 2 ",
        {"up0": 1, "up1": 1},
        ["up0", "up1"],
        [("up0", 0.5), ("up1", 0.5)],
        (("up0", 3), ["up1", 3]),
    ],
)
def test_blocks_in_every_form(blocks):
    assert check_options({"blocks": blocks}).blocks == HALVES


@given(st.dictionaries(st.sampled_from([*BLOCKS, "layer.3"]), st.floats(1e-3, 1e3), min_size=1))
def test_weights_of_blocks_sum_to_one_and_keep_their_ratios(blocks):
    found = dict(check_options({"blocks": blocks}).blocks)
    assert sum(found.values()) == pytest.approx(1)
    for name, weight in blocks.items():
        assert found[name] * sum(blocks.values()) == pytest.approx(weight)
    text = ",".join(f"{name}={weight!r}" for name, weight in blocks.items())
    assert dict(parse_blocks(text)) == pytest.approx(found)


def test_a_path_becomes_text():
    assert check_options({"weights": Path("a") / "b"}).weights == str(Path("a") / "b")
    assert check_options({"weights": None}) == PLAIN


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": "x"}, "option 'weight'"),
        ({"timestep": 1000}, "timestep=1000"),
        ({"timestep": True}, "timestep=True"),
        ({"timestep": 1.5}, "timestep=1.5"),
        ({"vae": "big"}, "vae='big' is unknown; choose one of full, tiny"),
        ({"dtype": "int8"}, "dtype='int8'"),
        ({"weights": "  "}, "weights is empty"),
        ({"blocks": "up0=x"}, "'x' of block up0 is no number"),
        ({"blocks": "up0,up0"}, "name each block once"),
        ({"blocks": ""}, "name each block once"),
        ({"blocks": {}}, "name each block once"),
        ({"blocks": {"up0": 0}}, "cannot be 0"),
        ({"blocks": {"up0": float("nan")}}, "cannot be 0"),
        ({"blocks": {"up0": float("inf")}}, "cannot be 0"),
        ({"blocks": 3}, "blocks=3"),
        ({"blocks": [1]}, "blocks="),
    ],
)
def test_what_cannot_be_is_said(given, words):
    with pytest.raises(InputError) as error:
        check_options(given)
    assert words in str(error.value)


def test_options_can_be_a_key():
    assert hash(BackboneOptions(blocks=HALVES)) == hash(check_options({"blocks": "up0,up1"}))
