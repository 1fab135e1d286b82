"""Views of the list that somebody keeps by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect

from acteon_site.admin.buttons import actor_of
from acteon_site.base.errors import AppError
from acteon_site.base.ids import as_uuid
from orders_app.admin.approval_rows import asked_of
from orders_app.services.saved_filters import filter_delete, filter_save

if TYPE_CHECKING:
    from orders_app.admin.approvals import ApprovalAdmin


def filters_page(request: HttpRequest, page: ApprovalAdmin) -> HttpResponse:
    """Keeps the view that is shown, or forgets one, and leads back to the list."""
    if not page.has_view_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    asked, owner = asked_of(request.POST), actor_of(request)
    try:
        if forgotten := as_uuid(request.POST.get("delete", "")):
            filter_delete(filter_id=forgotten, owner=owner)
        else:
            # Not what was searched: it may be a customer's e-mail, which stands in no column.
            filter_save(owner=owner, name=request.POST.get("name", ""), query=asked.text(after="", q=""))
    except AppError as error:
        page.message_user(request, error.message, messages.ERROR)
    return HttpResponseRedirect(f"{page.url_of('changelist')}?{asked.text()}")
