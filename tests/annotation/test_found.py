from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.annotation import found
from napari_m2n2.annotation.found import numbers_in, object_of, objects_in
from napari_m2n2.annotation.planes import read_plane

labels = hnp.arrays(np.int32, (2, 3, 4), elements=st.sampled_from([0, 0, 0, 1, 4, 900, -2]))


@given(labels, st.sampled_from([(1, 2), (0, 2), (2, 1)]))
def test_every_number_is_found_with_the_planes_that_it_is_on(array, displayed):
    objects = objects_in(array, displayed)
    assert [known.id for known in objects] == sorted(set(array[array > 0].tolist()))
    assert tuple(known.id for known in objects) == numbers_in(array)
    for known in objects:
        assert known.value == known.id
        assert known.area == np.count_nonzero(array == known.id)
        for plane, record in known.records.items():
            assert plane.displayed == displayed
            assert np.array_equal(record.mask.unpack(), read_plane(array, plane) == known.id)
            assert record.made.way == "drawn"
        assert object_of(array, known.id, displayed) == known


def test_of_a_large_image_only_the_numbers_are_found(monkeypatch):
    monkeypatch.setattr(found, "MOST_PIXELS", 5)
    array = np.array([[0, 3, 3], [7, 0, 0]], np.uint8)
    objects = objects_in(array, (0, 1))
    assert [(known.id, known.planes) for known in objects] == [(3, ()), (7, ())]
