"""Seconds and memory of the backbones with weights, stage by stage, beside the plain form.

    python benchmarks/backbones.py [--device cpu] [--grid 64] [--dtype auto] [--repeat 3] [--quick]

The networks have the real sizes and random weights: Stable Diffusion 2 (UNet of 866 million
weights, its encoder and the tiny one) and DINOv2-B. The plain form of the same run is what one
writes first: the whole network, with modules that fill heads × N × N in float32, all blocks at
once. Both go through the same temperature, balancing and Markov map.

Needs torch, diffusers, transformers and psutil, and downloads nothing. Stable Diffusion at grid 64
on a processor needs 8 GB. Seconds are of this machine and moment; compare ratios within a run.
"""

from __future__ import annotations

import argparse
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import diffusers
import numpy as np
import psutil
import torch
import transformers
from diffusers.models.attention_processor import AttnProcessor

from napari_m2n2 import devices
from napari_m2n2.attention import libraries
from napari_m2n2.attention.diffusion_modules import Modules
from napari_m2n2.attention.dino import Dino
from napari_m2n2.attention.hooked import averaged
from napari_m2n2.attention.options import BLOCKS, BackboneOptions
from napari_m2n2.attention.preprocess import for_diffusion, for_imagenet
from napari_m2n2.attention.stable_diffusion import StableDiffusion
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps, start_states

SHAPE = (480, 854)

SKIP = ("diffusion", "full", "tiny", "dino", "plain")

UNET = {
    "sample_size": 96,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "cross_attention_dim": 1024,
    "attention_head_dim": (5, 10, 20, 20),
    "use_linear_projection": True,
}
VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 768,
}
DINO = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 518,
    "patch_size": 14,
}
SMALL_UNET = UNET | {
    "block_out_channels": (32, 64, 64, 64),
    "cross_attention_dim": 32,
    "norm_num_groups": 8,
}
SMALL_VAE = VAE | {"block_out_channels": (8, 16, 16, 16), "norm_num_groups": 4}
SMALL_DINO = DINO | {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 3}


