"""Tags of the admin's frame: `breadcrumbs` says where one is."""

from __future__ import annotations

from django import template
from django.template.context import RequestContext

register = template.Library()


@register.inclusion_tag("admin/acteon_site/crumbs.html", takes_context=True)
def breadcrumbs(context: RequestContext) -> dict[str, object]:
    # Here: unfold looks for all tags while it is still being imported, and the admin's pages need it whole.
    from acteon_site.admin.crumbs import crumbs_of

    return {"crumbs": crumbs_of({str(name): value for name, value in context.flatten().items()})}
