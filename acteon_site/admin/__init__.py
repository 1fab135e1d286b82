"""The admin's frame, and its pages about access. Importing it registers those, as Django expects of `admin`.

Not to be imported before unfold is ready: that replaces the site at which pages register (so the sign-in form,
which unfold asks for first, is in `access`).
"""

from django.contrib import admin

from acteon_site.access.entering import may_enter
from acteon_site.admin.api_keys import ApiKeyAdmin
from acteon_site.admin.people import GroupAdmin, UserAdmin
from acteon_site.admin.sidebar import PAGES, Page

# Every page of the admin asks this door, also those of libraries.
admin.site.has_permission = may_enter  # type: ignore[method-assign]

__all__ = ["ApiKeyAdmin", "GroupAdmin", "UserAdmin"]

PAGES.add(
    Page("Access", 1, "API keys", "key", "acteon_site.apikey"),
    Page("Access", 2, "Users", "person", "auth.user"),
    Page("Access", 3, "Groups", "group", "auth.group"),
)
