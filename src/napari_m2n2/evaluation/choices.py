"""What there is to choose from: backbones that are here, methods and presets.

Imports nothing heavy, so that a window can list the choices at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_m2n2.attention import registry
from napari_m2n2.segmentation.parameters import PRESETS, Parameters, resolve
from napari_m2n2.segmentation.registry import METHODS

_FIRST_CHOSEN = ("m2n2", "mis", "dwc", "iseg")
"""Methods that are compared unless others are chosen; the rest is for those who want to know."""


@dataclass(frozen=True)
class Choice:
    """What can be chosen to outline with.

    Attributes
    ----------
    backbone, method, preset : str
        As for `napari_m2n2.segmenter.Segmenter`.
    """

    backbone: str
    method: str
    preset: str

    @property
    def name(self) -> str:
        """How to call it."""
        return f"{self.backbone}, {self.method}, {self.preset}"

    @property
    def is_first_choice(self) -> bool:
        """Whether it is worth a look without being asked for."""
        return self.method in _FIRST_CHOSEN and self.preset == PRESETS[0]


def ready_choices(device: str = "cpu") -> tuple[Choice, ...]:
    """Return what can be measured at once: methods and presets of the backbones that are here.

    A preset that comes to the same as the one before it is left out.
    """
    found = []
    for backbone in registry.names():
        if not registry.status(backbone).ready:
            continue
        for method in METHODS:
            known: list[Parameters] = []
            for preset in PRESETS:
                parameters = resolve(method, preset, backbone, {}, device)
                if parameters not in known:
                    known.append(parameters)
                    found.append(Choice(backbone, method, preset))
    return tuple(found)
