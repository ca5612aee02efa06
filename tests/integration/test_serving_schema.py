"""Requests that schemathesis makes from the OpenAPI schema: what the schema promises is kept, and no request is the server's failure."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

import served
from hrmlab.serving.limits import Limits

pytestmark = pytest.mark.slow
_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def test_what_the_schema_says_holds(tmp_path: Path) -> None:
    limits = Limits()
    with served.serving(served.catalogue_of(tmp_path, [served.sudoku()], limits), tmp_path, limits=limits) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # pyright: ignore[reportAttributeAccessIssue]
        assert {operation.label for operation in operations} >= {"POST /v1/solve", "POST /v1/completions", "GET /metrics"}
        for operation in operations:

            @settings(max_examples=10, deadline=None, suppress_health_check=_SLOW, derandomize=True, database=None)
            @given(case=operation.as_strategy())
            def holds(case: Any) -> None:
                # A body may have the right form and name no model of this server, or hold no question of its task.
                case.call_and_validate(excluded_checks=[positive_data_acceptance])

            holds()
