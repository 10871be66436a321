from __future__ import annotations

import copy
import logging
import warnings
import weakref

import numpy as np
import pytest
import tiny_models as tiny
import torch
from peak import Peak
from torch.multiprocessing.reductions import StorageWeakRef

from napari_m2n2 import Backbone
from napari_m2n2.attention import heads
from napari_m2n2.attention.diffusion_modules import Modules
from napari_m2n2.attention.options import BLOCKS, BackboneOptions
from napari_m2n2.attention.stable_diffusion import StableDiffusion
from napari_m2n2.errors import Cancelled, InputError, MissingError

GIGABYTE = 10**9


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).random((50, 70, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def modules():
    return tiny.stable_diffusion()


def relative(found, expected):
    assert expected.max() / expected.min() > 2, "attention that hardly varies would prove nothing"
    return float(((found.double() - expected).abs() / expected).max())


# ------------------------------------------------------------------ the same numbers
@pytest.mark.parametrize("grid", [(8, 8), (8, 16), (6, 10)], ids=str)
@pytest.mark.parametrize("encoder", [tiny.vae, tiny.tiny_vae], ids=["full", "tiny"])
@pytest.mark.parametrize("config", [tiny.SMALL_SD2, tiny.SMALL_SD1], ids=["sd2", "sd1"])
def test_equals_the_plain_reference(rgb, config, encoder, grid):
    random = tiny.stable_diffusion(config, encoder)
    expected = tiny.plain_stable_diffusion(random, rgb, grid, {"up0": 0.5, "up1": 0.5})
    attention = StableDiffusion.from_modules(random, grid=grid).attend(rgb)
    assert attention.grid == grid
    assert attention.matrix.dtype == torch.float32
    assert relative(attention.matrix, expected) < 1e-5


def test_equals_the_whole_computed_in_float64(modules, rgb):
    exact = type(modules)(
        copy.deepcopy(modules.unet).double(),
        copy.deepcopy(modules.vae).double(),
        modules.embedding.double(),
    )
    expected = tiny.plain_stable_diffusion(exact, rgb, (8, 8), {"up0": 0.5, "up1": 0.5})
    attention = StableDiffusion.from_modules(modules, grid=8).attend(rgb)
    assert relative(attention.matrix, expected) < 1e-5


@pytest.mark.parametrize(
    "blocks",
    [{"down0": 1.0}, {"down1": 1.0}, {"up2": 1.0}, {"up1": 0.2, "down0": 0.3, "up2": 0.5}],
    ids=str,
)
def test_blocks_and_timestep_are_parameters(modules, rgb, blocks):
    expected = tiny.plain_stable_diffusion(modules, rgb, (8, 8), blocks, timestep=700)
    options = BackboneOptions(blocks=tuple(blocks.items()), timestep=700)
    backbone = StableDiffusion.from_modules(modules, grid=8, options=options)
    assert relative(backbone.attend(rgb).matrix, expected) < 1e-5
    published = tiny.plain_stable_diffusion(modules, rgb, (8, 8), blocks)
    assert relative(backbone.attend(rgb).matrix, published) > 1e-2


def test_a_full_path_names_a_block_too(modules, rgb):
    short = BackboneOptions(blocks=(("down1", 1.0),))
    long = BackboneOptions(blocks=((BLOCKS["down1"], 1.0),))
    found = [
        StableDiffusion.from_modules(modules, grid=8, options=options).attend(rgb).matrix
        for options in (short, long)
    ]
    assert torch.equal(*found)


def test_another_way_to_compute_attention_in_the_library_changes_nothing(rgb):
    modules = tiny.stable_diffusion()
    backbone = StableDiffusion.from_modules(modules, grid=8)
    expected = backbone.attend(rgb).matrix.double()
    modules.unet.set_attention_slice("max")
    assert relative(backbone.attend(rgb).matrix, expected) < 1e-5


def test_bfloat16_gives_nearly_the_same(rgb):
    exact = StableDiffusion.from_modules(tiny.stable_diffusion(), grid=8).attend(rgb).matrix
    options = BackboneOptions(dtype="bfloat16")
    modules = tiny.stable_diffusion()
    matrix = StableDiffusion.from_modules(modules, grid=8, options=options).attend(rgb).matrix
    assert modules.unet.dtype == torch.bfloat16
    assert matrix.dtype == torch.float32
    torch.testing.assert_close(matrix.sum(1), torch.ones(64))
    overlap = torch.minimum(matrix, exact).sum(1).mean()
    assert 0.9 < float(overlap) < 0.9999


def test_it_is_a_backbone_and_the_same_every_time(modules, rgb):
    backbone = StableDiffusion.from_modules(modules, grid=8)
    assert isinstance(backbone, Backbone)
    assert torch.equal(backbone.attend(rgb).matrix, backbone.attend(rgb).matrix)


# ------------------------------------------------------------------ what is hooked
@pytest.mark.parametrize(
    ("config", "number", "depth"), [(tiny.SD2, 5, 64), (tiny.SD1, 8, 40)], ids=["sd2", "sd1"]
)
def test_the_real_architecture_has_the_parts_that_are_read(config, number, depth):
    with torch.device("meta"):
        unet = tiny.unet(config)
    for path in (
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1",
        "down_blocks.0.attentions.1.transformer_blocks.0.attn1",
        "up_blocks.3.attentions.0.transformer_blocks.0.attn1",
        "up_blocks.3.attentions.1.transformer_blocks.0.attn1",
        "up_blocks.3.attentions.2.transformer_blocks.0.attn1",
    ):
        block = unet.get_submodule(path)
        assert path in BLOCKS.values()
        assert block.heads == number
        assert block.scale == pytest.approx(depth**-0.5)
        assert block.to_q.out_features == block.to_k.out_features == number * depth
        # nothing comes between the projections and their product
        assert block.norm_q is None
        assert block.norm_k is None


@pytest.mark.parametrize("change", ["unused", "gone"])
def test_a_library_that_changed_is_said(rgb, change):
    backbone = StableDiffusion.from_modules(tiny.stable_diffusion(), grid=8)
    block = backbone._modules.unet.get_submodule(BLOCKS["up0"])
    if change == "unused":
        block.forward = lambda hidden_states, **others: hidden_states
    else:
        del block.to_q
    with pytest.raises(MissingError, match=r"to_[qk]"):
        backbone.attend(rgb)


def test_a_block_of_a_coarser_level_is_refused(modules, rgb):
    path = "up_blocks.2.attentions.0.transformer_blocks.0.attn1"
    options = BackboneOptions(blocks=((path, 1.0),))
    with pytest.raises(InputError, match="16 cells and the grid has 64"):
        StableDiffusion.from_modules(modules, grid=8, options=options).attend(rgb)


@pytest.mark.parametrize("path", ["up_blocks.9.attn1", "mid_block"])
def test_what_is_no_block_is_refused(modules, rgb, path):
    options = BackboneOptions(blocks=((path, 1.0),))
    with pytest.raises(MissingError, match=path):
        StableDiffusion.from_modules(modules, grid=8, options=options).attend(rgb)


def test_the_unet_ends_after_the_last_block_that_is_needed(modules, rgb):
    ran = []
    handles = [
        modules.unet.get_submodule(path).register_forward_hook(
            lambda module, inputs, output, path=path: ran.append(path)
        )
        for path in ("mid_block", "up_blocks.3.attentions.1", "up_blocks.3", "conv_out")
    ]
    try:
        StableDiffusion.from_modules(modules, grid=8).attend(rgb)
        assert ran == ["mid_block"]
        ran.clear()
        options = BackboneOptions(blocks=(("down1", 1.0),))
        StableDiffusion.from_modules(modules, grid=8, options=options).attend(rgb)
        assert ran == []
    finally:
        for handle in handles:
            handle.remove()


def test_what_the_libraries_say_while_they_run_reaches_nobody(rgb, capfd):
    """torch warns on Windows that it was built without flash attention; a warning fails a test."""
    modules = tiny.stable_diffusion()

    def warn(*_args):
        warnings.warn("torch was not compiled with flash attention", UserWarning, stacklevel=1)
        logging.getLogger("diffusers.models").warning("deprecated")

    modules.unet.conv_in.register_forward_hook(warn)
    StableDiffusion.from_modules(modules, grid=8).attend(rgb)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------ progress
def test_reports_and_leaves_no_hook_behind(modules, rgb):
    fractions = []
    backbone = StableDiffusion.from_modules(modules, grid=8)
    backbone.attend(rgb, progress=lambda phase, fraction: fractions.append((phase, fraction)))
    assert {phase for phase, _ in fractions} == {"encode"}
    values = [fraction for _, fraction in fractions]
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] == 1
    assert len(values) > 10
    assert hooks(modules) == 0


@pytest.mark.parametrize("when", [0.0, 0.3, 0.6, 0.97])
def test_can_be_ended_anywhere_and_used_again(modules, rgb, when):
    def stop(phase, fraction):
        if fraction >= when:
            raise Cancelled

    backbone = StableDiffusion.from_modules(modules, grid=8)
    expected = backbone.attend(rgb).matrix
    with pytest.raises(Cancelled):
        backbone.attend(rgb, progress=stop)
    assert hooks(modules) == 0
    assert torch.equal(backbone.attend(rgb).matrix, expected)


def hooks(modules):
    return sum(
        len(part._forward_hooks) + len(part._forward_pre_hooks)
        for model in (modules.unet, modules.vae)
        for part in model.modules()
    )


# ------------------------------------------------------------------ memory
def test_heads_times_all_pairs_never_exist(rgb, monkeypatch):
    monkeypatch.setattr(heads, "_BYTES", {"cpu": 1 << 16})
    # 8 heads, and an encoder that takes less than the attention
    modules = tiny.stable_diffusion(tiny.SMALL_SD1, lambda: tiny.vae((4, 8, 8, 8), groups=2))
    backbone = StableDiffusion.from_modules(modules, grid=48)
    pairs = 4 * (48 * 48) ** 2
    backbone.attend(rgb)  # whatever the library makes once
    with Peak() as peak:
        matrix = backbone.attend(rgb).matrix
    assert matrix.nbytes == pairs
    assert peak.largest == pairs
    # the attention, a mask of it in bytes while it is checked, and little else
    assert pairs < peak.most < 1.5 * pairs

    with Peak() as plain:
        tiny.plain_stable_diffusion(modules, rgb, (48, 48), {"up0": 0.5, "up1": 0.5})
    assert plain.most > 8 * pairs, "this test could not fail"


def test_nothing_but_the_attention_is_left(modules, rgb):
    with Peak() as peak:
        attention = StableDiffusion.from_modules(modules, grid=8).attend(rgb)
        left = [n for ref, n in peak.alive.values() if not ref.expired()]
        assert sum(left) < 1.2 * attention.matrix.nbytes


@pytest.mark.parametrize("encoder", ["full", "tiny"])
def test_the_real_size_needs_what_is_predicted(rgb, monkeypatch, encoder):
    """On torch's meta device, where tensors have sizes and no contents, at the published grid."""
    monkeypatch.setattr("napari_m2n2.devices.memory", lambda device: (10**12, 10**12))
    monkeypatch.setattr("napari_m2n2.attention.hooked._check_tokens", lambda *args: None)
    # as on a GPU, where the network's own attention does not fill heads × N × N either
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda q, k, v, **_: q.clone()
    )
    with torch.device("meta"):
        vae = tiny.AutoencoderTiny()
        if encoder == "full":
            vae = tiny.vae((128, 256, 512, 512), groups=32)
        modules = Modules(tiny.unet(tiny.SD2), vae, torch.zeros(1, 77, 1024))
    backbone = StableDiffusion.from_modules(modules, grid=128, device="meta")
    need = backbone._sizes.need(128 * 128, 2, tiled=False)
    with torch.inference_mode():
        with Peak() as encoding:
            latent = backbone.encode(rgb)
        with Peak() as reading:
            read = backbone.read(latent)
    assert latent.shape == (1, 4, 128, 128)
    assert [query.shape for _, query, _ in read] == [(128 * 128, 320)] * 2
    assert 0.3 * need.encoder < encoding.most < need.encoder
    assert 0.3 * need.network < reading.most < need.network
    # what the published grid may take of a GPU
    assert need.working < need.attention + 1.5 * GIGABYTE
    assert need.weights < 1.9 * GIGABYTE


