"""What all tests share: repeatable numbers, no user settings, and the folder of real images."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from no_network import keep_weights_in

# Before torch or BLAS are loaded: one thread gives the same sums everywhere, and does not fight
# with the other processes of a small machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts background commands with Ctrl-C ignored, and their children would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Two runs of the same tests try the same examples. To look for new ones:
#   pytest --hypothesis-profile=explore
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,  # the first example compiles numba code
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("repeatable")

SHARED = "NAPARI_M2N2_SHARED"


@pytest.fixture(scope="session", autouse=True)
def _no_user_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep settings, weights and store of whoever runs the tests out of them, and the network."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("napari")
    patch.setenv("NAPARI_CONFIG", str(folder / "settings.yaml"))
    keep_weights_in(folder / "weights", patch)
    patch.setenv("HF_HUB_OFFLINE", "1")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the goldens and the real images, named by an environment variable."""
    folder = os.environ.get(SHARED)
    if not folder:
        pytest.skip(f"needs the shared images: set {SHARED} to their folder")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"{SHARED} is set to {folder}, which is not a folder")
    return path
