from __future__ import annotations

from math import prod

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.annotation import reading
from napari_m2n2.annotation.planes import Plane, shown_plane
from napari_m2n2.annotation.reading import chunk_length, read_region
from napari_m2n2.annotation.region import Region, block_means, whole_plane
from napari_m2n2.errors import InputError


class Chunked:
    """An array in chunks that takes numbers and slices only, and counts the chunks it reads."""

    def __init__(self, values, chunks):
        self._values = values
        self.shape, self.dtype, self.chunks = values.shape, values.dtype, chunks
        self.read = []

    def __getitem__(self, index):
        assert all(isinstance(part, int | slice) for part in index)
        index = (*index, *[slice(None)] * (len(self.shape) - len(index)))
        spans = []
        for part, chunk, length in zip(index, self.chunks, self.shape, strict=True):
            first, last = (part, part + 1) if isinstance(part, int) else part.indices(length)[:2]
            spans.append(range(first // chunk, -(-last // chunk)))
        self.read += [
            tuple(place) for place in np.array(np.meshgrid(*spans)).reshape(len(spans), -1).T
        ]
        return self._values[index]


def numbered(shape, dtype=np.int64):
    return np.arange(prod(shape)).reshape(shape).astype(dtype)


VIEWS = {"XY": (2, 3), "YX": (3, 2), "XZ": (1, 3), "ZY": (2, 1), "TX": (0, 3)}


@pytest.mark.parametrize("displayed", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("kind", ["numpy", "dask", "chunked"])
def test_a_region_of_any_plane(displayed, factor, kind):
    values = numbered((4, 7, 8, 9), np.float64)
    plane = shown_plane(values.shape, displayed, 4, (1, 2, 3, 4))
    index = tuple(slice(None) if a in displayed else dict(plane.hidden)[a] for a in range(4))
    seen = values[index] if displayed[0] < displayed[1] else values[index].T
    region = Region((1, seen.shape[0]), (0, seen.shape[1] - 1), factor)
    data = {
        "numpy": lambda: values,
        "dask": lambda: da.from_array(values, chunks=(1, 3, 4, 5)),
        "chunked": lambda: Chunked(values, (1, 3, 4, 5)),
    }[kind]()
    expected = block_means(seen[region.window], factor)
    np.testing.assert_allclose(read_region(data, plane, region), expected)


def test_of_the_whole_array_one_plane_is_read():
    data = Chunked(numbered((6, 5, 40, 60)), (1, 1, 16, 16))
    plane = shown_plane(data.shape, (2, 3), 4, (3, 2, 0, 0))
    read_region(data, plane)
    assert len(data.read) == 3 * 4
    assert {place[:2] for place in data.read} == {(3, 2)}


def test_of_the_plane_the_chunks_of_the_region_are_read():
    data = Chunked(numbered((6, 64, 96)), (1, 16, 16))
    plane = shown_plane(data.shape, (2, 1), 3, (3, 0, 0))
    region = Region((33, 47), (16, 31))
    np.testing.assert_array_equal(
        read_region(data, plane, region), data._values[3, 16:31, 33:47].T
    )
    assert data.read == [(3, 1, 2)]


def test_a_plane_across_the_chunks_reads_those_it_cuts():
    data = Chunked(numbered((6, 64, 96)), (1, 16, 16))
    read_region(data, shown_plane(data.shape, (0, 2), 3, (0, 20, 0)))
    assert len(data.read) == 6 * 6
    assert {place[1] for place in data.read} == {1}


@pytest.mark.parametrize("displayed", [(1, 2), (2, 1)])
def test_a_reduced_plane_reads_each_chunk_once_in_bands(displayed, monkeypatch):
    monkeypatch.setattr(reading, "_BAND_BYTES", 3 * 96 * 8)
    data = Chunked(numbered((6, 64, 96)), (1, 16, 16))
    plane = shown_plane(data.shape, displayed, 3, (3, 0, 0))
    bands = []
    monkeypatch.setattr(
        reading, "_read", lambda *given, _read=reading._read: bands.append(given) or _read(*given)
    )
    found = read_region(data, plane, whole_plane(plane.size, 500))
    seen = data._values[3] if displayed == (1, 2) else data._values[3].T
    np.testing.assert_array_equal(found, np.rint(block_means(seen, 4)))
    assert len(bands) == plane.size[0] // 16
    assert len(data.read) == len(set(data.read)) == 4 * 6


def test_bands_begin_with_chunks_wherever_the_region_begins(monkeypatch):
    monkeypatch.setattr(reading, "_BAND_BYTES", 1)
    data = Chunked(numbered((64, 96)), (16, 16))
    region = Region((5, 60), (3, 90), 3)
    found = read_region(data, Plane((64, 96), (0, 1)), region)
    np.testing.assert_array_equal(found, np.rint(block_means(data._values[region.window], 3)))
    assert len(data.read) == len(set(data.read)) == 4 * 6


def test_dask_computes_the_chunks_of_the_region_only():
    read = []

    def block(block_info):
        read.append(block_info[None]["chunk-location"])
        return np.ones((1, 10, 10), np.uint16)

    chunks = ((1,) * 5, (10,) * 8, (10,) * 8)
    data = da.map_blocks(block, chunks=chunks, dtype=np.uint16, meta=np.ones((0, 0, 0), np.uint16))
    plane = shown_plane(data.shape, (1, 2), 3, (2, 0, 0))
    read_region(data, plane, Region((12, 28), (35, 45)))
    assert sorted(read) == [(2, row, column) for row in (1, 2) for column in (3, 4)]
    read.clear()
    assert (read_region(data, plane, Region((0, 80), (0, 80), 16)) == 1).all()
    assert sorted(read) == [(2, row, column) for row in range(8) for column in range(8)]


def test_zarr_reads_the_chunks_of_the_region_only():
    import zarr

    read = []

    class Counting(zarr.storage.MemoryStore):
        async def get(self, key, *given, **more):
            read.append(key)
            return await super().get(key, *given, **more)

    values = numbered((5, 80, 80), np.uint16)
    store = Counting()
    array = zarr.create_array(store, shape=values.shape, chunks=(1, 10, 10), dtype=values.dtype)
    array[:] = values
    plane = shown_plane(array.shape, (2, 1), 3, (2, 0, 0))
    read.clear()
    region = Region((35, 45), (12, 28))
    np.testing.assert_array_equal(read_region(array, plane, region), values[2, 12:28, 35:45].T)
    chunks = sorted(key for key in read if key.startswith("c/"))
    assert chunks == ["c/2/1/3", "c/2/1/4", "c/2/2/3", "c/2/2/4"]
    read.clear()
    read_region(array, plane, Region((0, 80), (0, 80), 8))
    assert sorted(key for key in read if key.startswith("c/")) == sorted(
        f"c/2/{row}/{column}" for row in range(8) for column in range(8)
    )


@st.composite
def reductions(draw):
    size = draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    sides = []
    for length in size:
        start = draw(st.integers(0, length - 1))
        sides.append((start, draw(st.integers(start + 1, length))))
    return size, Region(*sides, draw(st.integers(1, 8))), draw(st.integers(1, 12))


@given(reductions())
def test_bands_give_the_means_of_blocks(drawn):
    size, region, chunk = drawn
    values = np.random.default_rng(0).random(size)
    data = Chunked(values, (chunk, chunk))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_BAND_BYTES", 1)
        found = read_region(data, Plane(size, (0, 1)), region)
    np.testing.assert_allclose(found, block_means(values[region.window], region.factor))


@pytest.mark.parametrize("colours", [3, 4])
def test_colours_stay_last(colours):
    values = np.random.default_rng(0).integers(0, 255, (5, 8, 9, colours)).astype(np.uint8)
    plane = shown_plane((5, 8, 9), (2, 1), 3, (2, 0, 0))
    found = read_region(values, plane, Region((1, 9), (0, 8), 2))
    assert found.dtype == np.uint8
    expected = block_means(values[2].swapaxes(0, 1)[1:], 2)
    np.testing.assert_array_equal(found, np.rint(expected))
    chunked = Chunked(values, (1, 4, 4, colours))
    np.testing.assert_array_equal(read_region(chunked, plane), values[2].swapaxes(0, 1))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", ">u2", "float32", "float64"])
def test_means_keep_the_type(dtype):
    values = np.ones((4, 6)).astype(dtype)
    found = read_region(values, Plane((4, 6), (0, 1)), Region((0, 4), (0, 6), 2))
    assert found.dtype == np.dtype(dtype)
    assert (found == 1).all()


def test_what_has_no_order_is_refused():
    with pytest.raises(InputError, match="complex128"):
        read_region(np.ones((4, 4), complex), Plane((4, 4), (0, 1)), Region((0, 4), (0, 4), 2))


def test_nothing_is_copied_of_what_is_in_memory():
    values = numbered((5, 8, 9))
    plane = shown_plane(values.shape, (1, 2), 3, (2, 0, 0))
    assert np.shares_memory(read_region(values, plane, Region((1, 5), (2, 6))), values)


def test_lengths_of_chunks():
    assert chunk_length(da.ones((10, 12), chunks=(4, 5)), 0) == 4
    assert chunk_length(Chunked(numbered((4, 4)), (2, 3)), 1) == 3
    assert chunk_length(np.ones((3, 3)), 0) == 1
