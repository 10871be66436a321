from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation import kept_attention
from napari_m2n2.annotation.encoding import (
    Encoded,
    PlaneQueue,
    Useless,
    encode_plane,
)
from napari_m2n2.annotation.jobs import Failed, Settings, Stopped
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.errors import Cancelled
from napari_m2n2.progress import ignore
from napari_m2n2.segmenter import Segmenter

SHAPE = (7, 40, 48)
PLANES = [Plane(SHAPE, (1, 2), ((0, index),)) for index in range(7)]
SETTINGS = Settings(grid=8, device="cpu")


def where(plane):
    return plane.hidden[0][1]


def test_planes_near_to_the_one_on_screen_come_first():
    queue = PlaneQueue(PLANES)
    order = []
    while (plane := queue.next(PLANES[4])) is not None:
        order.append(where(plane))
        queue.settle(plane, Encoded(True))
    assert order == [4, 5, 3, 6, 2, 1, 0]
    assert (queue.all, queue.new, queue.known, queue.left) == (7, 7, 0, 0)


def test_the_order_follows_the_screen():
    queue = PlaneQueue(PLANES)
    queue.settle(queue.next(PLANES[0]), Encoded(True))
    assert where(queue.next(PLANES[6])) == 6
    assert where(queue.next(None)) == 1


def test_a_plane_is_given_up_after_three_failures_and_others_go_first():
    queue = PlaneQueue(PLANES[:3])
    asked = []
    while (plane := queue.next(PLANES[0])) is not None:
        asked.append(where(plane))
        queue.settle(plane, Failed("no") if where(plane) == 0 else Encoded(False))
    assert asked == [0, 1, 2, 0, 0]
    assert queue.failures == {PLANES[0]: "no"}
    assert (queue.new, queue.known) == (0, 2)


def test_what_was_stopped_is_left():
    queue = PlaneQueue(PLANES[:1])
    for outcome in (Stopped(), Useless("no weights")):
        queue.settle(PLANES[0], outcome)
        assert queue.next(PLANES[0]) == PLANES[0]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_attention, "_store", None)
    return kept_attention.keep_on_disk(tmp_path / "store")


@pytest.fixture
def image():
    return np.random.default_rng(0).random((30, 40))


def test_a_plane_is_encoded_once(store, image):
    assert encode_plane(lambda: image, (0.0, 1.0), SETTINGS, ignore) == Encoded(True, store.taken)
    assert encode_plane(lambda: image, (0.0, 1.0), SETTINGS, ignore) == Encoded(False)
    segmenter = Segmenter(grid=8, device="cpu", store=store.folder)
    assert segmenter.is_encoded(image, contrast=(0.0, 1.0))


def test_how_much_a_plane_takes(store, image):
    outcome = encode_plane(lambda: image, None, SETTINGS, ignore)
    assert 0 < outcome.size <= store.size()
    assert encode_plane(lambda: image, None, SETTINGS, ignore).size == 0
    queue = PlaneQueue(PLANES)
    assert not queue.fills(100)
    queue.settle(PLANES[0], Encoded(True, 40))
    assert not queue.fills(100)
    queue.settle(PLANES[1], Encoded(False))
    assert queue.fills(100)


def test_it_never_raises(store, image):
    def stop(phase, fraction):
        raise Cancelled

    def fail():
        raise OSError("gone")

    assert encode_plane(lambda: image, None, SETTINGS, stop) == Stopped()
    assert "gone" in encode_plane(fail, None, SETTINGS, ignore).message
    huge = np.broadcast_to(np.uint8(0), (7000, 7000))
    assert "too many for one go" in encode_plane(lambda: huge, None, SETTINGS, ignore).message
    wrong = Settings(method="x")
    assert "'x' is unknown" in encode_plane(lambda: image, None, wrong, ignore).message


def test_memory_that_runs_out_is_the_end(store, monkeypatch, image):
    def ran_out(self, *args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(Segmenter, "encode", ran_out)
    outcome = encode_plane(lambda: image, None, SETTINGS, ignore)
    assert isinstance(outcome, Useless)
    assert "not enough memory" in outcome.message


def test_where_the_disk_got_full_it_goes_on_in_memory(store, monkeypatch, image):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_m2n2.attention.entries.write", full)
    outcome = encode_plane(lambda: image, None, SETTINGS, ignore)
    assert outcome.new
    assert "the disk is full" in outcome.problem
    assert outcome.size > 0
    assert store.size() == 0
    again = encode_plane(lambda: image, None, SETTINGS, ignore)
    assert again == Encoded(False, 0, outcome.problem)


def test_planes_on_the_disk_take_no_room_in_memory():
    queue = PlaneQueue(PLANES)
    for plane in PLANES[:4]:
        queue.settle(plane, Encoded(True, 40))
    assert queue.fills(100)
    queue.settle(PLANES[4], Encoded(True, 40, "The disk is full."))
    assert queue.problem == "The disk is full."
    assert not queue.fills(100)
    queue.settle(PLANES[5], Encoded(True, 40, "The disk is full."))
    assert queue.fills(100)
    assert (queue.all, queue.new, queue.left) == (7, 6, 1)
    assert PlaneQueue(PLANES, "It is read-only.").problem == "It is read-only."


def test_the_store_is_in_memory_until_a_folder_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_attention, "_store", None)
    first = kept_attention.kept_attention()
    assert first.folder is None
    assert kept_attention.kept_attention() is first
    second = kept_attention.keep_on_disk(tmp_path / "store")
    assert second.folder == tmp_path / "store"
    assert kept_attention.kept_attention() is second
    assert kept_attention.keep_on_disk(tmp_path / "store") is second


def test_what_is_in_memory_stays_when_the_disk_is_tried_again(tmp_path, monkeypatch, image):
    monkeypatch.setattr(kept_attention, "_store", None)
    (tmp_path / "store").write_text("a file")
    store = kept_attention.keep_on_disk(tmp_path / "store")
    assert encode_plane(lambda: image, None, SETTINGS, ignore) == Encoded(
        True, store.taken, store.problem
    )
    assert kept_attention.keep_on_disk(tmp_path / "store") is store
    assert "cannot be written" in store.problem
    (tmp_path / "store").unlink()
    assert kept_attention.keep_on_disk(tmp_path / "store") is store
    assert store.problem == ""
    assert encode_plane(lambda: image, None, SETTINGS, ignore) == Encoded(False)
    assert encode_plane(lambda: image[::-1], None, SETTINGS, ignore).new
    assert store.size() > 0
