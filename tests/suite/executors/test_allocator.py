import platform
import subprocess
import sys

import pytest

# Blocks of 24 MB come and go, as large layers' outputs do; counts the pages that it costs.
FAULTS = """
import resource, sys
import numpy as np
from suite.executors.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    return [np.ones(3_000_000) for _ in range(3)]
for _ in range(2):
    step()
before = faults()
for _ in range(10):
    step()
print((faults() - before) / 10)
"""


def faults_a_round(how: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_memory_that_comes_and_goes_is_not_asked_of_the_system_again():
    assert faults_a_round("kept") < 10 < faults_a_round("given back")