# ------------------------------------------------------------------ from a folder
@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.save_stable_diffusion(tmp_path_factory.mktemp("weights"))


def of_folder(folder, **changes):
    given = {"grid": 8, "device": "cpu", "options": BackboneOptions()} | changes
    return StableDiffusion(folder, **given)


def test_weights_from_a_folder_give_the_same_as_the_modules(folder, rgb, tmp_path, capfd, caplog):
    kept = tmp_path / "cache" / "empty.safetensors"
    backbone = of_folder(folder, embedding=kept)
    phases = []
    matrix = backbone.attend(rgb, progress=lambda phase, _: phases.append(phase)).matrix
    modules = tiny.stable_diffusion()
    modules = type(modules)(modules.unet, modules.vae, backbone._modules.embedding)
    expected = StableDiffusion.from_modules(modules, grid=8).attend(rgb).matrix
    torch.testing.assert_close(matrix, expected, rtol=1e-5, atol=0)
    assert kept.is_file()
    assert sorted(set(phases)) == ["encode", "weights"]
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_text_encoder_is_read_once(folder, rgb, tmp_path):
    kept = tmp_path / "empty.safetensors"
    expected = of_folder(folder, embedding=kept).attend(rgb).matrix
    without = tmp_path / "without"
    tiny.save_stable_diffusion(without, text=False)
    assert torch.equal(of_folder(without, embedding=kept).attend(rgb).matrix, expected)
    with pytest.raises(MissingError, match="text_encoder"):
        of_folder(without).attend(rgb)


