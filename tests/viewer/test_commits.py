"""Objects of one image: committed, undone, opened again, deleted and merged, in one layer."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord

from .conftest import disc

SIZE = (40, 60)


@pytest.fixture
def pair(begin):
    return begin(np.random.default_rng(0).random(SIZE), name="noise")


def values(*discs):
    """Return labels of discs: (value, centres...)."""
    labels = np.zeros(SIZE, np.uint16)
    for value, *centres in discs:
        labels[disc(SIZE, *centres) & (labels == 0)] = value
    return labels


def commit(controller, pair, *points):
    for point in points:
        pair.prompts.add(point)
    return controller.commit()


def test_many_objects_need_four_layers(model, controller, pair):
    for column in range(8, 50, 5):
        commit(controller, pair, (20, column))
    assert [layer.name for layer in model.layers] == ["noise", "noise: labels", "noise: prompts"]
    assert [known.id for known in controller.table] == list(range(1, 10))
    assert controller.at_work == 10
    assert len(controller.pairs) == 1


def test_a_commit_is_one_step_of_the_layer_s_own_history(controller, pair):
    commit(controller, pair, (10, 20), (12, 24))
    first = pair.labels.data.copy()
    commit(controller, pair, (30, 50))
    pair.labels.undo()
    assert np.array_equal(pair.labels.data, first)
    pair.labels.undo()
    assert not pair.labels.data.any()
    pair.labels.redo()
    assert np.array_equal(pair.labels.data, first)


def test_a_commit_is_told_until_the_next_click(controller, pair, screen):
    known = commit(controller, pair, (10, 20))
    told, asked = screen.text.splitlines()
    assert told == f"Object 1 is committed, {known.area} pixels."
    assert "Click on the object" in asked
    pair.prompts.add((30, 50))
    assert "committed" not in screen.text
    controller.undo()
    controller.undo()
    assert "committed" not in screen.text


def test_what_is_committed_is_known(controller, pair):
    known = commit(controller, pair, (10, 20), (12, 24))
    assert known is controller.table[1]
    assert (known.id, known.value, known.state) == (1, 1, "done")
    assert known.area == np.count_nonzero(pair.labels.data == 1)
    assert known.prompts == known.clicks == 2
    ((plane, record),) = known.records.items()
    assert [(p.row, p.column) for p in record.points] == [(10, 20), (12, 24)]
    assert np.array_equal(record.mask.unpack(), disc(SIZE, (10, 20), (12, 24)))
    assert record.made.backbone == "texture"
    assert plane.size == SIZE
    assert len(pair.prompts.data) == 0


@pytest.mark.parametrize("after", ["nothing", "a stroke"])
def test_undo_of_a_commit_brings_all_back(controller, pair, after):
    commit(controller, pair, (5, 5))
    pair.prompts.add((10, 20))
    pair.prompts.add((12, 24))
    before, points = pair.labels.data.copy(), pair.prompts.data.copy()
    controller.commit()
    if after == "a stroke":
        pair.labels.selected_label = 9
        pair.labels.brush_size = 1
        pair.labels.paint((35, 5), 9)
        before[35, 5] = 9
    committed = pair.labels.data.copy()
    controller.undo()
    assert np.array_equal(pair.labels.data, before)
    assert np.array_equal(pair.prompts.data, points)
    assert controller.at_work == 2
    assert [known.id for known in controller.table] == [1]
    controller.redo()
    assert np.array_equal(pair.labels.data, committed)
    assert len(pair.prompts.data) == 0
    assert [known.id for known in controller.table] == [1, 2]
    assert controller.at_work == 3


def test_sixty_steps_back_and_forth_give_the_same_arrays(controller, pair):
    arrays, points = [pair.labels.data.copy()], [pair.prompts.data.copy()]
    rng = np.random.default_rng(3)

    def remember():
        arrays.append(pair.labels.data.copy())
        points.append(pair.prompts.data.copy())

    for step in range(60):
        if step % 4 == 3:
            assert controller.commit() is not None
        else:
            pair.prompts.add(rng.integers(0, SIZE))
        remember()
    for step in range(59, -1, -1):
        controller.undo()
        assert np.array_equal(pair.labels.data, arrays[step]), step
        assert np.array_equal(pair.prompts.data, points[step]), step
    for step in range(1, 61):
        controller.redo()
        assert np.array_equal(pair.labels.data, arrays[step]), step
        assert np.array_equal(pair.prompts.data, points[step]), step


def test_undo_in_the_labels_is_followed_by_the_table(controller, pair):
    commit(controller, pair, (10, 20))
    commit(controller, pair, (30, 50))
    pair.labels.undo()
    assert [known.id for known in controller.table] == [1]
    pair.labels.undo()
    assert not len(controller.table)
    pair.labels.redo()
    assert [known.id for known in controller.table] == [1]
    pair.prompts.add((20, 35))
    assert controller.commit().id == 3
    assert np.array_equal(pair.labels.data, values((1, (10, 20)), (3, (20, 35))))


def test_undo_in_the_labels_with_a_preview_there(controller, pair):
    commit(controller, pair, (10, 20))
    pair.prompts.add((10, 22))
    pair.labels.undo()
    assert not len(controller.table)
    assert not (pair.labels.data == 1).any()
    pair.labels.redo()
    assert [known.id for known in controller.table] == [1]
    assert np.array_equal(pair.labels.data == 1, disc(SIZE, (10, 20)))


def test_a_commit_undone_in_the_labels_can_be_undone_here_too(controller, pair):
    pair.prompts.add((10, 20))
    before = pair.labels.data.copy()
    controller.commit()
    pair.labels.undo()
    controller.undo()
    assert np.array_equal(pair.labels.data, before)
    assert len(pair.prompts.data) == 1
    assert controller.commit().id == 1


def test_what_was_undone_in_the_labels_is_no_step_here_any_more(controller, pair, screen):
    """One press of Undo undoes something, or says that there is nothing."""
    commit(controller, pair, (10, 20))
    commit(controller, pair, (30, 50))
    both = pair.labels.data.copy()
    controller.rename(1, "first")
    controller.delete(2)
    pair.labels.undo()
    assert np.array_equal(pair.labels.data, both)
    controller.undo()
    assert controller.table[1].name == ""
    assert np.array_equal(pair.labels.data, both)
    pair.labels.redo()
    controller.redo()
    controller.redo()
    assert controller.table[1].name == "first"
    assert [known.id for known in controller.table] == [1]
    controller.redo()
    assert screen.text == "There is nothing to do again."


def test_an_object_is_opened_again_with_its_prompts(controller, pair, discs):
    commit(controller, pair, (10, 20), (12, 24))
    commit(controller, pair, (30, 50))
    committed, asked = pair.labels.data.copy(), len(discs.clicks)
    controller.reopen(1)
    assert np.array_equal(pair.labels.data, committed)
    assert pair.prompts.data.tolist() == [[10, 20], [12, 24]]
    assert len(discs.clicks) == asked
    assert controller.at_work == 1
    controller.take_back()
    assert np.array_equal(pair.labels.data, values((1, (10, 20)), (2, (30, 50))))
    assert controller.commit().area == disc(SIZE, (10, 20)).sum()
    assert controller.at_work == 3
    for _ in range(3):
        controller.undo()
    assert np.array_equal(pair.labels.data, committed)
    assert controller.at_work == 3
    assert len(pair.prompts.data) == 0


def test_what_is_at_work_is_committed_before_another_is_opened(controller, pair):
    commit(controller, pair, (10, 20))
    pair.prompts.add((30, 50))
    controller.reopen(1)
    assert [known.id for known in controller.table] == [1, 2]
    assert controller.at_work == 1


def test_deletion_and_its_undo(controller, pair):
    commit(controller, pair, (10, 20))
    commit(controller, pair, (30, 50))
    both = pair.labels.data.copy()
    pair.prompts.add((20, 35))
    shown = pair.labels.data.copy()
    controller.delete(1, 2)
    assert np.array_equal(pair.labels.data, values((3, (20, 35))))
    assert not len(controller.table)
    controller.undo()
    assert np.array_equal(pair.labels.data, shown)
    assert [known.id for known in controller.table] == [1, 2]
    controller.undo()
    assert np.array_equal(pair.labels.data, both)


def test_numbers_are_not_given_twice(controller, pair):
    commit(controller, pair, (10, 20))
    controller.delete(1)
    assert commit(controller, pair, (30, 50)).id == 2


def test_the_object_at_work_can_be_deleted(controller, pair):
    commit(controller, pair, (10, 20))
    controller.reopen(1)
    pair.prompts.add((30, 50))
    shown = pair.labels.data.copy()
    controller.delete(1)
    assert not pair.labels.data.any()
    assert controller.at_work == 2
    controller.undo()
    assert np.array_equal(pair.labels.data, shown)
    assert controller.at_work == 1
    assert len(pair.prompts.data) == 2


def test_merging_and_its_undo(controller, pair):
    for point in ((10, 20), (30, 50), (20, 35)):
        commit(controller, pair, point)
    three = pair.labels.data.copy()
    controller.merge((2, 3))
    expected = values((1, (10, 20)), (2, (30, 50), (20, 35)))
    assert np.array_equal(pair.labels.data, expected)
    assert [known.id for known in controller.table] == [1, 2]
    assert controller.table[2].area == (expected == 2).sum()
    controller.undo()
    assert np.array_equal(pair.labels.data, three)
    assert {known.id for known in controller.table} == {1, 2, 3}


def test_names_and_states_can_be_undone(controller, pair):
    commit(controller, pair, (10, 20))
    controller.rename(1, " a  nucleus ")
    controller.set_state_of(1, "flagged")
    assert (controller.table[1].name, controller.table[1].state) == ("a nucleus", "flagged")
    controller.undo()
    controller.undo()
    assert (controller.table[1].name, controller.table[1].state) == ("", "done")


@pytest.mark.parametrize("overwrite", [False, True])
def test_others_are_kept_or_overwritten_as_the_user_wants(controller, pair, overwrite):
    commit(controller, pair, (10, 20))
    before = controller.table[1].area
    controller.state.overwrite = overwrite
    pair.prompts.add((10, 24))
    controller.state.overwrite = not overwrite
    controller.state.overwrite = overwrite
    first, second = disc(SIZE, (10, 20)), disc(SIZE, (10, 24))
    controller.commit()
    both = (first & second).sum()
    assert (pair.labels.data == 2).sum() == second.sum() - (0 if overwrite else both)
    assert controller.table[1].area == before - (both if overwrite else 0)
    controller.undo()
    controller.undo()
    assert np.array_equal(pair.labels.data, values((1, (10, 20))))
    assert controller.table[1].area == before


def test_semantic_objects_share_a_class(controller, pair):
    controller.state.semantic = True
    controller.state.class_value = 4
    commit(controller, pair, (10, 20))
    pair.prompts.add((30, 50))
    controller.state.class_value = 7
    assert (pair.labels.data == 7).sum() == disc(SIZE, (30, 50)).sum()
    controller.state.class_value = 4
    controller.commit()
    assert np.array_equal(pair.labels.data, 4 * values((1, (10, 20), (30, 50))))
    assert [known.id for known in controller.table] == [1, 2]
    controller.reopen(2)
    pair.prompts.add((20, 35))
    controller.commit()
    controller.delete(1)
    assert np.array_equal(pair.labels.data, values((4, (30, 50), (20, 35))))
    controller.state.semantic = False
    assert controller.at_work not in (4, 0)


def test_nothing_is_committed_without_an_outline(controller, pair, screen):
    assert controller.commit() is None
    assert "nothing to commit" in screen.text
    controller.state.foreground = False
    pair.prompts.add((10, 20))
    assert controller.commit() is None
    assert "Nothing is outlined" in screen.text
    assert len(pair.prompts.data) == 1


def test_an_object_on_many_planes_is_one_step(begin, model, controller, screen):
    pair = begin(np.random.default_rng(0).random((6, 40, 60)))
    for z in (1, 2, 4):
        model.dims.current_step = (z, 0, 0)
        pair.prompts.add((z, 10, 20))
    shown = pair.labels.data.copy()
    known = controller.commit()
    assert [plane.hidden[0][1] for plane in known.planes] == [1, 2, 4]
    pair.labels.undo()
    assert not pair.labels.data.any()
    pair.labels.redo()
    controller.undo()
    assert np.array_equal(pair.labels.data, shown)
    assert "slice 1 of axis 0, slice 2 of axis 0" in screen.text
    model.dims.current_step = (5, 0, 0)
    controller.undo()
    assert "slice 4 of axis 0" in screen.text
    assert not pair.labels.data[4].any()
    controller.redo()
    assert np.array_equal(pair.labels.data, shown)


def test_labels_full_of_numbers_are_a_sentence(model, controller, screen):
    model.add_image(np.zeros(SIZE))
    labels = np.zeros(SIZE, np.uint8)
    labels.reshape(-1)[:255] = np.arange(1, 256)
    model.add_labels(labels)
    pair = controller.refine(7)
    assert pair is not None
    controller.commit()
    pair.prompts.add((30, 50))
    assert controller.commit() is None
    assert "All 255 numbers" in screen.text


def test_numbers_begin_above_those_of_the_layer(model, controller):
    model.add_image(np.zeros(SIZE))
    model.add_labels(values((5, (10, 20)), (9, (30, 50))))
    pair = controller.refine(5)
    pair.prompts.add((12, 22))
    controller.commit()
    assert controller.at_work == 10


def test_what_is_painted_counts_for_the_table(controller, pair):
    commit(controller, pair, (10, 20))
    area = controller.table[1].area
    pair.labels.brush_size = 1
    pair.labels.paint((35, 5), 1)
    pair.labels.paint((10, 20), 0)
    pair.labels.paint((10, 21), 0)
    assert controller.table[1].area == area - 1
    pair.labels.undo()
    assert controller.table[1].area == area


def test_an_object_made_elsewhere_is_added(controller, pair):
    commit(controller, pair, (10, 20))
    pair.prompts.add((30, 50))
    plane = controller.shown()
    mask = disc(SIZE, (12, 22))
    record = PlaneRecord(mask=Mask.pack(mask), made=Provenance(way="drawn"))
    before = pair.labels.data.copy()
    added = controller.add_object({plane: record}, name="a proposal")
    assert added.id == 3
    assert np.array_equal(pair.labels.data == 3, mask & (before == 0))
    assert added.area == (pair.labels.data == 3).sum()
    assert controller.commit().id == 2
    controller.undo()
    controller.undo()
    assert np.array_equal(pair.labels.data, before)
    assert len(pair.prompts.data) == 1


def test_clearing_prompts_is_one_step(begin, model, controller):
    pair = begin(np.random.default_rng(0).random((6, 40, 60)))
    for z in (1, 2):
        model.dims.current_step = (z, 0, 0)
        pair.prompts.add((z, 10, 20))
    both = pair.labels.data.copy()
    controller.clear_prompts()
    assert not pair.labels.data[2].any()
    assert pair.labels.data[1].any()
    controller.undo()
    assert np.array_equal(pair.labels.data, both)
    controller.clear_prompts(all_planes=True)
    assert not pair.labels.data.any()
    controller.undo()
    assert np.array_equal(pair.labels.data, both)


def test_going_to_an_object_shows_its_plane(begin, model, controller):
    pair = begin(np.random.default_rng(0).random((6, 40, 60)), scale=(2, 1, 1))
    model.dims.set_point(0, 2 * 3)
    pair.prompts.add((3, 10, 20))
    controller.commit()
    model.dims.set_point(0, 0)
    controller.go_to(1)
    assert controller.shown().hidden == ((0, 3),)


def test_a_label_that_was_painted_by_hand_becomes_an_object(controller, pair, model):
    commit(controller, pair, (10, 20))
    pair.labels.brush_size = 5
    pair.labels.paint((30, 50), 6)
    assert controller.at_work == 2
    model.layers.selection.active = pair.labels
    assert controller.refine(6) is pair
    assert controller.at_work == 6
    pair.prompts.add((30, 45))
    controller.commit()
    assert controller.table[6].area == disc(SIZE, (30, 45)).sum()
    assert controller.at_work == 7


def test_labels_of_somebody_else_are_used_for_the_next_objects(controller, model):
    image = model.add_image(np.zeros(SIZE))
    theirs = model.add_labels(values((5, (10, 20))))
    pair = controller.use_labels(theirs)
    assert (pair.image, pair.labels) == (image, theirs)
    assert controller.at_work == 6
    commit(controller, pair, (30, 50))
    assert np.array_equal(theirs.data, values((5, (10, 20)), (6, (30, 50))))
    assert controller.new_pair(image) is pair
    assert not any(layer.name.endswith(": labels") for layer in model.layers)


def test_planes_given_to_an_object_are_one_step_each_or_one_together(begin, model, controller):
    pair = begin(np.random.default_rng(0).random((6, 40, 60)))
    model.dims.current_step = (1, 0, 0)
    commit(controller, pair, (1, 10, 20))
    before = pair.labels.data.copy()
    mask = Mask.pack(disc(SIZE, (12, 22)))
    with controller.history.group("propagation of object 1"):
        for z in (2, 3):
            plane = Plane(pair.shape, (1, 2), ((0, z),))
            assert controller.write_planes(1, {plane: PlaneRecord(mask=mask)})
    assert np.array_equal(pair.labels.data[3] == 1, disc(SIZE, (12, 22)))
    assert len(controller.table[1].planes) == 3
    controller.undo()
    assert np.array_equal(pair.labels.data, before)
    assert len(controller.table[1].planes) == 1
    controller.redo()
    assert controller.table[1].area == np.count_nonzero(pair.labels.data)


def test_a_box_comes_back_with_the_object(controller, pair, model):
    controller.next_tool()
    pair.shapes.add_rectangles([[5, 10], [15, 30]])
    pair.prompts.add((10, 20))
    known = controller.commit()
    assert known.prompts == 2
    assert len(pair.shapes.data) == 0
    model.layers.remove(pair.shapes)
    controller.undo()
    assert pair.shapes in model.layers
    assert len(pair.prompts_on(controller.shown()).boxes) == 1
    controller.redo()
    controller.reopen(1)
    boxes = pair.prompts_on(controller.shown()).boxes
    assert boxes.tolist() == [[5, 10, 15, 30]]


def test_a_session_is_gone_back_to(controller, pair, model):
    commit(controller, pair, (10, 20))
    commit(controller, pair, (30, 50))
    pair.prompts.add((20, 35))
    labels, content, draft = controller.committed(), pair.table.content, controller.draft_record()
    shown = pair.labels.data.copy()
    assert np.array_equal(labels, values((1, (10, 20)), (2, (30, 50))))
    other = model.add_image(np.random.default_rng(0).random(SIZE))
    again = controller.restore(other, content, labels, draft, used=(9,))
    assert np.array_equal(again.labels.data, shown)
    assert again.table.content == content
    assert again.prompts.data.tolist() == [[20, 35]]
    assert controller.history.next_undo is None
    assert controller.commit().id == 3
    assert controller.at_work == 10


def test_objects_outlive_a_layer_of_prompts_that_was_removed(controller, pair, model):
    commit(controller, pair, (10, 20))
    controller.rename(1, "nucleus")
    commit(controller, pair, (30, 50))
    controller.delete(2)
    pair.prompts.add((20, 35))
    model.layers.remove(pair.prompts)
    assert controller.pairs == ()
    again = controller.new_pair(pair.image)
    assert again.labels is pair.labels
    assert [(known.id, known.name) for known in controller.table] == [(1, "nucleus"), (3, "")]
    assert controller.at_work == 4
    controller.reopen(1)
    assert again.prompts.data.tolist() == [[10, 20]]


def test_a_stroke_that_is_under_way_is_not_taken_back_with_a_preview(pair):
    pair.prompts.add((10, 20))
    pair.labels.data[10, 20] = 9  # the paint event comes when the mouse is let go
    pair.prompts.add((30, 50))
    assert pair.labels.data[10, 20] == 9


@pytest.mark.parametrize(
    "attributes",
    [
        {"scale": (0.5, 2.0), "translate": (3, -7)},
        {"rotate": 30, "shear": [0.2]},
        {"affine": [[0, 1.5, 4], [-1.5, 0, 2], [0, 0, 1]]},
    ],
)
def test_prompts_come_back_to_their_place_however_the_image_lies(
    begin, controller, discs, attributes
):
    pair = begin(np.random.default_rng(0).random(SIZE), **attributes)
    commit(controller, pair, (10, 20), (12, 24))
    asked = discs.clicks[-1]
    controller.reopen(1)
    assert np.allclose(pair.prompts.data, [[10, 20], [12, 24]])
    pair.prompts.add((30, 50))
    assert np.allclose(discs.clicks[-1][0], [*asked[0], (30, 50)])
    assert np.array_equal(pair.labels.data == 1, disc(SIZE, (10, 20), (12, 24), (30, 50)))


def test_prompts_come_back_with_every_channel(model, controller, discs):
    image = model.add_image(np.random.default_rng(0).random((4, *SIZE)))
    controller.state.image = image
    controller.state.channel_axis = 0
    pair = controller.new_pair(image)
    model.dims.current_step = (2, 0, 0)
    pair.prompts.add((0, 10, 20))
    controller.commit()
    model.dims.current_step = (3, 0, 0)
    controller.reopen(1)
    assert np.allclose(pair.prompts_on(controller.shown()).points, [[10, 20]])
    assert pair.prompts.get_value((3.0, 10.0, 20.0), world=True, dims_displayed=[1, 2]) is not None


def test_a_plane_seen_from_the_side_is_gone_to_and_opened_from_there(begin, model, controller):
    pair = begin(np.random.default_rng(0).random((16, 20, 24)))
    model.dims.order = (1, 0, 2)
    model.dims.current_step = (8, 12, 0)
    pair.prompts.add((8, 12, 12))
    side = pair.labels.data.copy()
    controller.commit()
    model.dims.order = (0, 1, 2)
    controller.reopen(1)
    assert controller.shown().displayed == (0, 2)
    assert np.array_equal(pair.labels.data, side)
    controller.take_back()
    assert not pair.labels.data.any()
