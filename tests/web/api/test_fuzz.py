"""Whatever a program sends that fits our OpenAPI document, or just does not: no fault, and an answer as described.

FUZZ_EXAMPLES sets how many cases each operation gets; they are the same in every run."""

import os
from collections.abc import Callable

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from broker.web.app import API
from broker.web.limits import Limits

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.mark.on_both
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name.lower())
def test_every_operation_answers_as_its_description_says(
    app: FastAPI,
    program: Callable[..., TestClient],
    monkeypatch: pytest.MonkeyPatch,
    mode: schemathesis.GenerationMode,
) -> None:
    monkeypatch.setattr(Limits, "API_TOKEN", Limits.API_TOKEN.__class__(10**9))
    headers = dict(program("admin").headers)
    schema = schemathesis.openapi.from_asgi(f"{API}/openapi.json", app)
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        tried.append(operation.label)

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            own = {name: value for name, value in headers.items() if name == "authorization"}
            response = case.call(headers=own)
            case.validate_response(response, checks=CHECKS)

        check()
    assert len(tried) == 26
