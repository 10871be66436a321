"""Carrying objects on through a stack of known content, without a window."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.annotation.volume import Limits
from napari_m2n2.progress import ignore

SIZE = (40, 50)
RADII = (0, 0, 6, 8, 9, 10, 9, 8, 6, 0, 0, 0)


class Bright:
    """A method that outlines what is brighter than the middle, whatever the prompts."""

    def __init__(self, settings):
        self.grid, self.device, self.rgb = (64, 64), "cpu", None

    def set_image(self, image, *, contrast=None, progress=ignore):
        progress("attention", 0.5)
        self._mask = image > 0.5

    def segment(self, points, labels, *, progress=ignore, **more):
        progress("Markov map", 0.5)
        mask = self._mask.copy()
        return SimpleNamespace(
            mask=mask,
            score=np.where(mask, 1, -1).astype(np.float32),
            timings={},
            thresholds=np.full(len(points), 0.5),
        )


def stack(radii=RADII, row=20, column=25):
    rows, columns = np.indices(SIZE)
    away = np.hypot(rows - row, columns - column)
    return np.stack([(away <= radius) if radius else np.zeros(SIZE, bool) for radius in radii])


class Tasks:
    """A runner whose tasks are worked when the test says so."""

    def __init__(self):
        self.waiting = []

    def __call__(self, task, report, done):
        self.waiting.append(lambda: done(task(report)))

    def work_one(self):
        self.waiting.pop(0)()


class Told:
    """What was said."""

    def __init__(self, carrying):
        self.said, self.parts = [], []
        carrying.said.connect(lambda text, failed: self.said.append((text, failed)))
        carrying.progressed.connect(lambda phase, fraction: self.parts.append(fraction))


@pytest.fixture
def make(model):
    """Return the controller and what carries on, for a stack in which plane 5 was clicked."""
    from napari_m2n2.viewer.carrying import Carrying
    from napari_m2n2.viewer.controller import Controller

    owners = []

    def make(data, click=(5, 20, 25), runner=run_now, clicking=run_now, **attributes):
        computer = Computer(Bright)
        controller = Controller(model, compute=computer, runner=clicking)
        carrying = Carrying(controller, computer, runner)
        owners.extend((carrying, controller))
        image = model.add_image(np.asarray(data, np.float32), **attributes)
        pair = controller.new_pair(image)
        model.dims.set_point(0, click[0])
        pair.prompts.add(click)
        return SimpleNamespace(
            controller=controller, carrying=carrying, pair=pair, told=Told(carrying), model=model
        )

    yield make
    for owner in owners:
        owner.close()


def planes_of(pair):
    return np.flatnonzero((pair.labels.data > 0).any(axis=(1, 2))).tolist()


def test_an_object_is_carried_on_to_its_ends_and_nothing_else_is_written(make):
    it = make(stack())
    it.carrying.carry_on()
    assert planes_of(it.pair) == [2, 3, 4, 5, 6, 7, 8]
    assert np.array_equal(it.pair.labels.data == 1, stack())
    ((text, failed),) = it.told.said
    assert not failed
    assert text == (
        "Object 1 was carried on to 6 slices: nothing was found on slice 9 of axis 0; nothing was "
        "found on slice 1 of axis 0."
    )
    assert not it.carrying.busy


def test_each_plane_is_one_step_of_undo_and_the_last_one_goes_first(make):
    it = make(stack())
    it.carrying.carry_on()
    gone = [2, 3, 4, 8, 7, 6]
    left = {2, 3, 4, 5, 6, 7, 8}
    for index in gone:
        it.controller.undo()
        left.discard(index)
        assert planes_of(it.pair) == sorted(left)
    for index in reversed(gone):
        it.controller.redo()
        left.add(index)
        assert planes_of(it.pair) == sorted(left)
    assert np.array_equal(it.pair.labels.data == 1, stack())


def test_the_table_knows_the_planes_and_how_they_were_made(make):
    it = make(stack())
    it.carrying.carry_on()
    known = it.controller.table[1]
    assert sorted(index for plane in known.planes for _, index in plane.hidden) == [*range(2, 9)]
    ways = {plane.hidden[0][1]: record.made.way for plane, record in known.records.items()}
    assert ways == {5: "prompts", **dict.fromkeys([2, 3, 4, 6, 7, 8], "propagated")}
    for plane, record in known.records.items():
        if plane.hidden[0][1] == 6:
            assert [(point.row, point.column) for point in record.points] == [(20, 25)]
            assert np.array_equal(record.start.unpack(), stack()[5])
    assert known.area == np.count_nonzero(stack())


def test_range_and_direction_are_kept(make):
    it = make(stack())
    it.carrying.carry_on(steps=(1,), limits=Limits(last=7))
    assert planes_of(it.pair) == [5, 6, 7]


def test_a_jump_ends_it_and_is_told(make):
    data = stack()
    data[7] = True  # a slice that is all bright
    it = make(data)
    it.carrying.carry_on()
    assert planes_of(it.pair) == [2, 3, 4, 5, 6]
    assert "slice 7 of axis 0 covers too little of the one before" in it.told.said[-1][0]


def test_another_object_and_what_was_painted_stay_and_are_not_grown_into(make):
    it = make(stack())
    it.pair.labels.data_setitem((np.array([7]), np.array([20]), np.array([25])), 9)
    other = np.zeros(SIZE, bool)
    other[:, :30] = True
    where = np.nonzero(other)
    it.pair.labels.data_setitem((np.full(len(where[0]), 8), *where), 7)
    it.carrying.carry_on()
    labels = it.pair.labels.data
    assert labels[7, 20, 25] == 9
    assert (labels[8][other] == 7).all()
    assert planes_of(it.pair) == [2, 3, 4, 5, 6, 7, 8]
    assert not (labels[8] == 1).any()  # what is left of it covers too little


def test_what_the_user_outlined_is_not_made_anew_and_what_was_carried_on_is(make):
    it = make(stack())
    it.carrying.carry_on(steps=(1,))
    it.carrying.carry_on(1, steps=(1,))
    assert it.told.said[-1][0].startswith("Object 1 was carried on to 3 slices")
    it.model.dims.set_point(0, 8)
    it.carrying.carry_on(1, steps=(-1,))  # over what was made, up to what was clicked
    assert it.told.said[-1][0] == (
        "Object 1 was carried on to 2 slices: it is outlined on slice 5 of axis 0 already."
    )


def test_an_object_of_the_table_is_carried_on_while_another_one_is_at_work(make):
    it = make(stack())
    it.controller.commit()
    it.pair.prompts.add((5, 2, 2))
    before = it.controller.draft_record()
    it.carrying.carry_on(1)
    assert [known.id for known in it.controller.table] == [1]
    assert it.controller.draft_record().records.keys() == before.records.keys()
    assert np.array_equal(it.controller.committed() == 1, stack())


def test_undo_while_it_is_under_way_ends_it(make):
    tasks = Tasks()
    it = make(stack(), runner=tasks)
    it.carrying.carry_on()
    tasks.work_one()  # slice 6 is written
    it.controller.undo()
    tasks.work_one()  # slice 7 was asked for before
    while tasks.waiting:
        tasks.work_one()
    assert not it.carrying.busy
    assert planes_of(it.pair) == [5]
    assert it.told.said[-1][0] == "Object 1 was carried on to 1 slice: it was undone."


def test_stop_leaves_what_is_done_and_a_new_beginning_is_possible(make):
    tasks = Tasks()
    it = make(stack(), runner=tasks)
    it.carrying.carry_on()
    tasks.work_one()
    it.carrying.stop()
    assert it.told.said[-1][0] == "Object 1 was carried on to 1 slice: it was stopped."
    assert planes_of(it.pair) == [5, 6]
    it.carrying.carry_on()
    while tasks.waiting:
        tasks.work_one()
    assert planes_of(it.pair) == [2, 3, 4, 5, 6, 7, 8]


def test_what_is_found_goes_to_the_image_it_was_begun_in(make):
    """Also where the user turns to another one, which has an object of that number, too."""
    tasks = Tasks()
    it = make(stack(), runner=tasks)
    it.carrying.carry_on()
    other = it.controller.new_pair(it.model.add_image(np.zeros(stack().shape, np.float32)))
    it.model.dims.set_point(0, 5)
    other.prompts.add((5, 20, 25))
    it.controller.commit()
    before = other.labels.data.copy()
    while tasks.waiting:
        tasks.work_one()
    assert np.array_equal(other.labels.data, before)
    assert planes_of(it.pair) == [5, 6]
    assert len(it.pair.table[1].planes) == 2
    assert it.told.said[-1][0] == ("Object 1 was carried on to 1 slice: another image is at work.")


def test_an_image_that_is_gone_is_not_written_to(make):
    tasks = Tasks()
    it = make(stack(), runner=tasks)
    it.carrying.carry_on()
    it.model.layers.remove(it.pair.image)
    while tasks.waiting:
        tasks.work_one()
    assert planes_of(it.pair) == [5]
    assert not it.carrying.busy


def test_clicks_go_first(make):
    clicks, slices = Tasks(), Tasks()
    it = make(stack(), runner=slices, clicking=clicks)
    clicks.work_one()
    it.carrying.carry_on()
    it.pair.prompts.add((5, 2, 2))
    slices.work_one()
    assert not slices.waiting
    clicks.work_one()
    assert len(slices.waiting) == 1


def test_progress_rises_to_the_end(make):
    it = make(stack())
    it.carrying.carry_on(steps=(1,))
    assert it.told.parts == sorted(it.told.parts)
    assert 0 <= it.told.parts[0] < it.told.parts[-1] <= 1


@pytest.mark.parametrize(
    ("click", "words"),
    [((5, 20, 25), "is not on slice 0 of axis 0")],
)
def test_a_slice_without_the_object_is_said(make, click, words):
    it = make(stack(), click)
    it.controller.commit()
    it.model.dims.set_point(0, 0)
    it.carrying.carry_on(1)
    text, failed = it.told.said[-1]
    assert failed
    assert words in text


def test_a_single_plane_and_an_empty_table_are_said(make):
    it = make(stack()[5], click=(20, 25))
    it.carrying.carry_on()
    assert "no other slice" in it.told.said[-1][0]
    it.controller.undo()
    it.controller.clear_prompts()
    it.carrying.carry_on()
    assert it.told.said[-1] == (
        "There is no object to go on with; outline one and commit it.",
        True,
    )


# ------------------------------------------------------------------ filling between
def outlined_on(make, indices, radii=RADII):
    it = make(stack(radii), click=(indices[0], 20, 25))
    for index in indices[1:]:
        it.model.dims.set_point(0, index)
        it.pair.prompts.add((index, 20, 25))
    return it


def test_slices_between_are_filled_in_one_step(make):
    it = outlined_on(make, (2, 5, 8))
    it.carrying.fill_between()
    assert planes_of(it.pair) == [2, 3, 4, 5, 6, 7, 8]
    assert it.told.said == [("Object 1 was filled in on 4 slices.", False)]
    both = np.count_nonzero((it.pair.labels.data > 0) & stack())
    assert both / np.count_nonzero((it.pair.labels.data > 0) | stack()) > 0.85
    made = {p.hidden[0][1]: r.made.way for p, r in it.controller.table[1].records.items()}
    assert made[3] == made[6] == "interpolated"
    it.controller.undo()
    assert planes_of(it.pair) == [2, 5, 8]


def test_they_are_fitted_to_the_image_where_it_agrees(make):
    it = outlined_on(make, (3, 7))
    image = it.pair.image.data
    image[6] = 1.0  # where it does not
    it.pair.image.data = image
    it.carrying.fill_between(refit=True)
    labels = it.pair.labels.data
    for index in (4, 5):
        assert np.array_equal(labels[index] == 1, stack()[index])
    assert 0 < np.count_nonzero(labels[6]) < 400
    assert it.told.said[-1][0].startswith(
        "Object 1 was fitted to the image on 2 slices: on slice 6 "
    )


def test_nothing_to_fill_is_said(make):
    it = outlined_on(make, (4, 5))
    it.carrying.fill_between()
    text, failed = it.told.said[-1]
    assert failed
    assert text.startswith("There is nothing to fill between;")


def test_the_settings_of_the_window_are_those_that_it_is_made_with(make):
    it = make(stack())
    it.controller.state.settings = Settings(method="mis")
    it.carrying.carry_on(steps=(1,), limits=Limits(last=6))
    made = {p.hidden[0][1]: r.made for p, r in it.controller.table[1].records.items()}
    assert made[6].method == "mis"
