"""The window: the only room that imports napari and Qt."""
