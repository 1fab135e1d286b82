"""What the admin's search finds of rules: they and their lists, by their names."""

from __future__ import annotations

from acteon_site.admin.search import Search, named

SEARCHES = (
    Search("Rules", "rule", "rules_app.rule", named(), lambda rule: rule.description),
    Search("Time intervals", "schedule", "rules_app.timeinterval", named(), lambda found: found.description),
    Search("Lists of rules", "list_alt", "rules_app.namedlist", named(), lambda found: found.description),
)
