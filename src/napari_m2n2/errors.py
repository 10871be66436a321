"""The exceptions whose message is for the user: one sentence, what is wrong, what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend; the message is the sentence to show."""


class InputError(UserError, ValueError):
    """An image, prompt or parameter that cannot be used as given."""


class NoMemoryError(InputError, MemoryError):
    """Work that does not fit into the memory there is."""


class FileError(UserError, OSError):
    """A file that cannot be read or written."""


class MissingError(UserError, RuntimeError):
    """Something that has to be installed or downloaded first: weights, a package, a display."""


class Cancelled(Exception):
    """Raised from a progress callback to stop the work; nothing was changed."""


_RAN_OUT = ("out of memory", "can't allocate memory", "not enough memory")
"""What torch says: for a GPU, for a processor, and for a processor on Windows."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out; only CUDA has a class of its own for it."""
    # by its name, since nothing here may load torch
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _RAN_OUT)
