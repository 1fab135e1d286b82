"""The admin's frame, and its pages about access. Importing it registers those, as Django expects of `admin`.

Not to be imported before unfold is ready: that replaces the site at which pages register (so the sign-in form,
which unfold asks for first, is in `access`).
"""

from acteon_site.admin.api_keys import ApiKeyAdmin
from acteon_site.admin.people import GroupAdmin, UserAdmin
from acteon_site.admin.sidebar import PAGES, Page

__all__ = ["ApiKeyAdmin", "GroupAdmin", "UserAdmin"]

PAGES.add(
    Page("Access", 1, "API keys", "key", "acteon_site.apikey"),
    Page("Access", 2, "Users", "person", "auth.user"),
    Page("Access", 3, "Groups", "group", "auth.group"),
)
