from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.markov.product import HALF_SHIFT, Bands, halved

precisions = st.sampled_from([torch.float32, torch.float64])


@given(st.integers(1, 40), st.integers(1, 12), precisions, st.integers(0, 99))
def test_push_is_a_product(count, vectors, dtype, seed):
    rng = np.random.default_rng(seed)
    matrix = torch.from_numpy(rng.random((count, count))).to(dtype)
    states = rng.standard_normal((vectors, count))
    with Bands(matrix) as bands:
        np.testing.assert_allclose(
            bands.push(states), states @ matrix.double().numpy(), atol=1e-12
        )


@given(st.integers(1, 40), precisions, st.sampled_from([np.float32, np.float64]))
def test_a_round_takes_one_pass(count, dtype, precision):
    rng = np.random.default_rng(count)
    matrix = torch.from_numpy(rng.random((count, count)) + 0.1).to(dtype)
    columns = (rng.random(count) + 0.1).astype(precision)
    with Bands(matrix) as bands:
        rows, sums = bands.balance_rows(columns)
    expected = 1 / (matrix.double().numpy() @ columns)
    assert rows.dtype == sums.dtype == precision
    np.testing.assert_allclose(rows, expected, rtol=1e-4 if precision == np.float32 else 1e-12)
    np.testing.assert_allclose(
        sums, expected @ matrix.double().numpy(), rtol=1e-4 if precision == np.float32 else 1e-12
    )


@pytest.mark.parametrize("count", [511, 512, 517, 700])
def test_bands_cover_all_rows(count):
    matrix = torch.rand(count, count, generator=torch.Generator().manual_seed(0))
    states = np.random.default_rng(0).random((3, count))
    with Bands(matrix) as bands:
        np.testing.assert_allclose(
            bands.push(states), states @ matrix.double().numpy(), rtol=1e-12
        )
        rows, sums = bands.balance_rows(np.ones(count))
    np.testing.assert_allclose(1 / rows, matrix.double().sum(1), rtol=1e-12)
    np.testing.assert_allclose(sums, rows @ matrix.double().numpy(), rtol=1e-12)


def test_sums_do_not_depend_on_the_number_of_threads():
    matrix = torch.rand(640, 640, generator=torch.Generator().manual_seed(0))
    states = np.random.default_rng(0).random((2, 640))
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with Bands(matrix) as bands:
                results.append((bands.push(states), *bands.balance_rows(np.ones(640, np.float32))))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [5, 700])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaling_takes_one_pass(count, dtype):
    matrix = np.random.default_rng(0).random((count, count)).astype(dtype)
    rows, columns = np.random.default_rng(1).random((2, count)) + 0.1
    expected = rows[:, None] * matrix * columns
    expected /= expected.sum(1, keepdims=True)
    with Bands(torch.from_numpy(matrix)) as bands:
        sums = bands.scale(rows.astype(dtype), columns.astype(dtype))
    limit = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(matrix, expected, rtol=limit)
    np.testing.assert_allclose(sums, expected.sum(0), rtol=limit)


def test_a_matrix_whose_rows_are_apart_is_taken_too():
    matrix = torch.rand(12, 24, generator=torch.Generator().manual_seed(0))[:, ::2]
    states = np.eye(12)
    with Bands(matrix) as bands:
        np.testing.assert_allclose(bands.push(states), matrix.double().numpy())


def test_what_goes_wrong_in_a_thread_is_raised():
    def fail(item):
        raise ZeroDivisionError

    with Bands(torch.eye(600)) as bands, pytest.raises(ZeroDivisionError):
        bands.each(fail, [1, 2])


@pytest.mark.parametrize("cells", [8, 600])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_each_item_is_worked_on_once(cells, count):
    done, lock = [], threading.Lock()

    def work(item):
        with lock:
            done.append(item)

    with Bands(torch.eye(cells)) as bands:
        bands.each(work, list(range(count)))
    assert sorted(done) == list(range(count))


def test_items_are_worked_on_at_the_same_time():
    meeting, before = threading.Barrier(2, timeout=30), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with Bands(torch.eye(600)) as bands:
            bands.each(lambda item: meeting.wait(), [1, 2])  # who is alone waits for ever
    finally:
        torch.set_num_threads(before)


def test_a_failure_is_raised_when_all_threads_are_done():
    finished, before = [], torch.get_num_threads()

    def work(item):
        if threading.current_thread() is threading.main_thread():
            raise ZeroDivisionError
        time.sleep(0.05)
        finished.append(item)

    try:
        torch.set_num_threads(2)
        with Bands(torch.eye(600)) as bands:
            with pytest.raises(ZeroDivisionError):
                bands.each(work, [1, 2, 3])
            assert len(finished) == 2
    finally:
        torch.set_num_threads(before)


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 99))
def test_half_precision_is_unpacked_as_torch_does(count, vectors, seed):
    rng = np.random.default_rng(seed)
    matrix = torch.from_numpy(rng.random((count, count)) * 10 ** -rng.uniform(0, 12, (count, 1)))
    half = halved(matrix)
    expected = half.double().numpy() / 2.0**HALF_SHIFT
    states = rng.standard_normal((vectors, count))
    with Bands(half) as bands:
        np.testing.assert_allclose(bands.push(states), states @ expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(expected, matrix, rtol=4.9e-4, atol=2e-9)
    assert half.nbytes * 4 == matrix.nbytes


def test_half_precision_keeps_zeros_and_ones():
    ends = torch.tensor([[1.0, 0.0], [1e-12, 1.0]])
    with Bands(halved(ends)) as bands:
        np.testing.assert_array_equal(bands.push(np.eye(2)), np.eye(2))
