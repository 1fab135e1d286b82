"""/v1/chains/definitions: reading and changing chains. Reads see every write before them, past the cache."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.base.errors import FieldProblem, invalid_field
from acteon_site.base.principals import Principal
from acteon_site.http.endpoint import Endpoint, body_of, caller_of, page_of, require_global
from chains_app.api.shapes import definition_detail, definition_summary
from chains_app.definitions.dag import as_dict, definition_graph
from chains_app.selectors import CurrentChain, chain_unknown, chains_below, current_chain, current_chains
from chains_app.services.definitions import chain_delete, chain_save

# What an answer carries beside the definition; a client that sends it back need not take it out.
READ_ONLY = ("version", "enabled", "warnings")


class DefinitionList(Endpoint):
    def get(self, request: Request) -> Response:
        page, caller = page_of(request), caller_of(request)
        chains = [chain for chain in current_chains() if _may_see(caller, chain)]
        shown = [definition_summary(chain) for chain in chains[page.offset : page.offset + page.limit]]
        return Response({"definitions": shown, "count": len(shown)})


class DefinitionDetail(Endpoint):
    def get(self, request: Request, name: str) -> Response:
        return Response(_detail(_seen_chain(request, name)))

    def put(self, request: Request, name: str) -> Response:
        """Create or replace. Keys that nobody knows are ignored, and listed as `warnings`."""
        require_global(request)
        warnings: list[FieldProblem] = []
        chain_save(spec=_spec(request, name), actor=caller_of(request).caller_id, warnings=warnings)
        shown = {"warnings": [warning.as_dict() for warning in warnings]} if warnings else {}
        return Response({**_detail(current_chain(name)), **shown})

    def delete(self, request: Request, name: str) -> Response:
        require_global(request)
        chain_delete(name=name)
        return Response(status=204)


class DefinitionDag(Endpoint):
    def get(self, request: Request, name: str) -> Response:
        definition, caller = _seen_chain(request, name).definition, caller_of(request)
        inner = chains_below(definition, may_see=lambda chain: _may_see(caller, chain))
        return Response(as_dict(definition_graph(definition, inner.get)))


def _seen_chain(request: Request, name: str) -> CurrentChain:
    """404 also for a chain that other tenants' actions trigger."""
    chain = current_chain(name)
    if not _may_see(caller_of(request), chain):
        raise chain_unknown(name)
    return chain


def _may_see(caller: Principal, chain: CurrentChain) -> bool:
    """Definitions are shared, but for one that a single namespace or tenant has to itself."""
    trigger = chain.definition.trigger
    if trigger is None:
        return True
    scopes = ((trigger.namespace, caller.namespaces), (trigger.tenant, caller.tenants))
    return all(name == "*" or "*" in covered or name in covered for name, covered in scopes)


def _spec(request: Request, name: str) -> dict[str, Any]:
    spec = {key: value for key, value in body_of(request).items() if key not in READ_ONLY}
    if spec.setdefault("name", name) != name:
        raise invalid_field("name", f'must be "{name}", as in the path, or be left out')
    return spec


def _detail(chain: CurrentChain) -> dict[str, Any]:
    return definition_detail(chain.definition, version=chain.number, enabled=chain.enabled)
