"""/v1/rules/versions: what was in force when, what lies between two, and the way back to one."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from acteon_site.http.endpoint import body_of, caller_of, page_response
from rules_app.api.draft_shapes import difference_shape, draft_shape, version_shape, whole_version_shape
from rules_app.api.views_drafts import GlobalEndpoint, reason_of
from rules_app.drafts import version_differences, version_get
from rules_app.models import RuleSetVersion
from rules_app.services.publishing import version_restore
from rules_app.services.vocabulary import lexicon_now


class VersionList(GlobalEndpoint):
    def get(self, request: Request) -> Response:
        rows = RuleSetVersion.objects.defer("content", "disabled").order_by("-number")
        return page_response(request, "versions", rows, version_shape)


class VersionDetail(GlobalEndpoint):
    def get(self, request: Request, number: int) -> Response:
        return Response(whole_version_shape(version_get(number)))


class VersionDiff(GlobalEndpoint):
    def get(self, request: Request, before: int, after: int) -> Response:
        found = version_differences(version_get(before), version_get(after), lexicon_now())
        return Response(
            {"from": before, "to": after, "differences": [difference_shape(one) for one in found]}
        )


class VersionRestore(GlobalEndpoint):
    """Answers the draft by which it is done: published, or open where a second person must publish it."""

    def post(self, request: Request, number: int) -> Response:
        reason = reason_of(body_of(request))
        draft = version_restore(number=number, reason=reason, actor=caller_of(request).caller_id)
        return Response(draft_shape(draft))
