"""Where tests run is told by their paths (tests/conftest.py): each of them must lead to something."""

from __future__ import annotations

import pytest

from tests.conftest import ONCE, SLOW
from tests.e2e.running import ROOT


@pytest.mark.parametrize("path", sorted({*ONCE, *SLOW}))
def test_a_path_that_decides_where_tests_run_leads_to_some(path: str) -> None:
    assert any(ROOT.glob(f"{path}*"))
