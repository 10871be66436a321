from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import RitmClicker, m2n2_click
from scipy.ndimage import distance_transform_edt, gaussian_filter

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.clicks import PROTOCOLS, Click, next_click
from napari_m2n2.evaluation.metrics import clicks_to, iou

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def square(shape, rows, columns):
    """True in rows[0]..rows[1] and columns[0]..columns[1], both ends inside."""
    mask = np.zeros(shape, bool)
    mask[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = True
    return mask


def ternary(truth, valid):
    """Truth as RITM has it: 1 object, 0 background, -1 ignored."""
    return np.where(valid, truth.astype(int), -1)


# ---------------------------------------------------------------- maps made by hand
@every_protocol
def test_the_first_click_is_the_middle_of_the_object(protocol):
    truth = square((21, 31), (5, 15), (10, 20))
    assert next_click(np.zeros_like(truth), truth, protocol=protocol) == Click(10, 15, True)


@every_protocol
def test_surplus_is_clicked_as_background(protocol):
    truth = np.zeros((21, 31), bool)
    mask = square(truth.shape, (5, 15), (10, 20))
    assert next_click(mask, truth, protocol=protocol) == Click(10, 15, False)


def test_missing_beside_surplus_tells_the_protocols_apart():
    # two errors of 20 x 20 pixels side by side (EVALUATION: 10 against 10 is a tie)
    truth = square((40, 60), (10, 29), (10, 29))
    mask = square((40, 60), (10, 29), (30, 49))
    assert next_click(mask, truth, protocol="m2n2") == Click(19, 19, True)
    assert next_click(mask, truth, protocol="ritm") == Click(19, 39, False)


def test_the_middle_of_all_errors_may_lie_on_the_true_outline():
    # 12 columns missing and 9 surplus are one square of 21 with its middle in the missing part
    truth = square((40, 60), (10, 30), (10, 21))
    mask = square((40, 60), (10, 30), (22, 30))
    assert next_click(mask, truth, protocol="m2n2") == Click(20, 20, True)
    assert next_click(mask, truth, protocol="ritm") == Click(15, 15, True)


@pytest.mark.parametrize(("surplus", "positive"), [(5, True), (6, True), (7, False), (9, False)])
def test_ritm_clicks_the_deeper_error_and_the_surplus_at_a_tie(surplus, positive):
    truth = square((30, 40), (2, 8), (2, 8))
    mask = square((30, 40), (12, 11 + surplus), (20, 19 + surplus))
    # squares of 5 and 6, 7 and 8, 9 and 10 pixels have depths of 3, 4 and 5
    assert next_click(mask, truth, protocol="ritm").label is positive


@every_protocol
def test_the_rim_of_the_plane_is_an_edge(protocol):
    truth = np.ones((9, 9), bool)
    assert next_click(np.zeros_like(truth), truth, protocol=protocol) == Click(4, 4, True)
    corner = square((20, 20), (0, 4), (0, 4))
    assert next_click(np.zeros_like(corner), corner, protocol=protocol) == Click(2, 2, True)


@every_protocol
def test_of_equal_depths_the_first_in_reading_order_is_clicked(protocol):
    truth = square((20, 30), (10, 12), (3, 5)) | square((20, 30), (4, 6), (20, 22))
    empty = np.zeros_like(truth)
    assert next_click(empty, truth, protocol=protocol) == Click(5, 21, True)
    even = square((20, 30), (4, 7), (10, 13))
    assert next_click(empty, even, protocol=protocol) == Click(5, 11, True)


@every_protocol
def test_unknown_pixels_are_never_clicked_and_are_an_edge(protocol):
    truth = square((11, 30), (0, 10), (0, 9))
    valid = ~square(truth.shape, (0, 10), (10, 24))
    mask = square(truth.shape, (0, 10), (10, 29))
    # 10 missing columns are deeper than the 5 surplus ones that are known
    click = next_click(mask, truth, valid, protocol=protocol)
    assert click == Click(4, 4, True)
    click = next_click(mask | truth, truth, valid, protocol=protocol)
    assert click == Click(2, 27, False)
    everything = np.ones_like(truth)
    assert next_click(everything, everything, valid, protocol=protocol) != Click(5, 15, True)


def test_what_is_true_where_unknown_is_not_the_object():
    truth = np.ones((5, 9), bool)
    valid = square(truth.shape, (0, 4), (0, 4))
    assert next_click(truth, truth, valid, protocol="m2n2") == Click(2, 2, True)
    assert next_click(np.zeros_like(truth), truth, valid, protocol="ritm") == Click(2, 2, True)


def test_ritm_stops_and_m2n2_clicks_the_middle_when_nothing_is_wrong():
    truth = square((9, 9), (2, 6), (2, 6))
    assert next_click(truth, truth, protocol="m2n2") == Click(4, 4, True)
    assert next_click(truth, truth, protocol="ritm") is None


@every_protocol
def test_without_object_and_surplus_there_is_no_click(protocol):
    nothing = np.zeros((4, 5), bool)
    assert next_click(nothing, nothing, protocol=protocol) is None
    # nor with an object that is unknown as a whole
    assert next_click(nothing, ~nothing, nothing, protocol=protocol) is None


def test_ritm_clicks_no_pixel_twice():
    truth = square((5, 9), (2, 2), (3, 5))
    empty = np.zeros_like(truth)
    clicks = []
    for _ in range(3):
        clicks.append(next_click(empty, truth, protocol="ritm", given=clicks))
    assert clicks == [Click(2, 3, True), Click(2, 4, True), Click(2, 5, True)]
    assert next_click(empty, truth, protocol="ritm", given=clicks) is None
    assert next_click(empty, truth, protocol="m2n2", given=clicks) == Click(2, 3, True)


def test_clicks_made_before_count_on_the_other_map_too():
    truth = square((9, 20), (1, 5), (1, 5))
    before = [Click(3, 3, False)]
    click = next_click(np.zeros_like(truth), truth, protocol="ritm", given=before)
    assert click == Click(2, 2, True)


@every_protocol
def test_a_plane_of_one_pixel(protocol):
    one = np.ones((1, 1), bool)
    assert next_click(~one, one, protocol=protocol) == Click(0, 0, True)
    assert next_click(one, ~one, protocol=protocol) == Click(0, 0, False)


@every_protocol
def test_the_order_in_memory_and_integer_masks_make_no_difference(protocol):
    rng = np.random.default_rng(3)
    truth, mask = gaussian_filter(rng.standard_normal((2, 30, 40)), (0, 3, 3)) > 0
    expected = next_click(mask, truth, protocol=protocol)
    assert next_click(np.asfortranarray(mask), truth.T.copy().T, protocol=protocol) == expected
    assert next_click(mask.astype(np.uint8) * 255, truth, protocol=protocol) == expected


@every_protocol
def test_arrays_of_different_shape_are_refused(protocol):
    truth = np.ones((4, 5), bool)
    with pytest.raises(InputError, match=r"shapes \(1, 5\), \(4, 5\)"):
        next_click(truth[:1], truth, protocol=protocol)
    with pytest.raises(InputError, match="one shape"):
        next_click(truth, truth, truth[:, :1], protocol=protocol)


def test_an_unknown_protocol_is_refused():
    truth = np.ones((4, 5), bool)
    with pytest.raises(InputError, match="m2n2, ritm"):
        next_click(truth, truth, protocol="RITM")


# ---------------------------------------------------------------- beside the oracles
def expected_click(protocol, clicker, truth, mask, depth):
    if protocol == "ritm":
        return clicker.click(mask)
    return m2n2_click(truth, mask, depth)


def assert_click_by_click(protocol, truth, valid, masks, **options):
    """Give one mask after the other, as a predictor would."""
    clicker = RitmClicker(ternary(truth, valid), **options)
    given = []
    for mask in masks:
        depth = clicker.depth
        expected = expected_click(protocol, clicker, ternary(truth, valid), mask, depth)
        found = next_click(mask, truth, valid, protocol=protocol, given=given)
        assert found == expected
        if found is None:
            break
        given.append(found)
    return given


planes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@every_protocol
@given(data=st.data())
def test_click_by_click_like_the_definition(protocol, data):
    shape = data.draw(planes)
    truth, *masks = data.draw(arrays(bool, (5, *shape)))
    valid = data.draw(arrays(bool, shape, fill=st.just(True)))
    assert_click_by_click(protocol, truth, valid, [np.zeros_like(truth), *masks])


@every_protocol
@pytest.mark.parametrize("seed", range(12))
def test_twenty_clicks_on_smooth_shapes_like_the_definition(protocol, seed):
    def depth(region):
        return np.rint(distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1] ** 2).astype(int)

    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(20, 90, 2))
    noise = gaussian_filter(rng.standard_normal((22, *shape)), (0, 4, 4))
    truth, valid = noise[0] > 0, noise[1] > np.quantile(noise[1], 0.1)
    # errors become smaller from click to click, and some of them stay
    masks = [np.zeros_like(truth)]
    masks += [noise[0] + noise[2 + k] / (1 + k % 7) > 0 for k in range(19)]
    given = assert_click_by_click(protocol, truth, valid, masks, depth=depth)
    assert len(given) == 20
    assert all(valid[click.row, click.column] for click in given)
    if protocol == "ritm":
        assert len({(click.row, click.column) for click in given}) == 20


