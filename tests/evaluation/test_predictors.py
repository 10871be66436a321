from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_m2n2 import Segmenter
from napari_m2n2.errors import InputError
from napari_m2n2.evaluation import predictors
from napari_m2n2.evaluation.predictors import PEERS, create
from napari_m2n2.evaluation.runs import Settings
from napari_m2n2.segmentation.parameters import METHODS

WITHOUT_WEIGHTS = [name for name in predictors.names() if name != "sam"]


def settings(method, **others):
    return Settings(method=method, device="cpu", **others)


def test_names_are_our_methods_and_the_peers():
    assert predictors.names() == (*METHODS, *PEERS)
    assert len(set(predictors.names())) == len(predictors.names())


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_every_method_can_be_made_and_clicked(method):
    grid = {} if method in PEERS else {"grid": 8}
    predictor = create(settings(method, **grid))
    image = (
        np.random.default_rng(0).integers(0, 256, (3, 20, 24), dtype=np.uint8).transpose(1, 2, 0)
    )
    predictor.set_image(image, channels=(0, 1), contrast=(0, 200))
    result = predictor.segment([(10, 12), (1, 1)], [True, False])
    assert result.mask.shape == (20, 24)
    assert result.mask.dtype == bool
    assert {"maps", "score", "total"} <= set(result.timings)


def test_settings_reach_the_segmenter():
    made = create(settings("kl-nn", preset="published", grid=9, parameters={"tau": 0.25}))
    assert isinstance(made, Segmenter)
    assert (made.method, made.preset) == ("kl-nn", "published")
    assert (made.parameters.grid, made.parameters.tau) == (9, 0.25)


def test_settings_reach_the_peer():
    made = create(settings("geodesic", parameters={"gamma": 5, "radius": 1.5}))
    assert (made.method.gamma, made.method.radius) == (5, 1.5)


def test_an_unknown_method_is_told_which_there_are():
    with pytest.raises(InputError, match="'magic' is unknown") as raised:
        create(settings("magic"))
    assert all(name in str(raised.value) for name in predictors.names())


@pytest.mark.parametrize("method", PEERS)
def test_an_unknown_parameter_is_told_which_there_are(method):
    with pytest.raises(InputError, match=rf"^The parameter 'tau' of {method} is unknown; there"):
        create(settings(method, parameters={"tau": 0.3}))


def test_listing_the_methods_loads_nothing_heavy():
    program = (
        "import sys; from napari_m2n2.evaluation.predictors import names; names(); "
        "heavy = {'torch', 'skimage', 'scipy', 'cv2', 'numba', 'numpy', 'transformers'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
