import importlib
import subprocess
import sys

import pytest

from suite.datasets import DATASETS, dataset_spec
from suite.errors import UnknownNameError


def test_registry_imports_no_torch():
    code = "import sys, suite.datasets; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("spec", DATASETS.values(), ids=DATASETS)
def test_every_definition_is_sound(spec):
    assert callable(importlib.import_module(spec.module).load)
    assert list(spec.targets) == sorted(set(spec.targets))
    assert all(1 / spec.classes < target < 1 for target in spec.targets)
    assert 0 < spec.validation_images < spec.train_images
    assert spec.validation_images % spec.classes == 0 or not spec.stratified
    assert spec.targets_why
    assert spec.source


def test_unknown_dataset_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'minst': did you mean mnist"):
        dataset_spec("minst")
