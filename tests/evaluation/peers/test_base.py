"""What holds for every peer: the classic ones here, SAM with a random model of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_fill_holes
from skimage import data
from skimage.filters import gaussian

from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.evaluation.clicks import next_click
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.evaluation.peers.base import Peer
from napari_m2n2.evaluation.peers.geodesic import Geodesic
from napari_m2n2.evaluation.peers.graph_cut import GraphCut
from napari_m2n2.evaluation.peers.random_walker import RandomWalker

CLASSIC = [RandomWalker, GraphCut, Geodesic]
classic = pytest.mark.parametrize("kind", CLASSIC)


def disc(shape=(48, 60), center=(20, 32), radius=12):
    """A bright disc on a dark ground, and where it is."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    truth = np.hypot(rows - center[0], columns - center[1]) <= radius
    noise = np.random.default_rng(0).integers(0, 12, shape)
    return (np.where(truth, 180, 50) + noise).astype(np.uint8), truth


def ready(kind, image, **parameters):
    peer = Peer(kind(**parameters))
    peer.set_image(image)
    return peer


@pytest.fixture(scope="module", params=CLASSIC)
def peer(request):
    return ready(request.param, disc()[0])


@pytest.mark.parametrize(
    ("points", "labels"),
    [([(20, 32)], [True]), ([(20, 32), (4, 6)], [1, 0]), ([(4, 6), (20, 32)], [0, 1])],
)
def test_a_disc_is_found(peer, points, labels):
    result = peer.segment(points, labels)
    assert result.mask.dtype == bool
    assert iou(result.mask, disc()[1]) > 0.9


def test_no_click_and_background_alone_give_nothing(peer):
    for points, labels in (([], []), (np.zeros((0, 2)), np.zeros(0)), ([(20, 32)], [0])):
        result = peer.segment(points, labels)
        assert result.mask.shape == (48, 60)
        assert not result.mask.any()


def test_clicked_pixels_have_the_label_of_their_click(peer):
    points = [(20, 32), (20, 33), (0, 0), (47, 59), (4, 6), (20, 31)]
    labels = [True, False, True, False, True, True]
    mask = peer.segment(points, labels).mask
    assert [bool(mask[point]) for point in points] == labels


def test_repeated_and_contradicting_clicks(peer):
    plain = peer.segment([(20, 32), (4, 6)], [1, 0]).mask
    again = peer.segment([(20, 32), (4, 6), (20.3, 31.8), (4, 6)], [1, 0, 1, 0]).mask
    np.testing.assert_array_equal(again, plain)
    changed_mind = peer.segment([(20, 32), (4, 6), (20, 32)], [0, 0, 1]).mask
    np.testing.assert_array_equal(changed_mind, plain)
    assert not peer.segment([(20, 32), (20, 32)], [1, 0]).mask.any()


def test_the_same_clicks_give_the_same_mask_whatever_came_between(peer):
    clicks = [(20, 32), (4, 6), (40, 50)], [True, False, False]
    first = peer.segment(*clicks).mask
    peer.segment([(2, 2), (20, 32)], [True, False])
    np.random.default_rng().random()
    np.testing.assert_array_equal(peer.segment(*clicks).mask, first)
    fresh = ready(type(peer.method), disc()[0]).segment(*clicks).mask
    np.testing.assert_array_equal(fresh, first)


def test_times_are_told(peer):
    timings = peer.segment([(20, 32)], [1]).timings
    assert set(timings) == {"prepare", "maps", "score", "total"}
    assert timings["total"] == pytest.approx(timings["maps"] + timings["score"])
    assert all(seconds >= 0 for seconds in timings.values())
    with pytest.raises(TypeError):
        timings["total"] = 0


def test_the_image_is_read_as_a_segmenter_reads_it(peer):
    image, _ = disc()
    plain = peer.segment([(20, 32)], [1]).mask
    deep = np.stack([np.zeros_like(image), image.astype(np.uint16) * 257], axis=-1)
    other = Peer(peer.method)
    other.set_image(deep, channels=1, contrast=(0, 65535))
    np.testing.assert_array_equal(other.segment([(20, 32)], [1]).mask, plain)
    with pytest.raises(InputError, match="channels"):
        other.set_image(deep)


