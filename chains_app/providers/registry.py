"""The kinds of provider. A new one is a file beside this and a line in the table (docs/providers.md)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chains_app.providers.base import CONFIGURATION, ProviderError, ProviderKind, ProviderSettings
from chains_app.providers.email import EmailKind
from chains_app.providers.log import LogKind
from chains_app.providers.pagerduty import PagerDutyKind
from chains_app.providers.slack import SlackKind
from chains_app.providers.teams import TeamsKind
from chains_app.providers.twilio import TwilioKind
from chains_app.providers.webhook import WebhookKind

KINDS: Mapping[str, ProviderKind] = MappingProxyType(
    {
        "log": LogKind(),
        "webhook": WebhookKind(),
        "email": EmailKind(),
        "slack": SlackKind(),
        "teams": TeamsKind(),
        "pagerduty": PagerDutyKind(),
        "twilio": TwilioKind(),
    }
)


def kind_of(settings: ProviderSettings) -> ProviderKind:
    """The kind behind a provider; a ProviderError where this version has none of that name."""
    kind = KINDS.get(settings.kind)
    if kind is None:
        raise ProviderError(CONFIGURATION, f"provider {settings.name} is of the unknown kind {settings.kind}")
    return kind
