"""The admin pages of providers, breakers and chains, and of the runs as evidence."""

from acteon_site.base.registry import register
from chains_app.admin.breakers import CircuitBreakerAdmin
from chains_app.admin.dead_letters import DeadLetterAdmin
from chains_app.admin.definitions import ChainDefinitionAdmin
from chains_app.admin.incidents import IncidentAdmin
from chains_app.admin.parts import PARTS
from chains_app.admin.providers import ProviderAdmin
from chains_app.admin.runs import RunAdmin

__all__ = [
    "ChainDefinitionAdmin",
    "CircuitBreakerAdmin",
    "DeadLetterAdmin",
    "IncidentAdmin",
    "ProviderAdmin",
    "RunAdmin",
]

register(PARTS)
