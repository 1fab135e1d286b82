"""`manage.py verify_audit`: check the hash chains of the audit trail."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit_app.models import AuditHead
from audit_app.services.patrol import verification_note
from audit_app.services.verify import Verification, audit_verify


class Command(BaseCommand):
    help = (
        "Check that no sealed audit record was changed, removed or put in between. Exit code 1 where one was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--namespace", help="Only this namespace")
        parser.add_argument("--tenant", help="Only this tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {name: options[name] for name in ("namespace", "tenant") if options[name] is not None}
        heads = AuditHead.objects.filter(**wanted).order_by("namespace", "tenant")
        scopes = list(heads.values_list("namespace", "tenant"))
        if not scopes and len(wanted) == 2:
            scopes = [(wanted["namespace"], wanted["tenant"])]
        broken = [scope for scope in scopes if not self._check(*scope)]
        if broken:
            raise CommandError(f"{len(broken)} of {len(scopes)} chains are broken")
        self.stdout.write(f"{len(scopes)} chains are whole")

    def _check(self, namespace: str, tenant: str) -> bool:
        result = audit_verify(namespace=namespace, tenant=tenant)
        verification_note(namespace=namespace, tenant=tenant, result=result)
        name = f"{namespace}/{tenant}" if namespace else "of no tenant"
        self.stdout.write(f"{name}: {_in_words(result)}")
        return result.valid


def _in_words(result: Verification) -> str:
    tail = f", {result.unsealed} not sealed yet" if result.unsealed else ""
    stand = "whole" if result.valid else f"BROKEN at {result.first_broken_at}"
    return f"{stand}, {result.records_checked} records checked{tail}"
