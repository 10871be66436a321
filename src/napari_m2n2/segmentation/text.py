"""Text prompts: where an image answers to phrases, refined by iSeg, as a rough mask to begin with.

iSeg (Sun et al., "iSeg: An Iterative Refinement-based Framework for Training-free Segmentation",
2024). What the cross-attention says of the phrases is refined by the self-attention with less
entropy; the first phrase is the object, the others are what it is not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention.source import AttentionSource
from napari_m2n2.attention.words import Emphasis
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.entropy import reduce_entropy
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.propagation import refine_maps

_EVEN = 0.5
"""A pixel is the object where its map says more than this, and more than every other phrase's."""


def phrases_of(text: str) -> tuple[str, ...]:
    """Return the phrases of a text, parted by semicolons; the first one is the object.

    Raises
    ------
    InputError
        If there is none.
    """
    phrases = tuple(filter(None, (" ".join(phrase.split()) for phrase in text.split(";"))))
    if not phrases:
        raise InputError("The text is empty; write what to look for, such as 'nucleus'.")
    return phrases


class TextMasks:
    """Makes masks of texts, and keeps the last one.

    Parameters
    ----------
    source : AttentionSource
    parameters : Parameters
    """

    def __init__(self, source: AttentionSource, parameters: Parameters) -> None:
        self._source = source
        self._parameters = parameters
        self._last: tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.bool_]] | None = None

    def added(
        self, prompts: Prompts, text: str, rgb: NDArray[np.float32], progress: Progress
    ) -> Prompts:
        """Return prompts with what a text means as one more rough mask; errors as in `mask`."""
        return replace(prompts, regions=(*prompts.regions, self.mask(text, rgb, progress)))

    def mask(self, text: str, rgb: NDArray[np.float32], progress: Progress) -> NDArray[np.bool_]:
        """Return what a text means in an image (H, W, 3), (H, W) bool.

        Raises
        ------
        InputError
            If the backbone does not understand text, the text is empty or too long, or nothing
            answers to it more than to the other phrases.
        """
        phrases = phrases_of(text)
        last = self._last
        if last is None or last[0] is not rgb or last[1] != phrases:
            maps = phrase_scores(self._source, phrases, rgb, self._parameters, progress)
            others = maps[1:].max(axis=0, initial=_EVEN)
            last = self._last = (rgb, phrases, maps[0] > others)
        if not last[2].any():
            raise InputError(
                f"Nothing here answers to {phrases[0]!r} more than to the rest of the text; use "
                "other words, or a point."
            )
        return last[2]


def phrase_scores(
    source: AttentionSource,
    phrases: tuple[str, ...],
    rgb: NDArray[np.float32],
    parameters: Parameters,
    progress: Progress,
) -> NDArray[np.float32]:
    """Return how much each pixel answers to each phrase, (P, H, W) in [0, 1]."""
    with torch.inference_mode():
        emphasis = Emphasis(
            parameters.text_gain, parameters.text_gain_on == "keys", parameters.text_clusters
        )
        maps, attention = source.attend_words(rgb, phrases, emphasis=emphasis, progress=progress)
        reduced = reduce_entropy(attention.matrix, parameters.entropy)
        refined = refine_maps(reduced, maps, parameters.refine_rounds, progress=progress)
        canvas = Canvas.of(rgb, attention.grid, parameters)
        return canvas.enlarge(refined.reshape(-1, *attention.grid), progress)