def test_the_tiny_encoder_comes_from_its_own_folder(folder, rgb, tmp_path):
    options = BackboneOptions(vae="tiny")
    with pytest.raises(MissingError, match="vae_tiny"):
        of_folder(folder, options=options)
    encoder = tiny.randomise(tiny.tiny_vae(), 2, gain=1.2)
    encoder.save_pretrained(tmp_path)
    backbone = of_folder(folder, options=options, tiny_vae=tmp_path)
    expected = of_folder(folder)
    assert not torch.equal(backbone.attend(rgb).matrix, expected.attend(rgb).matrix)
    modules = backbone._modules
    plain = tiny.plain_stable_diffusion(modules, rgb, (8, 8), {"up0": 0.5, "up1": 0.5})
    assert relative(backbone.attend(rgb).matrix, plain) < 1e-5


def test_weights_are_given_back_and_loaded_again(folder, rgb):
    backbone = of_folder(folder)
    first = backbone.attend(rgb).matrix
    network = weakref.ref(backbone._modules.unet)
    backbone.release()
    assert network() is None
    assert torch.equal(backbone.attend(rgb).matrix, first)


# ------------------------------------------------------------------ too little memory
def with_memory(monkeypatch, free):
    monkeypatch.setattr("napari_m2n2.devices.memory", lambda device: (free, free))


