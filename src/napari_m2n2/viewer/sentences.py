"""What the window says, in one place."""

from __future__ import annotations

from collections.abc import Sequence

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts

NO_IMAGE = "Open an image to begin."
NO_PAIR = "Choose an image and press “New object”."
STOPPED = "Stopped; place, move or remove a point to start again."
NO_FOREGROUND = "Nothing is outlined without a foreground point; place one on the object."
BOUNDED = (
    "The last click changed little, since it is close to the outline or other clicks outweigh it; "
    "click in the middle of what is wrong, or once more beside it, to change more."
)
NO_MEMORY_FOR_LABELS = (
    "There is not enough memory for labels of this image; crop it or close other programs."
)
COMMIT_WAITS = "The object is committed as soon as its outline is ready."
NOTHING_TO_COMMIT = "There is nothing to commit; click on an object first."
NO_OUTLINE = "Nothing is outlined that could be committed; place a foreground point on the object."
NOTHING_TO_UNDO = "There is nothing to undo."
NOTHING_TO_REDO = "There is nothing to do again."
REOPENED = "{name} is open again: click on what it lacks, or where it goes too far."
NOTHING_TO_SAVE = "Nothing to save yet."
NO_PLACE_TO_SAVE = "Not saved: this image is in no file; choose a folder for its session."
NOT_SAVED_BY_ITSELF = "Not saved by itself; press “Save now”."
SESSION_FOUND = "There is a session of this image ({name}): resume it, or begin anew."
FOLDER_DONE = "All images of this folder are finished."
OTHERS_DONE = "All other images of this folder are finished."
REFINING = "Refining label {label}: click on what it lacks, or where it goes too far."
GONE = "A layer of this object was removed; what is left of it stays as it is."


def place_a_point(plane: Plane) -> str:
    """Tell what to do on a plane without points."""
    where = f" on {plane.name}" if plane.name else ""
    return f"Click on the object{where}: each point outlines it anew."


def working(plane: Plane) -> str:
    """Tell that a plane is being segmented."""
    return f"Working on {plane.name} …" if plane.name else "Working …"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    if count != 1:
        noun += "es" if noun.endswith("x") else "s"
    return f"{count} {noun}"


def counted_prompts(prompts: PlanePrompts) -> str:
    """Return how many prompts there are of each kind, if there are any."""
    kinds = (
        (len(prompts.points), "point"),
        (len(prompts.boxes), "box"),
        (len(prompts.scribbles), "scribble"),
        (len(prompts.lassos), "lasso"),
        (len(prompts.excluded), "excluded area"),
    )
    *parts, last = [
        *(counted(count, noun) for count, noun in kinds if count),
        *(() if prompts.start is None else ("what was there",)),
    ]
    return f"{', '.join(parts)} and {last}" if parts else last


def outlined(plane: Plane, outcome: Segmented, prompts: PlanePrompts) -> str:
    """Tell what the last click did and what it cost."""
    if not prompts.foreground:
        return NO_FOREGROUND
    text = f"Outlined from {counted_prompts(prompts)}"
    if plane.name:
        text += f" on {plane.name}"
    if "total" in outcome.seconds:
        seconds = outcome.seconds["total"]
        text += f" in {seconds:.2f} s" if seconds >= 0.005 else " at once"
    if outcome.grid != (0, 0):
        text += f", grid {outcome.grid[0]} × {outcome.grid[1]}, {outcome.device}"
    if outcome.weights:
        text += f", {outcome.weights}"
    return f"{text}. {BOUNDED}" if outcome.bounded else f"{text}."


def on_the_processor(backbone: str) -> str:
    """Tell what is slow, and what to do, while the processor stands in for a GPU."""
    return (
        f"There is no GPU in use: {backbone} runs on the processor, where the first click on a "
        "plane can take minutes. Choose the backbone “texture”, or a computer with a GPU."
    )


def outside(count: int) -> str:
    """Tell how many points were left out; empty if none."""
    if not count:
        return ""
    lie, were = ("lies", "was") if count == 1 else ("lie", "were")
    return f"{counted(count, 'point')} {lie} beside the image and {were} left out."


def left_out(count: int) -> str:
    """Tell how many prompts the region left out; empty if none."""
    if not count:
        return ""
    lie, were = ("lies", "was") if count == 1 else ("lie", "were")
    return f"{counted(count, 'prompt')} {lie} outside the region and {were} left out."


def kept(count: int) -> str:
    """Tell how many pixels of the mask could not be written; empty if none."""
    if not count:
        return ""
    stay = "stays as it is" if count == 1 else "stay as they are"
    return f"{counted(count, 'pixel')} painted by hand or of another object {stay}."


def named(known: AnnotatedObject) -> str:
    """Return what to call an object at the beginning of a sentence."""
    return f"“{known.name}”" if known.name else f"Object {known.id}"


def committed(known: AnnotatedObject) -> str:
    """Tell that an object was written for good."""
    return f"{named(known)} is committed, {counted(known.area, 'pixel')}."


def numbered(numbers: Sequence[int]) -> str:
    """Return the numbers of objects, with their noun."""
    if len(numbers) == 1:
        return f"object {numbers[0]}"
    return f"objects {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def sharing(numbers: Sequence[int], value: int) -> str:
    """Tell which objects have a number in the labels already; empty if there are none."""
    if not numbers:
        return ""
    if len(numbers) > _FEW:
        return f"{len(numbers)} objects have the number {value} already."
    have = "has" if len(numbers) == 1 else "have"
    return f"{numbered(numbers).capitalize()} {have} the number {value} already."


def changed_prompts(more: int) -> str:
    """Tell what has happened to prompts, by how many more there are now."""
    if more:
        return f"{counted(abs(more), 'prompt')} {'placed' if more > 0 else 'removed'}"
    return "change of prompts"


def gone_back(done: str, text: str, unseen: Sequence[Plane]) -> str:
    """Tell what was undone or done again, and on which planes that are not on screen."""
    where = [plane.name for plane in unseen if plane.name]
    if not where:
        return f"{done}: {text}."
    if len(where) > _FEW:
        where = [*where[:_FEW], f"{len(where) - _FEW} more"]
    return f"{done}: {text}, which is not all on screen: {', '.join(where)}."


_FEW = 3
"""Planes that are named in a sentence."""
