"""`manage.py build_analytics`: count the audit records that no sum holds yet, or all of them anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit_app.services.rollups import rollups_build, rollups_forget, rollups_missing, times_pack

MEANING = """Records from before an upgrade are counted by the reaper, some a minute; this does it at once. It may be
stopped and started again at any time, also while orders come in."""


class Command(BaseCommand):
    help = f"Count the audit records that analytics does not hold yet. {MEANING}"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anew", action="store_true", help="Forget all sums first; they grow again while it runs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["anew"]:
            rollups_forget()
        counted = 0
        while records := rollups_build():
            counted += records
            self.stdout.write(f"{counted:,} records counted, {rollups_missing():,} numbers to look at")
        packed = 0
        while rows := times_pack():
            packed += rows
            self.stdout.write(f"{packed:,} rows of an older release packed")
        if left := rollups_missing():
            self.stdout.write(f"{left:,} numbers are being counted by another process")
        else:
            self.stdout.write(f"{counted:,} records counted; analytics holds all of the trail")
