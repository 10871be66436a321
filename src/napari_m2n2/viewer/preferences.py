"""What the user prefers, from napari's own page of settings."""

from __future__ import annotations

import logging

from napari import settings

from napari_m2n2.annotation.preferences import Preferences

logger = logging.getLogger(__name__)

PLUGIN = "napari-m2n2"

GROUP = "segmentation"
"""Under which the manifest lists them."""


def read() -> Preferences:
    """Return what the user prefers; the defaults where nobody could say so.

    napari has settings of plugins since 0.9, and only for those that it has found. A file of
    settings that cannot be read keeps nobody from working.
    """
    settings_of = getattr(settings, "get_plugin_settings", None)
    if settings_of is None:
        return Preferences()
    try:
        values = getattr(settings_of(PLUGIN), GROUP)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file of settings
        logger.warning("the preferences cannot be read, the defaults are taken: %s", error)
        return Preferences()
    return Preferences.from_values(values)
