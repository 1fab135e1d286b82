"""What the check says of the rules as they stand, and of a draft: the same as `check_rules` and the admin say.

Findings name rules of all tenants, so both need a key whose scope is `*`.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from rules_app.api.views_drafts import GlobalEndpoint
from rules_app.checking.reports import as_json
from rules_app.config_kinds.checks import Checkup, check_database, check_draft
from rules_app.drafts import draft_get


class RuleCheck(GlobalEndpoint):
    heavy_from = 0

    def get(self, request: Request) -> Response:
        return _told(check_database())


class DraftCheck(GlobalEndpoint):
    heavy_from = 0

    def get(self, request: Request, number: int) -> Response:
        return _told(check_draft(draft_get(number)))


def _told(checkup: Checkup) -> Response:
    return Response(as_json(checkup.found, checkup.rules))
