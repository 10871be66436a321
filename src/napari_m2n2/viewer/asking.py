"""What is asked for a plane, as the state says."""

from __future__ import annotations

import numpy as np

from napari_m2n2.annotation.jobs import Job
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.viewer import prompting
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.state import State


class Asking:
    """Makes the jobs.

    Parameters
    ----------
    state : State

    Attributes
    ----------
    draft : bool
        Whether the jobs to come are drafts.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.draft = False

    def job(self, pair: Pair, plane: Plane, prompts: PlanePrompts) -> Job:
        """Return the job to segment a plane; raise `InputError` if what was chosen cannot be."""
        picture = pair.source.picture(plane, prompts)
        return Job(
            read=picture.read,
            key=picture.key,
            prompts=prompts,
            contrast=picture.contrast,
            settings=self._state.settings,
            region=picture.region,
            map_of=self._map_of(pair, plane, prompts),
            draft=self.draft,
            show_image=self._state.show_image,
        )

    def lacks(self, pair: Pair, plane: Plane) -> bool:
        """Tell whether the map of another point is to be shown than of that it was asked for."""
        answer = pair.answers.get(plane)
        if answer is None:
            return False
        wanted = self._map_of(pair, plane, answer.prompts)
        return wanted is not None and wanted != answer.map_of

    def _map_of(self, pair: Pair, plane: Plane, prompts: PlanePrompts) -> int | None:
        """Return which of the points to give the distance map of, if it is to be shown."""
        chosen = prompting.chosen(pair, plane) if self._state.overlay == "map" else None
        where = [] if chosen is None else np.flatnonzero(prompts.origin == chosen.index)
        return int(where[0]) if len(where) else None
