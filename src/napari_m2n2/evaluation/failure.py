"""What cannot be evaluated, whether that is seen while listing a dataset or while clicking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """An object, or with an empty `object` a whole image, that cannot be evaluated.

    Attributes
    ----------
    dataset, image, object : str
    sentence : str
        What is wrong and what to do.
    """

    dataset: str
    image: str
    object: str
    sentence: str
