"""`manage.py create_groups`: the admin's groups, for production (serve and demo make them by themselves)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from acteon_site.access.people import groups_ensure


class Command(BaseCommand):
    help = (
        "Create the admin's groups (viewer, approver, rule editor, operator, administrator) with their "
        "permissions, or add what they lack. Run it after migrate, as often as you like. Exit code 0."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Groups: " + ", ".join(groups_ensure()))