def test_a_grid_that_does_not_fit_is_known_before_anything_is_loaded(folder, monkeypatch):
    with_memory(monkeypatch, GIGABYTE)
    monkeypatch.setattr(
        "napari_m2n2.attention.libraries.load", lambda *args, **kwargs: pytest.fail("loaded")
    )
    of_folder(folder, grid=64)
    with pytest.raises(InputError, match=r"grid of 128 needs 2\.4 GB .* cpu has 1\.0 GB") as said:
        of_folder(folder, grid=128)
    assert "grid 96 or the smaller backbone dinov2-small" in str(said.value)
    assert str(said.value).count(".") == 3  # two decimal points and the end


def test_an_image_is_encoded_in_tiles_only_where_there_is_too_little_memory(
    folder, rgb, monkeypatch
):
    backbone = of_folder(folder, grid=32)
    whole = backbone.attend(rgb).matrix
    assert not backbone.tiled
    sizes = backbone._sizes
    enough = sizes.need(1024, 4, tiled=False).total
    assert enough > sizes.need(1024, 4, tiled=True).total
    monkeypatch.setattr("napari_m2n2.attention.diffusion_modules._ENCODER_COPIES", 300)
    monkeypatch.setattr(
        "napari_m2n2.devices.memory",
        lambda device: (0, sizes.need(1024, 4, tiled=False).working - 1),
    )
    assert backbone.tiled
    overlap = torch.minimum(backbone.attend(rgb).matrix, whole).sum(1).mean()
    assert 0.5 < float(overlap) < 0.99999


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("encode", torch.OutOfMemoryError("fake")),
        ("read", RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")),
        ("averaged", MemoryError()),
    ],
)
def test_running_out_of_memory_frees_everything_and_says_so(
    folder, rgb, monkeypatch, error, where
):
    backbone = of_folder(folder)
    expected = backbone.attend(rgb).matrix
    network = weakref.ref(backbone._modules.unet)
    latents = []

    def fail(*args, **kwargs):
        held = torch.zeros(1000)
        latents.append(StorageWeakRef(held.untyped_storage()))
        raise error

    with monkeypatch.context() as patch:
        target = "napari_m2n2.attention.stable_diffusion"
        patch.setattr(f"{target}.{'' if where == 'averaged' else 'StableDiffusion.'}{where}", fail)
        with pytest.raises(InputError, match=r"memory of cpu ran out .* grid of 8; use"):
            backbone.attend(rgb)
    error.__traceback__ = None  # pytest's own parameter, which keeps its frames
    assert latents[0].expired()
    assert network() is None
    assert torch.equal(backbone.attend(rgb).matrix, expected)