@dataclass
class Stages:
    """Seconds and memory of the stages of one form.

    Attributes
    ----------
    title : str
        What it is.
    seconds, memory : dict
        By stage: seconds of each repetition, and the most bytes in use.
    failed : str
        Why it has no figures.
    """

    title: str
    device: str
    seconds: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    failed: str = ""

    def run(self, stage: str, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Do a stage and note what it takes."""
        cuda = self.device.startswith("cuda")
        if cuda:
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
        watch = None if cuda else _Watch()
        began = time.perf_counter()
        result = work(*args, **kwargs)
        if cuda:
            torch.cuda.synchronize(self.device)
        self.seconds.setdefault(stage, []).append(time.perf_counter() - began)
        most = torch.cuda.max_memory_allocated(self.device) if watch is None else watch.end()
        self.memory[stage] = max(self.memory.get(stage, 0), most)
        return result

    @property
    def total(self) -> float:
        """Seconds of all stages, of each the fastest: what disturbs only ever adds."""
        return sum(min(values) for values in self.seconds.values())

    @property
    def most(self) -> int:
        """The most bytes of all stages."""
        return max(self.memory.values())


class _Watch:
    """The most memory of this process, looked at every few milliseconds."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._most = self._process.memory_info().rss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.005):
            self._most = max(self._most, self._process.memory_info().rss)

    def end(self) -> int:
        """Return the most bytes since it was made."""
        self._ended.set()
        self._thread.join()
        return max(self._most, self._process.memory_info().rss)


def random_model(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """Return a network with random weights that neither vanish nor blow up."""
    with diffusers.models.modeling_utils.no_init_weights():
        model = make().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1:
                weights.normal_(0, weights[0].numel() ** -0.5, generator=generator)
            else:
                weights.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
    return model


def markov(stages: Stages, matrix: torch.Tensor, grid: int) -> None:
    """Do what follows the attention: it is the same for all forms."""
    transition = stages.run(
        "temperature + IPF", lambda: balance(sharpen(matrix, 0.65), 200).matrix
    )
    start = start_states(torch.tensor([[200, 300]]), SHAPE, (grid, grid)).to(transition)
    stages.run("one map", lambda: markov_maps(transition, start))


def ours_diffusion(
    stages: Stages, modules: Modules, rgb: np.ndarray, settings: argparse.Namespace
) -> torch.Tensor:
    """Run our form of Stable Diffusion once."""
    backbone = StableDiffusion.from_modules(
        modules,
        grid=settings.grid,
        device=settings.device,
        options=BackboneOptions(dtype=settings.dtype),
    )
    latent = stages.run("image encoder", backbone.encode, rgb)
    read = stages.run("network", backbone.read, latent)
    matrix = stages.run("attention", averaged, read, settings.grid**2)
    del read, latent
    markov(stages, matrix, settings.grid)
    return matrix


def plain_diffusion(
    stages: Stages, modules: Modules, rgb: np.ndarray, settings: argparse.Namespace
) -> torch.Tensor:
    """Run the plain form of Stable Diffusion once."""
    device, dtype = settings.device, modules.unet.dtype
    shape = (settings.grid * 8, settings.grid * 8)

    def encode() -> torch.Tensor:
        image = for_diffusion(rgb, shape).to(device, dtype)
        encoded = modules.vae.encode(image)
        return encoded.latent_dist.mode() * modules.vae.config.scaling_factor

    latent = stages.run("image encoder", encode)
    kept: dict[str, torch.Tensor] = {}
    usual = modules.unet.attn_processors
    blocks = {name: modules.unet.get_submodule(BLOCKS[name]) for name in ("up0", "up1")}
    processors = dict(usual)
    for name in blocks:
        processors[f"{BLOCKS[name]}.processor"] = AttnProcessor()

    def keep(name: str, original: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def scores(*args: Any, **kwargs: Any) -> torch.Tensor:
            kept[name] = original(*args, **kwargs)
            return kept[name]

        return scores

    for name, block in blocks.items():
        block.get_attention_scores = keep(name, block.get_attention_scores)
    try:
        modules.unet.set_attn_processor(processors)
        step = torch.tensor(100, device=device)
        stages.run(
            "network", lambda: modules.unet(latent, step, encoder_hidden_states=modules.embedding)
        )
        matrix = stages.run("attention", lambda: _mean(kept.values()))
    finally:
        modules.unet.set_attn_processor(usual)
        for block in blocks.values():
            del block.get_attention_scores
    kept.clear()
    markov(stages, matrix, settings.grid)
    return matrix


def _mean(probabilities: Any) -> torch.Tensor:
    """Return the mean over blocks and heads, rows summing to 1."""
    total = sum(one.double().mean(dim=0) for one in probabilities)
    return (total / total.sum(dim=1, keepdim=True)).float()


def ours_dino(
    stages: Stages, model: torch.nn.Module, rgb: np.ndarray, settings: argparse.Namespace
) -> torch.Tensor:
    """Run our form of DINOv2 once."""
    backbone = Dino.from_model(
        model,
        grid=settings.grid,
        device=settings.device,
        options=BackboneOptions(dtype=settings.dtype),
    )
    read = stages.run("network", backbone.read, rgb)
    matrix = stages.run("attention", averaged, read, settings.grid**2, skip=1)
    del read
    markov(stages, matrix, settings.grid)
    return matrix


def plain_dino(
    stages: Stages, model: torch.nn.Module, rgb: np.ndarray, settings: argparse.Namespace
) -> torch.Tensor:
    """Run the plain form of DINOv2 once."""
    side = settings.grid * 14
    pixels = for_imagenet(rgb, (side, side)).to(settings.device, model.dtype)
    usual = model.config._attn_implementation
    kept: list[torch.Tensor] = []
    hook = model.encoder.layer[-1].attention.register_forward_hook(
        lambda module, inputs, output: kept.append(output[1])
    )
    model.set_attn_implementation("eager")
    try:
        stages.run("network", model, pixels)
    finally:
        hook.remove()
        model.set_attn_implementation(usual)
    matrix = stages.run("attention", _mean, [kept.pop()[0, :, 1:, 1:]])
    markov(stages, matrix, settings.grid)
    return matrix


def measure(
    title: str, form: Callable[..., torch.Tensor], model: Any, settings: argparse.Namespace
) -> tuple[Stages, torch.Tensor | None]:
    """Run a form some times, one more to warm up."""
    rgb = np.random.default_rng(0).random((*SHAPE, 3)).astype(np.float32)
    stages = Stages(title, settings.device)
    matrix = None
    try:
        with torch.inference_mode():
            form(replace(stages, seconds={}, memory={}), model, rgb, settings)
            for _ in range(settings.repeat):
                matrix = None  # so that no repetition holds what the one before gave
                matrix = form(stages, model, rgb, settings)
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        stages.failed = str(error).splitlines()[0]
        matrix = None
    if settings.device.startswith("cuda"):
        torch.cuda.empty_cache()
    return stages, None if matrix is None else matrix.cpu()


def report(ours: Stages, plain: Stages, apart: float | None) -> None:
    """Print the table of a backbone."""
    print(f"\n{ours.title}, beside: {plain.title}\n")
    print("| stage | s | plain s | GB | plain GB |\n|---|---|---|---|---|")
    for stage in ours.seconds:
        cells = [stage]
        cells += [
            f"{min(one.seconds[stage]):.2f}" if stage in one.seconds else "–"
            for one in (ours, plain)
        ]
        cells += [
            f"{one.memory[stage] / 1e9:.2f}" if stage in one.memory else "–"
            for one in (ours, plain)
        ]
        print("| " + " | ".join(cells) + " |")
    if plain.failed:
        print(f"| **all** | {ours.total:.2f} | – | {ours.most / 1e9:.2f} | – |")
        print(f"\nplain form: {plain.failed}")
        return
    print(
        f"| **all** | {ours.total:.2f} | {plain.total:.2f} | {ours.most / 1e9:.2f} "
        f"| {plain.most / 1e9:.2f} |"
    )
    print(f"\nratio of seconds {ours.total / plain.total:.2f}", end="")
    print("" if apart is None else f", largest relative difference of the attention {apart:.1e}")


def compare(ours: tuple[Any, Any], plain: tuple[Any, Any], *, same: bool) -> None:
    """Print a backbone beside its plain form."""
    apart = None
    if same and ours[1] is not None and plain[1] is not None:
        apart = float(((ours[1] - plain[1]).abs() / plain[1].clamp_min(1e-12)).max())
    if ours[0].failed:
        print(f"\n{ours[0].title}: {ours[0].failed}")
        return
    report(ours[0], plain[0], apart)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--grid", type=int, default=0, help="64, on a GPU 128; DINOv2 at most 80")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small networks, to try the script")
    parser.add_argument("--skip", nargs="*", default=[], choices=SKIP)
    settings = parser.parse_args()
    settings.device = devices.resolve(settings.device)
    settings.grid = settings.grid or (16 if settings.quick else 0)
    settings.grid = settings.grid or (64 if settings.device == "cpu" else 128)
    dtype = libraries.resolve_dtype(settings.dtype, settings.device)
    found = next(one for one in devices.available() if one.name == settings.device)
    print(f"{found.title} ({platform.machine()}), {found.total / 1e9:.0f} GB, ", end="")
    print(f"grid {settings.grid}, {str(dtype)[6:]}, torch {torch.__version__}, ", end="")
    print(f"diffusers {diffusers.__version__}, transformers {transformers.__version__}")
    if "diffusion" not in settings.skip:
        compare_diffusion(settings)
    if "dino" not in settings.skip:
        settings.grid = min(settings.grid, 80)
        compare_dino(settings)


def compare_diffusion(settings: argparse.Namespace) -> None:
    """Measure Stable Diffusion 2 with both encoders, and the plain form."""
    small = settings.quick
    unet = random_model(lambda: diffusers.UNet2DConditionModel(**(SMALL_UNET if small else UNET)))
    embedding = torch.randn(1, 77, unet.config.cross_attention_dim)
    dtype = libraries.resolve_dtype(settings.dtype, settings.device)

    def placed(encoder: Any) -> Modules:
        with libraries.quiet():
            moved = [one.to(settings.device, dtype) for one in (unet, encoder, embedding)]
        return Modules(*moved)

    plain: Any = (Stages("none", settings.device, failed="left out"), None)
    if not {"plain", "full"} & set(settings.skip):
        modules = placed(random_vae(small))
        plain = measure("plain form", plain_diffusion, modules, settings)
        del modules
    if "full" not in settings.skip:
        modules = placed(random_vae(small))
        ours = measure("Stable Diffusion 2, full encoder", ours_diffusion, modules, settings)
        compare(ours, plain, same=True)
        del modules
    if "tiny" not in settings.skip:
        modules = placed(random_model(diffusers.AutoencoderTiny))
        fast = measure("Stable Diffusion 2, tiny encoder", ours_diffusion, modules, settings)
        compare(fast, plain, same=False)


def random_vae(small: bool) -> torch.nn.Module:
    """Return Stable Diffusion's own encoder."""
    return random_model(lambda: diffusers.AutoencoderKL(**(SMALL_VAE if small else VAE)))


def compare_dino(settings: argparse.Namespace) -> None:
    """Measure DINOv2-B, and the plain form."""
    config = transformers.Dinov2Config(**(SMALL_DINO if settings.quick else DINO))
    model = random_model(lambda: transformers.Dinov2Model(config))
    model = model.to(settings.device, libraries.resolve_dtype(settings.dtype, settings.device))
    plain: Any = (Stages("none", settings.device, failed="left out"), None)
    if "plain" not in settings.skip:
        plain = measure("plain form", plain_dino, model, settings)
    compare(measure("DINOv2-B", ours_dino, model, settings), plain, same=True)


if __name__ == "__main__":
    main()