@classic
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (1, 40), (40, 1), (2, 2), (2, 30), (3, 3), (17, 50)]
)
@pytest.mark.parametrize("clicks", [1, 2, 3])
def test_any_shape_of_plane(kind, shape, clicks):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    points = [(0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] // 2, shape[1] // 2)][:clicks]
    labels = [True, False, True][:clicks]
    mask = ready(kind, image).segment(points, labels).mask
    assert mask.shape == shape
    expected = dict(zip(points, labels, strict=True))  # the later click counts
    assert {point: bool(mask[point]) for point in expected} == expected


@classic
@pytest.mark.parametrize(
    "image",
    [
        np.full((20, 30), 7, np.uint8),
        np.zeros((20, 30)),
        np.full((20, 30), np.nan),
        np.where(np.eye(20, 30) > 0, np.nan, 3.0),
        np.where(np.eye(20, 30) > 0, np.inf, np.arange(30.0)),
    ],
    ids=["constant", "zero", "all-nan", "some-nan", "some-infinite"],
)
def test_images_that_say_nothing_or_not_everywhere(kind, image):
    peer = ready(kind, image)
    one = peer.segment([(10, 15)], [1]).mask
    assert one[10, 15]
    both = peer.segment([(10, 8), (10, 22)], [1, 0]).mask
    assert both[10, 8]
    assert not both[10, 22]


@pytest.mark.parametrize("kind", [RandomWalker, Geodesic])
def test_on_a_flat_image_the_nearer_click_wins(kind):
    mask = ready(kind, np.full((21, 41), 9, np.uint8)).segment([(10, 10), (10, 30)], [1, 0]).mask
    assert mask[:, :20].all()
    assert not mask[:, 21:].any()


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(CLASSIC))
def test_clicking_leads_somewhere(seed, kind):
    """A simulated user clicks on random noise; no protocol gets stuck on a pixel."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12, 2))
    truth = rng.random(shape) < 0.5
    truth[0, 0] = True
    peer = ready(kind, rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
    for protocol in ("m2n2", "ritm"):
        mask, clicks = np.zeros(shape, bool), []
        for _ in range(6):
            click = next_click(mask, truth, protocol=protocol, given=clicks)
            if click is None or (mask == truth).all():
                break
            assert click[:2] not in {earlier[:2] for earlier in clicks}
            clicks.append(click)
            mask = peer.segment([c[:2] for c in clicks], [c.label for c in clicks]).mask
            assert all(mask[c.row, c.column] == c.label for c in clicks)


@classic
def test_a_coin_is_outlined_in_a_few_clicks(kind):
    image = data.coins()[150:230, 300:384]
    truth = binary_fill_holes(gaussian(image, 2, preserve_range=True) > 110)
    peer = ready(kind, image)
    mask, clicks = np.zeros_like(truth), []
    for _ in range(10):
        click = next_click(mask, truth, protocol="ritm", given=clicks)
        clicks.append(click)
        mask = peer.segment([c[:2] for c in clicks], [c.label for c in clicks]).mask
    assert iou(mask, truth) > 0.8


@classic
def test_colour_photographs_and_larger_planes(kind):
    image = data.chelsea()[:150:2, 100:300:2]
    peer = ready(kind, image)
    mask = peer.segment([(40, 50), (5, 5)], [1, 0]).mask
    assert 0 < mask.sum() < mask.size


def test_what_cannot_be_used(peer):
    with pytest.raises(InputError, match="outside the plane"):
        peer.segment([(48, 0)], [1])
    with pytest.raises(InputError, match="2 points but 1 labels"):
        peer.segment([(0, 0), (1, 1)], [1])
    with pytest.raises(InputError, match="set_image first"):
        Peer(peer.method).segment([(0, 0)], [1])


@classic
def test_an_image_that_fails_leaves_the_one_before(kind):
    image, truth = disc()
    peer = ready(kind, image)

    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(InputError):
        peer.set_image(np.zeros((0, 5)))
    with pytest.raises(Cancelled):
        peer.set_image(np.zeros((5, 5)), progress=stop)
    assert iou(peer.segment([(20, 32)], [1]).mask, truth) > 0.9


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (RandomWalker, "beta", -1),
        (RandomWalker, "tolerance", 0),
        (RandomWalker, "radius", float("nan")),
        (GraphCut, "spread", "wide"),
        (GraphCut, "radius", True),
        (Geodesic, "gamma", float("inf")),
    ],
)
def test_parameters_out_of_range(kind, name, value):
    with pytest.raises(InputError, match=rf"^{name}=.* cannot be; give a number from"):
        kind(**{name: value})
