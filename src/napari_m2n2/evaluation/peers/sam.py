"""Segment Anything (SAM), by transformers' own model, clicked as its guide says.

A. Kirillov et al., "Segment anything", ICCV 2023.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from napari_m2n2 import devices
from napari_m2n2.attention import libraries, weights
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.attention.preprocess import IMAGENET_DEVIATION, IMAGENET_MEAN
from napari_m2n2.attention.weights import Weights
from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.peers.base import Scorer
from napari_m2n2.progress import Progress, ignore

_KEPT = 128
"""Answers kept of one image: each is a small map, and the next click starts from one."""

_Click = tuple[int, int, bool]


class Sam:
    """SAM with its weights.

    Parameters
    ----------
    model : transformers.SamModel
        Ready to infer.
    device : str
        As torch calls it.
    source : Weights, optional
        Where the model's weights come from.

    Notes
    -----
    The image is encoded once and every click costs a pass of the small mask decoder. A single
    click is ambiguous, so three masks are asked for and the one with the best predicted IoU is
    taken; from the second click on it is one mask, and the logits of the mask before are given
    back to the model. To make that independent of what was asked before, a list of clicks is
    always walked through from its first one; answers to the beginnings of a list are kept.
    """

    def __init__(self, model: Any, device: str = "cpu", source: Weights | None = None) -> None:
        self.model = model.eval().to(device)
        self.device = device
        self.weights = source

    def prepare(self, rgb: NDArray[np.float32]) -> Scorer:
        """Encode the image."""
        size = int(self.model.config.vision_config.image_size)
        with torch.inference_mode():
            pixels, inner = to_pixel_values(rgb, size)
            embedding = self.model.get_image_embeddings(pixels.to(self.device))
        return _Plane(self.model, embedding, (rgb.shape[0], rgb.shape[1]), inner)


def load(
    folder: str | None = None,
    *,
    model: str = "sam-vit-base",
    device: str = "auto",
    progress: Progress = ignore,
) -> Sam:
    """Load SAM.

    Parameters
    ----------
    folder : str, optional
        A folder in transformers' layout (config.json and model.safetensors) of any size of SAM, or
        the id of a repository on the Hugging Face hub. None tries the cache, then the hub.
    model : str
        Name of the model whose weights are looked for, `napari_m2n2.attention.catalogue`.
    device : str
        As for `napari_m2n2.devices.resolve`.
    progress : callable, optional
        Told of the download and of the phase "weights"; may raise `Cancelled`.

    Raises
    ------
    MissingError
        If transformers is not installed or the weights cannot be had.
    FileError
        If the weights are damaged or of another model.
    """
    name = devices.resolve(device)
    found = weights.locate(model, BackboneOptions(weights=folder), progress)
    kind = libraries.config(found.path).get("model_type")
    if kind != "sam":
        raise FileError(
            f"The folder {found.path} holds a model of type {kind!r}; give one of SAM."
        )
    transformers = libraries.library("transformers")
    progress("weights", 0.0)
    loaded = libraries.load(transformers.SamModel, found.path, torch.float32)
    progress("weights", 1.0)
    return Sam(loaded, name, found)


def to_pixel_values(rgb: NDArray[np.float32], size: int) -> tuple[torch.Tensor, tuple[int, int]]:
    """Resize an image so that its longer side fits the model, and pad it at the end.

    Parameters
    ----------
    rgb : (H, W, 3) float32 array
        In [0, 1].
    size : int
        Side of the square that the model takes.

    Returns
    -------
    pixels : (1, 3, size, size) float32 tensor
        Less ImageNet's mean, divided by its deviation; 0 where padded.
    inner : (int, int)
        Rows and columns of the image within the square.
    """
    longest = max(rgb.shape[:2])
    inner = (_scaled(rgb.shape[0], size, longest), _scaled(rgb.shape[1], size, longest))
    image = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]
    image = functional.interpolate(image, inner, mode="bilinear", antialias=True)
    mean = torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1)
    deviation = torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1)
    image = (image - mean) / deviation
    return functional.pad(image, (0, size - inner[1], 0, size - inner[0])), inner


def _scaled(side: int, size: int, longest: int) -> int:
    """Return the length of a side after resizing, rounded as SAM does, never nothing."""
    return max(int(side * size / longest + 0.5), 1)


class _Plane:
    """An encoded image and the answers to the clicks on it."""

    def __init__(
        self, model: Any, embedding: torch.Tensor, shape: tuple[int, int], inner: tuple[int, int]
    ) -> None:
        self._model = model
        self._embedding = embedding
        self._shape = shape
        self._inner = inner
        self._answers: OrderedDict[tuple[_Click, ...], torch.Tensor] = OrderedDict()

    def __call__(
        self, points: NDArray[np.int64], labels: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the logits of the mask at the size of the image."""
        clicks = [
            (row, column, label)
            for (row, column), label in zip(points.tolist(), labels.tolist(), strict=True)
        ]
        logits: torch.Tensor | None = None
        with torch.inference_mode():
            for count in range(1, len(clicks) + 1):
                given = tuple(clicks[:count])
                if any(label for *_, label in given):
                    logits = self._answer(given, logits)
            if logits is None:
                raise ValueError("one click at least has to be on the object")
            return self._enlarge(logits)

    def _answer(self, clicks: tuple[_Click, ...], before: torch.Tensor | None) -> torch.Tensor:
        """Return the model's small map (1, 1, h, w) of logits, positive in the object."""
        if clicks not in self._answers:
            several = len(clicks) == 1
            answer = self._model(
                image_embeddings=self._embedding,
                input_points=self._places(clicks),
                input_labels=torch.tensor(
                    [[[int(label) for *_, label in clicks]]], device=self._embedding.device
                ),
                input_masks=before,
                multimask_output=several,
            )
            best = int(answer.iou_scores[0, 0].argmax())
            self._answers[clicks] = answer.pred_masks[:, 0, best : best + 1]
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        return self._answers[clicks]

    def _places(self, clicks: tuple[_Click, ...]) -> torch.Tensor:
        """Return clicks as (1, 1, n, 2), (x, y) in the square the model sees.

        Scaled as SAM's own predictor does; the model adds the half pixel itself.
        """
        down, across = (b / a for a, b in zip(self._shape, self._inner, strict=True))
        places = [[column * across, row * down] for row, column, _ in clicks]
        return torch.tensor([[places]], dtype=torch.float32, device=self._embedding.device)

    def _enlarge(self, logits: torch.Tensor) -> NDArray[np.float32]:
        """Resize a small map to the image, by way of the square the model sees."""
        size = int(self._model.config.vision_config.image_size)
        square = functional.interpolate(logits, (size, size), mode="bilinear")
        cut = square[..., : self._inner[0], : self._inner[1]]
        full = functional.interpolate(cut, self._shape, mode="bilinear")
        enlarged: NDArray[np.float32] = full[0, 0].float().cpu().numpy()
        return enlarged
