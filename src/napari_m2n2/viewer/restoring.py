"""Going back to the objects of an earlier session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.objects import AnnotatedObject, TableContent
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.pair import Pair

if TYPE_CHECKING:
    from napari_m2n2.viewer.annotating import Annotating


def restore(
    annotating: Annotating,
    pair: Pair,
    objects: TableContent | Iterable[AnnotatedObject],
    labels: NDArray[Any] | None,
    draft: AnnotatedObject | None,
    used: Iterable[int],
) -> None:
    """Let an image have the labels, the objects and the object at work of an earlier session."""
    content = objects if isinstance(objects, TableContent) else TableContent(tuple(objects))
    if labels is not None:
        if labels.shape != pair.shape:
            raise InputError("The labels of the session do not fit the image; choose its image.")
        pair.labels.data = np.array(labels)
        pair.writer.check()
    pair.table.restore(content)
    pair.table.reserve(used)
    pair.deeds.clear()
    annotating.begin_next(pair)
    if draft is not None:
        annotating.go_on(pair, draft)
    pair.history.clear()
