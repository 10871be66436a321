"""Where affinities between the cells of an image come from."""
