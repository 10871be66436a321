"""Which objects a mask gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.datasets.objects import (
    Gathered,
    add_above_zero,
    add_grabcut,
    add_labels,
    add_object,
    spread,
)


def labels(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int64)


# ------------------------------------------------------------------ evenly over the ranks
def test_one_of_five_is_the_median_one() -> None:
    assert spread(np.array([1, 2, 3, 4, 5]), np.array([50, 10, 40, 20, 30]), 1) == [5]


def test_five_of_ten_are_every_second_one_by_area() -> None:
    ids = np.arange(1, 11)
    assert spread(ids, ids * 7, 5) == [2, 4, 6, 8, 10]


def test_all_are_taken_where_there_are_not_more() -> None:
    assert spread(np.array([7, 3]), np.array([1, 2]), 5) == [3, 7]
    assert spread(np.array([], int), np.array([], int), 5) == []


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 12))
def test_choice_is_spread_and_does_not_depend_on_the_order(areas: list[int], most: int) -> None:
    ids = np.arange(1, len(areas) + 1)
    chosen = spread(ids, np.array(areas), most)
    assert len(set(chosen)) == min(most, len(areas))
    turned = spread(ids[::-1], np.array(areas)[::-1], most)
    assert turned == chosen
    ranked = sorted(ids.tolist(), key=lambda number: (areas[number - 1], number))
    ranks = sorted(ranked.index(number) for number in chosen)
    gaps = np.diff(ranks)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
    assert abs(ranks[0] - (len(areas) - 1 - ranks[-1])) <= 1 or most >= len(areas)


# ------------------------------------------------------------------ what values mean
def test_grabcut_leaves_128_out_and_takes_what_is_above() -> None:
    blue = np.array([[0, 64, 128], [129, 255, 200]], np.uint8)
    colours = np.stack([blue, blue * 0, blue * 0], axis=2)
    found = Gathered()
    add_grabcut(found, "object", colours, "m")
    (target,) = found.targets
    assert target.truth.tolist() == [[False, False, False], [True, True, True]]
    assert target.valid.tolist() == [[True, True, False], [True, True, True]]


def test_above_zero_takes_any_channel() -> None:
    colours = np.zeros((1, 3, 3), np.uint8)
    colours[0, 0, 2] = colours[0, 2, 0] = 1
    found = Gathered()
    add_above_zero(found, "object", colours, "m")
    assert found.targets[0].truth.tolist() == [[True, False, True]]
    assert found.targets[0].valid.all()


def test_object_is_one_and_255_is_unknown() -> None:
    found = Gathered()
    add_object(found, "femur", labels([0, 1, 255], [1, 1, 0]), "m")
    (target,) = found.targets
    assert target.name == "femur"
    assert target.truth.tolist() == [[False, True, False], [True, True, False]]
    assert target.valid.tolist() == [[True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("values", "hint"), [([0, 2, 2], "0, 1 and 255 only"), ([0, 255, 255], "write objects as 1")]
)
def test_object_with_other_values_is_explained(values: list[int], hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        add_object(Gathered(), "object", labels(values), "m.png")


def test_each_label_is_an_object() -> None:
    found = Gathered()
    add_labels(found, "", labels([3, 3, 0], [-1, 7, 7]), "m")
    assert [target.name for target in found.targets] == ["3", "7"]
    assert found.targets[1].truth.tolist() == [[False] * 3, [False, True, True]]
    assert not found.problems


def test_label_that_means_unknown_is_neither_object_nor_valid() -> None:
    found = Gathered()
    add_labels(found, "", labels([3, 3, 255]), "m", ignore=255)
    assert [target.name for target in found.targets] == ["3"]
    assert found.targets[0].valid.tolist() == [[True, True, False]]


def test_several_labels_of_a_named_mask_are_told_apart() -> None:
    found = Gathered()
    add_labels(found, "bone", labels([3, 3, 5, 5]), "m")
    add_labels(found, "cartilage", labels([3, 3, 0, 0]), "m")
    assert [target.name for target in found.targets] == ["bone 3", "bone 5", "cartilage"]


# ------------------------------------------------------------------ what cannot be evaluated
def one_sentence(text: str) -> bool:
    return text.endswith(".") and ". " not in text and "\n" not in text


def test_empty_mask() -> None:
    for add in (add_object, add_above_zero, add_labels):
        found = Gathered()
        add(found, "x", labels([0, 0]), "folder/m.png")
        assert not found.targets
        ((name, sentence),) = found.problems
        assert name == "x"
        assert "folder/m.png holds no object" in sentence
        assert one_sentence(sentence)


def test_mask_of_one_pixel() -> None:
    for add in (add_object, add_above_zero):
        found = Gathered()
        add(found, "x", labels([0, 1]), "m.png")
        assert not found.targets
        assert "one pixel" in found.problems[0][1]
        assert one_sentence(found.problems[0][1])


def test_labels_of_one_pixel_are_one_sentence_and_the_others_are_taken() -> None:
    found = Gathered()
    add_labels(found, "", labels([1, 2, 2, 3]), "m.png")
    assert [target.name for target in found.targets] == ["2"]
    ((name, sentence),) = found.problems
    assert name == "1, 3"
    assert "one pixel (label 1, 3)" in sentence


def test_stray_pixels_are_not_chosen_and_not_complained_of_where_there_are_enough_others() -> None:
    values = labels([1, 2, 2, 3, 3, 3, 4, 4, 4, 4])
    found = Gathered()
    add_labels(found, "", values, "m.png", most=3)
    assert [target.name for target in found.targets] == ["2", "3", "4"]
    assert not found.problems
    found = Gathered()
    add_labels(found, "", values, "m.png", most=4)
    assert len(found.targets) == 3
    assert len(found.problems) == 1


def test_label_that_does_not_exist() -> None:
    found = Gathered()
    add_labels(found, "", labels([1, 1, 2, 2]), "m.png", only=[2, 9])
    assert [target.name for target in found.targets] == ["2"]
    assert found.problems == [("9", "m.png has no label 9; it has 1, 2.")]


def test_a_sentence_does_not_list_hundreds_of_labels() -> None:
    found = Gathered()
    add_labels(found, "", np.arange(1, 400).repeat(2)[None], "m.png", only=[1000])
    assert "and 391 more" in found.problems[0][1]


def test_two_objects_of_one_name() -> None:
    found = Gathered()
    for _ in range(2):
        add_object(found, "femur", labels([1, 1]), "m.png")
    assert len(found.targets) == 1
    assert "second object femur" in found.problems[0][1]