def test_another_grid_that_does_not_fit_loads_nothing(folder, rgb, monkeypatch):
    backbone = of_folder(folder)
    backbone.grid = (128, 128)
    with_memory(monkeypatch, GIGABYTE)
    with pytest.raises(InputError, match=r"on a grid of 128 needs .*; use grid "):
        backbone.attend(rgb)
    assert backbone._modules is None


def test_running_out_while_the_attention_is_checked_frees_it(folder, rgb, monkeypatch):
    held = []

    def fail(attention):
        held.append(StorageWeakRef(attention.matrix.untyped_storage()))
        raise torch.OutOfMemoryError("fake")

    monkeypatch.setattr("napari_m2n2.attention.base.Attention._check", fail)
    with pytest.raises(InputError, match="ran out") as error:
        of_folder(folder).attend(rgb)
    assert held[0].expired()
    assert error.value.__context__ is None


def test_other_errors_are_not_taken_for_memory(modules, rgb, monkeypatch):
    backbone = StableDiffusion.from_modules(modules, grid=8)

    def fail(*args, **kwargs):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(backbone, "encode", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        backbone.attend(rgb)


def test_numbers_that_overflow_are_said(rgb):
    modules = tiny.stable_diffusion()
    with torch.no_grad():
        modules.unet.conv_in.weight.fill_(1e38)
    with pytest.raises(InputError, match=r"overflowed .* in float32"):
        StableDiffusion.from_modules(modules, grid=8).attend(rgb)


def test_a_processor_has_no_float16(modules):
    with pytest.raises(InputError, match="bfloat16"):
        StableDiffusion.from_modules(modules, grid=8, options=BackboneOptions(dtype="float16"))


def test_a_grid_has_cells(modules):
    with pytest.raises(InputError, match="no cells"):
        StableDiffusion.from_modules(modules, grid=0)
