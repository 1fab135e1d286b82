"""`manage.py create_api_key`: a new key, printed once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from acteon_site.access.keys import MAX_DAYS, ROLES, api_key_create
from acteon_site.base.errors import AppError
from acteon_site.base.names import name_problem
from acteon_site.management.base import ExplainedCommand

EXAMPLES = """examples:
  python manage.py create_api_key storefront --tenant acme-store --namespace ecommerce
  python manage.py create_api_key ops --role admin --expires-days 90
  KEY=$(python manage.py create_api_key ci --quiet)

Scopes are exact names and may be given several times; without them the key covers everything.
exit codes: 0 made, 1 not made, 2 wrong usage"""
SCOPES = ("namespace", "tenant", "provider", "action_type")


class Command(ExplainedCommand):
    help = "Make an API key. Its secret is shown once and stored as a hash only."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="who will use it; unique")
        parser.add_argument("--role", choices=sorted(ROLES), default="operator", help="default: %(default)s")
        for scope in SCOPES:
            parser.add_argument(
                f"--{scope.replace('_', '-')}", action="append", metavar="NAME", help=f"only this {scope}"
            )
        parser.add_argument("--expires-days", type=int, metavar="N", help="default: never")
        parser.add_argument("--quiet", action="store_true", help="print the secret alone")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["expires_days"]
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--expires-days must be from 1 to {MAX_DAYS}")
        try:
            key, secret = api_key_create(
                name=options["name"],
                role=options["role"],
                expires_at=timezone.now() + timedelta(days=days) if days else None,
                **{f"{scope}s": _scope(scope, options[scope]) for scope in SCOPES},
            )
        except AppError as error:
            raise CommandError(str(error)) from error
        self._say(key.name, secret, quiet=options["quiet"])

    def _say(self, name: str, secret: str, *, quiet: bool) -> None:
        if quiet:
            self.stdout.write(secret)
            return
        self.stdout.write(
            f"Key {name}, shown this once:\n  {secret}\nUse it as:\n  Authorization: Bearer {secret}"
        )


def _scope(scope: str, names: list[str] | None) -> list[str]:
    for name in names or ():
        problem = name_problem(name, colon_allowed=scope == "action_type")
        if problem:
            raise CommandError(f"--{scope.replace('_', '-')} {name!r} {problem}")
    return names or ["*"]