@every_protocol
def test_a_stubborn_predictor_gets_other_clicks_like_the_definition(protocol):
    rng = np.random.default_rng(8)
    truth = gaussian_filter(rng.standard_normal((12, 14)), 2) > 0
    valid = np.ones_like(truth)
    given = assert_click_by_click(protocol, truth, valid, [~truth] * 400)
    assert len({(click.row, click.column) for click in given}) == (
        truth.size if protocol == "ritm" else 1
    )


def test_ties_do_not_depend_on_the_threads_of_opencv():
    rng = np.random.default_rng(1)
    truth = gaussian_filter(rng.standard_normal((200, 220)), 6) > 0
    mask = truth[::-1, ::-1]
    threads = cv2.getNumThreads()
    found = []
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            found.append([])
            for _ in range(30):
                found[-1].append(next_click(mask, truth, protocol="ritm", given=found[-1]))
    finally:
        cv2.setNumThreads(threads)
    assert found[0] == found[1]


# ---------------------------------------------------------------- a predictor with known answers
def columns_after(clicks, truth):
    """A predictor that finds one more column of the object with each click."""
    first = int(np.flatnonzero(truth.any(axis=0))[0])
    mask = truth.copy()
    mask[:, first + len(clicks) :] = False
    return mask


@every_protocol
@pytest.mark.parametrize(
    ("width", "target", "expected"),
    [
        (20, 0.80, 16),
        (20, 0.85, 17),
        (20, 0.90, 18),
        (20, 0.95, 19),
        (20, 1.0, 20),
        (25, 0.85, 20),
    ],
)
def test_number_of_clicks_of_a_predictor_with_known_answers(protocol, width, target, expected):
    truth = square((12, 40), (1, 10), (5, 4 + width))
    mask, given, scores = np.zeros_like(truth), [], []
    for k in range(1, 21):
        given.append(next_click(mask, truth, protocol=protocol, given=given))
        mask = columns_after(given, truth)
        scores.append(iou(mask, truth))
        assert scores[-1] == k / width
    assert clicks_to(scores, target) == expected
