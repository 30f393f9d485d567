"""A short run of the fuzzer; `python -m tests.presets.fuzz_presets` is the long one."""

import pytest

from tests.presets import fuzz_presets


@pytest.mark.slow
def test_damaged_presets_load_or_are_refused():
    outcomes = fuzz_presets.run(first=0, count=200)
    assert outcomes["FAILED"] == 0
    assert outcomes["loaded"] > 20
    assert outcomes["refused"] > 50
    assert sum(outcomes.values()) == 200
