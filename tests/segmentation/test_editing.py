from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Segmenter
from napari_m2n2.errors import Cancelled
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation import editing
from napari_m2n2.segmentation.editing import EditingSolver

SHAPE = (80, 100)


def scene():
    """Two discs that touch, on a dark ground, and where they are."""
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    left = np.hypot(rows - 40, columns - 32) <= 20
    right = np.hypot(rows - 40, columns - 68) <= 18
    noise = np.random.default_rng(0).integers(0, 12, SHAPE)
    return (np.where(left, 200, np.where(right, 150, 50)) + noise).astype(np.uint8), left, right


def made(**parameters):
    segmenter = Segmenter(**{"grid": 20, "device": "cpu", "zoom": "off", **parameters})
    segmenter.set_image(scene()[0])
    return segmenter


@pytest.fixture(scope="module")
def shared():
    return made()


CLICKS = [((40, 32), 1), ((40, 68), 1), ((10, 10), 0), ((40, 60), 0), ((25, 32), 1)]


def masks(segmenter, clicks):
    """The mask after each click."""
    return [
        segmenter.segment(*zip(*clicks[:n], strict=True)).mask for n in range(1, len(clicks) + 1)
    ]


def test_a_click_adds_or_takes_away_and_never_both(shared):
    seen = masks(shared, CLICKS)
    for before, after, (pixel, label) in zip(seen, seen[1:], CLICKS[1:], strict=False):
        changed = before != after
        assert after[pixel] == label
        # the outline beside the change may settle either way
        assert np.count_nonzero(after[changed] == label) >= 0.5 * np.count_nonzero(changed)


def test_what_was_right_stays(shared):
    """Further clicks far from an object, or in it, leave it as it was."""
    _image, left, _right = scene()
    first = shared.segment([(40, 32)], [1]).mask
    assert iou(first, left) > 0.85
    for clicks in ([*CLICKS[:1], ((5, 90), 0)], [*CLICKS[:1], ((70, 5), 0), ((40, 90), 0)]):
        last = masks(shared, clicks)[-1]
        assert iou(last, first) > 0.97


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(5)), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_the_way_to_the_prompts_does_not_matter(order, asked):
    clicks = [CLICKS[place] for place in order]
    together = made().segment(*zip(*clicks, strict=True)).mask
    segmenter = made()
    for count in asked:
        segmenter.segment(*zip(*clicks[:count], strict=True))
    np.testing.assert_array_equal(segmenter.segment(*zip(*clicks, strict=True)).mask, together)


def test_undo_gives_the_exact_mask_without_an_edit(monkeypatch):
    segmenter = made()
    seen = masks(segmenter, CLICKS)
    done = []
    original = editing.edited
    monkeypatch.setattr(editing, "edited", lambda *a: done.append(1) or original(*a))
    for count in (4, 2, 3, 5, 1):
        found = segmenter.segment(*zip(*CLICKS[:count], strict=True))
        np.testing.assert_array_equal(found.mask, seen[count - 1])
        assert (found.score[found.mask] > 0).all()
        assert (found.score[~found.mask] <= 0).all()
    assert not done
    flipped = [*CLICKS[:3], (CLICKS[3][0], 1), CLICKS[4]]
    masks(segmenter, flipped)
    assert len(done) == 2, "only what follows the flipped click is done again"


def test_a_threshold_by_hand_is_replayed(shared):
    points, labels = zip(*CLICKS[:3], strict=True)
    free = shared.segment(points, labels)
    wide = shared.segment(points, labels, thresholds={0: 0.9})
    assert wide.thresholds[0] == pytest.approx(0.9)
    assert wide.mask.sum() != free.mask.sum()
    again = shared.segment(points, labels)
    np.testing.assert_array_equal(again.mask, free.mask)
    np.testing.assert_array_equal(again.thresholds, free.thresholds)


def test_a_draft_is_not_remembered():
    segmenter = made()
    points, labels = zip(*CLICKS, strict=True)
    segmenter.segment(points, labels, draft=True)
    np.testing.assert_array_equal(
        segmenter.segment(points, labels).mask, made().segment(points, labels).mask
    )


def test_cancelled_and_resumed_gives_the_same():
    segmenter, left = made(), [6]

    def stop(phase, fraction):
        left[0] -= 1
        if not left[0]:
            raise Cancelled

    points, labels = zip(*CLICKS, strict=True)
    with pytest.raises(Cancelled):
        segmenter.segment(points, labels, progress=stop)
    np.testing.assert_array_equal(
        segmenter.segment(points, labels).mask, made().segment(points, labels).mask
    )


def test_a_pixel_given_twice(shared):
    twice = shared.segment([(40, 32), (40, 68), (40, 68)], [1, 1, 0])
    once = shared.segment([(40, 32), (40, 68)], [1, 0])
    np.testing.assert_array_equal(twice.mask, once.mask)
    assert np.isnan(twice.thresholds[1])
    assert twice.thresholds[2] == once.thresholds[1]


def test_background_alone_and_first(shared):
    assert not shared.segment([(5, 5)], [0]).mask.any()
    both = shared.segment([(5, 5), (40, 32)], [0, 1]).mask
    assert iou(both, scene()[1]) > 0.85


def test_a_mask_to_begin_with_is_mended_by_clicks(shared):
    _image, left, right = scene()
    start = shared.segment([], [], mask=left)
    more = shared.segment([(40, 72)], [1], mask=left)
    assert (more.mask & left).sum() > 0.95 * (start.mask & left).sum()
    assert (more.mask & right).sum() > (start.mask & right).sum()


def test_little_memory_forgets_but_changes_nothing(monkeypatch):
    expected = masks(made(), CLICKS)
    monkeypatch.setattr(editing, "_MOST_BYTES", 1)
    segmenter = made()
    for found, wanted in zip(masks(segmenter, CLICKS), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len(segmenter._solver._known) == 2


def test_published_segments_all_points_anew():
    assert not isinstance(made(preset="published", grid=8)._solver, EditingSolver)
    assert not isinstance(made(correction=0.0)._solver, EditingSolver)
