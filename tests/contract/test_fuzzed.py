"""Schemathesis against the living server: whatever is sent, nothing breaks and every answer is as described."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from acteon_site.tasks import canary
from rules_app.models import RuleSetVersion
from tests.audit_app.serving import Service, serving
from tests.contract.described import document
from tests.contract.test_tenancy import everything_of
from tests.depth import examples
from tests.world import SCOPE, Shop, load_shop

EXAMPLES = examples(4)
# Streams do not end; tests/audit_app/test_stream.py reads them.
ENDLESS = ("/v1/stream", "/v1/subscribe/{kind}/{key}")
# 503 is what /ready and /status are for.
ALLOWED_TO_FAIL = {"/ready": {503}, "/status": {503}}


Operation = tuple[str, str]


def operations() -> list[Operation]:
    methods = ("get", "post", "put", "delete")
    return [
        (method, path)
        for path, described in document()["paths"].items()
        for method in methods
        if method in described and path not in ENDLESS
    ]


def is_open(operation: Operation) -> bool:
    """It asks for no key, and so it looks at what a stranger sends."""
    method, path = operation
    return document()["paths"][path][method].get("security") in ([], None)


@pytest.fixture
def service(transactional_db: None) -> Iterator[Service]:
    load_shop()
    canary()
    with serving() as running:
        yield running


@pytest.fixture
def real(service: Service) -> dict[str, str]:
    """Names of things that are there, by the description's path parameters."""
    there = everything_of(Shop())
    names = {
        name: there[name.removesuffix("_id")]
        for name in ("chain_id", "list_id", "quota_id", "policy_id", "incident_id")
    }
    names |= {"approval_id": there["approval"], "fingerprint": there["order"], "action_id": there["action"]}
    versions = [str(number) for number in RuleSetVersion.objects.values_list("number", flat=True)]
    names["backtest_id"] = there["chain"]  # none
    names |= {"number": there["number"], "before": versions[-1], "after": versions[0]}
    return names | {"provider": "warehouse", "name": "deny-unmatched", "pk": there["template"], **SCOPE}


# Schemathesis is imported by the one process that runs these tests, and not by each that collects them.


@functools.cache
def checks() -> list[Any]:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as openapi

    return [
        not_a_server_error,
        openapi.status_code_conformance,
        openapi.content_type_conformance,
        openapi.response_headers_conformance,
        openapi.response_schema_conformance,
    ]


@functools.cache
def described() -> Any:
    """For all tests: what schemathesis makes of an operation costs as much as several requests."""
    import schemathesis

    return schemathesis.openapi.from_dict(document())


@functools.cache
def cases_of(method: str, path: str) -> st.SearchStrategy[Any]:
    """Requests of this operation as they are described, and as they must not be."""
    from schemathesis import GenerationMode

    operation = described()[path][method]
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    return st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))


def fuzz(
    service: Service,
    headers: dict[str, str],
    examples: Callable[[Operation], int],
    real: dict[str, str] | None = None,
) -> list[str]:
    """What went wrong, one text for each operation that did."""
    wrong = []
    for method, path in operations():
        try:
            fuzz_one(cases_of(method, path), service, headers, examples((method, path)), real or {})
        except Exception as error:  # collected: one operation's trouble must not hide another's
            wrong.append(f"{method.upper()} {path}: {error}")
    return wrong


def fuzz_one(
    cases: st.SearchStrategy[Any],
    service: Service,
    headers: dict[str, str],
    examples: int,
    real: dict[str, str],
) -> None:
    @seed(7)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.booleans())
    def run(case: Any, known: bool) -> None:
        if known and real:
            case.path_parameters.update({name: real[name] for name in case.path_parameters})
            case.query.update({name: value for name, value in SCOPE.items() if name in case.query})
        answer = case.call(base_url=service.base, headers=headers, timeout=30)
        if answer.status_code in ALLOWED_TO_FAIL.get(case.path, ()):
            return
        case.validate_response(answer, checks=checks(), headers=headers)

    run()


def test_with_a_key_of_every_right_nothing_breaks(service: Service, real: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {Shop().secret}"}
    wrong = fuzz(service, headers, lambda _: EXAMPLES, real)
    assert not wrong, "\n\n".join(wrong)


def test_without_a_key_nothing_breaks_and_nobody_comes_in(service: Service) -> None:
    # Where a key is asked for, the answer comes before anybody looks at the rest.
    wrong = fuzz(service, {}, lambda operation: 2 if is_open(operation) else 1)
    assert not wrong, "\n\n".join(wrong)
