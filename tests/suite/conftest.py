import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Folder with MNIST and Fashion-MNIST in torchvision's layout; the test is skipped without."""
    named = os.environ.get("BATCHNORM_BENCH_DATA")
    beside = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(named) if named else beside
    if not all((folder / name / "raw").is_dir() for name in ("MNIST", "FashionMNIST")):
        pytest.skip("no MNIST and Fashion-MNIST on disk; set BATCHNORM_BENCH_DATA")
    return folder
