"""`Segmenter` with a store: second visits compute nothing and give the same to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from extras import load
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from napari_m2n2 import Attention, Segmenter
from napari_m2n2.attention.hooked import Hooked
from napari_m2n2.attention.keeping import AttentionStore
from napari_m2n2.attention.texture import Texture
from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.markov import reversible, transition
from napari_m2n2.segmentation.registry import METHODS

COINS = data.coins()[:140, :180]
CLICKS = [(60, 40), (20, 90)], [True, False]


class Counted:
    """How often something that takes long was computed."""

    def __init__(self, monkeypatch):
        self.calls = []
        for owner, name in (
            (Texture, "attend"),
            (Hooked, "attend"),
            (reversible, "_iterate"),
            (reversible, "_factors"),
            (transition, "_found"),
        ):
            self._count(monkeypatch, owner, name)

    def _count(self, monkeypatch, owner, name):
        computed = getattr(owner, name)

        def counted(*arguments, **options):
            # the attention of texture's crops takes milliseconds and is not kept
            if not (isinstance(arguments[0], Texture) and arguments[0].grid == 10):
                self.calls.append(name)
            return computed(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    def __call__(self):
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def counted(monkeypatch):
    return Counted(monkeypatch)


def make(store, backbone="texture", **options):
    options = {"grid": 20, "zoom_grid": 10, "device": "cpu"} | options
    return Segmenter(backbone, store=store, **options)


def same(one, other):
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.score, other.score)
    np.testing.assert_array_equal(one.thresholds, other.thresholds)


@pytest.mark.parametrize("preset", ["default", "published"])
@pytest.mark.parametrize("zoom", ["auto", "off"])
def test_the_second_visit_computes_nothing_and_gives_the_same(tmp_path, counted, preset, zoom):
    first = make(tmp_path, preset=preset, zoom=zoom)
    first.set_image(COINS)
    expected = first.segment(*CLICKS)
    calls = counted()
    assert calls[0] == "attend"
    assert len(calls) > 1
    other = make(tmp_path, preset=preset, zoom=zoom)
    for one in (first, other, other):
        counted()
        one.set_image(COINS)
        assert counted() == []
        same(one.segment(*CLICKS), expected)


@pytest.mark.parametrize("method", METHODS)
def test_with_every_method(tmp_path, method):
    masks = []
    for _ in range(2):
        segmenter = make(tmp_path, method=method)
        segmenter.set_image(COINS)
        masks.append(segmenter.segment(*CLICKS))
    same(*masks)


@settings(max_examples=10)
@given(st.integers(0, 99), st.sampled_from([(30, 41), (64, 64), (1, 20), (9, 1)]))
def test_any_image(tmp_path_factory, seed, shape):
    folder = tmp_path_factory.mktemp("store")
    image = np.random.default_rng(seed).integers(0, 255, shape, np.uint8)
    found = []
    for memory in (0, 10**8):
        segmenter = make(AttentionStore(folder, memory=memory), grid=8)
        segmenter.set_image(image)
        found.append(segmenter.segment([(shape[0] // 2, shape[1] // 2), (0, 0)], [True, False]))
    same(*found)


def test_rounding_moves_no_outline_that_matters(tmp_path):
    masks = []
    for store in (None, tmp_path):
        segmenter = make(store, grid=32)
        segmenter.set_image(COINS)
        masks.append(segmenter.segment(*CLICKS).mask)
    overlap = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
    assert overlap > 0.98


def test_encoding_does_what_the_first_visit_would(tmp_path, counted):
    segmenter = make(tmp_path, zoom="off")
    assert not segmenter.is_encoded(COINS)
    assert segmenter.encode(COINS)
    assert segmenter.is_encoded(COINS)
    assert counted()
    assert not segmenter.encode(COINS)
    make(tmp_path, zoom="off").set_image(COINS)
    assert counted() == []
    # and the first visit what encoding would
    assert not segmenter.is_encoded(COINS[:100])
    segmenter.set_image(COINS[:100])
    assert segmenter.is_encoded(COINS[:100])


@pytest.mark.parametrize("change", [{"temperature": 0.5}, {"grid": 18}, {"preset": "published"}])
def test_other_parameters_are_other_work(tmp_path, change):
    make(tmp_path).encode(COINS)
    other = make(tmp_path, **change)
    assert not other.is_encoded(COINS)
    other.set_image(COINS)
    fresh = make(None if "preset" in change else AttentionStore(None), **change)
    fresh.set_image(COINS)
    if "preset" not in change:
        same(other.segment(*CLICKS), fresh.segment(*CLICKS))


def test_contrast_and_channels_are_other_images(tmp_path):
    segmenter = make(tmp_path)
    segmenter.encode(COINS, contrast=(0, 200))
    assert segmenter.is_encoded(COINS, contrast=(0, 200))
    assert not segmenter.is_encoded(COINS)
    assert not segmenter.is_encoded(COINS, contrast=(0, 201))


def test_encoding_that_is_called_off_goes_on_where_it_was(tmp_path, counted):
    segmenter = make(tmp_path)

    def stop(phase, _fraction):
        if phase == "spectrum":
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter.encode(COINS, progress=stop)
    assert not segmenter.is_encoded(COINS)
    counted()
    assert segmenter.encode(COINS)
    assert counted() == ["_iterate"]


def test_a_plane_of_which_one_entry_was_deleted_is_not_encoded(tmp_path, counted):
    def fresh():
        return make(AttentionStore(tmp_path, memory=0))

    fresh().encode(COINS)
    entries = sorted(tmp_path.rglob("*.safetensors"))
    sizes = [path.stat().st_size for path in entries]
    assert len(entries) > 3
    for place, path in enumerate(entries):
        path.unlink()
        counted()
        assert not fresh().is_encoded(COINS)
        assert fresh().encode(COINS)
        assert len(counted()) == (path.stat().st_size > min(sizes))  # all but the note took long
        assert sorted(tmp_path.rglob("*.safetensors")) == entries, place
        assert fresh().is_encoded(COINS)


def test_damaged_entries_are_computed_again(tmp_path):
    segmenter = make(AttentionStore(tmp_path, memory=0))
    segmenter.set_image(COINS)
    expected = segmenter.segment(*CLICKS)
    for path in tmp_path.rglob("*.safetensors"):
        data = bytearray(path.read_bytes())
        data[len(data) * 2 // 3] ^= 255
        path.write_bytes(data)
    again = make(AttentionStore(tmp_path, memory=0))
    again.set_image(COINS)
    same(again.segment(*CLICKS), expected)
    assert make(tmp_path).is_encoded(COINS)


def test_only_with_a_store_and_a_backbone_by_name(tmp_path):
    with pytest.raises(InputError, match="no store"):
        make(None).encode(COINS)
    with pytest.raises(InputError, match="no store"):
        make(None).is_encoded(COINS)
    own = make(tmp_path, backbone=Texture(8))
    own.set_image(COINS)
    assert own.store.size() == 0
    with pytest.raises(InputError, match="nobody knows"):
        own.encode(COINS)
    with pytest.raises(InputError, match="give a folder"):
        make(3)


def test_an_attention_that_is_given_is_not_kept(tmp_path):
    segmenter = make(tmp_path)
    segmenter.set_image(COINS, attention=Attention(np.full((16, 16), 1 / 16), (4, 4)))
    assert segmenter.store.size() == 0


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    tiny_models = load("tiny_models", "models")
    dino = tmp_path_factory.mktemp("dino")
    tiny_models.dino().save_pretrained(dino)
    diffusion = tiny_models.save_stable_diffusion(tmp_path_factory.mktemp("sd"))
    return {"stable-diffusion-2": diffusion, "dinov2-base": dino}


@pytest.mark.parametrize("name", ["stable-diffusion-2", "dinov2-base"])
def test_backbones_with_weights_do_not_even_load_them(tmp_path, counted, models, name):
    def prepared():
        segmenter = make(tmp_path, name, grid=8, weights=models[name], ipf_tolerance=1e-3)
        segmenter.set_image(COINS)
        return segmenter

    expected = prepared().segment(*CLICKS)
    assert counted() == ["attend", "_found"]
    again = prepared()
    assert counted() == []
    found = again.segment(*CLICKS)
    same(found, expected)
    assert found.weights == expected.weights == str(models[name])


def test_crops_of_backbones_with_weights_are_kept_too(tmp_path, counted, models):
    def segmented():
        weights = models["dinov2-base"]
        segmenter = make(tmp_path, "dinov2-base", weights=weights, grid=8, zoom="auto")
        segmenter.set_image(COINS)
        return segmenter.segment(*CLICKS)

    expected = segmented()
    assert counted().count("attend") > 1
    same(segmented(), expected)
    assert counted() == []
