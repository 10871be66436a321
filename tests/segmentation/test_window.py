from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.segmentation.window import (
    beyond,
    both,
    box_of,
    common,
    grown,
    widened,
    window_around,
    within,
)

SHAPE = (37, 53)


@st.composite
def windows(draw):
    sides = []
    for length in SHAPE:
        first = draw(st.integers(0, length - 1))
        sides.append(slice(first, draw(st.integers(first + 1, length))))
    return tuple(sides)


def pixels(window):
    found = np.zeros(SHAPE, bool)
    found[window] = True
    return found


@given(windows(), windows())
def test_what_two_windows_share_and_hold(one, other):
    np.testing.assert_array_equal(pixels(common(one, other)), pixels(one) & pixels(other))
    whole = both(one, other)
    assert box_of(pixels(one) | pixels(other)) == whole
    inner = np.zeros_like(pixels(one)[whole])
    inner[within(one, whole)] = True
    np.testing.assert_array_equal(inner, pixels(one)[whole])


@given(windows(), st.integers(0, 20), st.sampled_from([1, 2, 8]))
def test_a_wider_window_ends_at_multiples_or_with_the_plane(window, reach, multiple):
    for side, wide, length in zip(
        window, widened(window, reach, SHAPE, multiple), SHAPE, strict=True
    ):
        assert max(side.start - reach - multiple, -1) < wide.start <= max(side.start - reach, 0)
        assert wide.start % multiple == 0
        assert min(side.stop + reach, length) <= wide.stop <= side.stop + reach + multiple
        assert wide.stop == length or wide.stop % multiple == 0


@given(windows(), st.integers(0, 2**32 - 1))
def test_a_window_grows_where_it_is_reached(window, seed):
    part = np.zeros(SHAPE, bool)[window]
    part[np.random.default_rng(seed).random(part.shape) < 0.1] = True
    if not part.any():
        return
    inner = beyond(box_of(part), window)
    assert within(inner, window) == box_of(part)
    wider = grown(window, inner, SHAPE)
    assert common(wider, window) == window
    reached = (part[0].any(), part[-1].any()), (part[:, 0].any(), part[:, -1].any())
    for side, wide, length, (first, last) in zip(window, wider, SHAPE, reached, strict=True):
        assert (wide.start < side.start) == (first and side.start > 0)
        assert (wide.stop > side.stop) == (last and side.stop < length)


def test_around_a_pixel():
    assert window_around((0, 52), 2, SHAPE) == (slice(0, 3), slice(50, 53))
    assert box_of(np.zeros((4, 5), bool)) == (slice(0, 0), slice(0, 0))
