"""Statements for sets go to the server prepared, unless somebody counts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from acteon_site.base.connections import breaths_between_statements
from acteon_site.base.statements import _is_watched

pytestmark = pytest.mark.django_db


def passed_on(execute: Callable[..., Any], *statement: Any) -> Any:
    return execute(*statement)


def test_breaths_of_a_large_request_count_nothing() -> None:
    with breaths_between_statements():
        assert not _is_watched()
        with connection.execute_wrapper(passed_on):
            assert _is_watched()
