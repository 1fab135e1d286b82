"""Re-encrypt everything with the first of FERNET_KEYS."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import models, transaction

from acteon_site.base.encrypted import encrypted_models
from acteon_site.management.base import ExplainedCommand

BATCH = 500
EXAMPLES = """\
how to rotate:
  1. put the new key first:   FERNET_KEYS=new,old     and restart every process
  2. manage.py rotate_keys                            (may be repeated; can run while the gateway serves)
  3. drop the old key:        FERNET_KEYS=new         and restart every process

exit codes: 0 done, 1 some rows could not be read with any key (they are named by table and id)
"""


class Command(ExplainedCommand):
    help = "Re-encrypt all encrypted columns with the first of FERNET_KEYS, in batches."
    examples = EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--batch", type=int, default=BATCH, help=f"rows per transaction (default {BATCH})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for model, fields in encrypted_models():
            done, broken = rotate_model(model, fields, options["batch"])
            unreadable += broken
            self.stdout.write(f"{model._meta.db_table}: {done} rows re-encrypted, {broken} unreadable")
        if unreadable:
            sys.exit(1)


def rotate_model(model: type[models.Model], fields: list[str], batch: int) -> tuple[int, int]:
    """How many rows were written anew, and how many no key could read."""
    done = broken = 0
    last: Any = None
    while True:
        rows = model._default_manager.order_by("pk")
        ids = list(
            (rows.filter(pk__gt=last) if last is not None else rows).values_list("pk", flat=True)[:batch]
        )
        if not ids:
            return done, broken
        last = ids[-1]
        written = _rotate_batch(model, fields, ids)
        done += written
        broken += len(ids) - written


def _rotate_batch(model: type[models.Model], fields: list[str], ids: list[Any]) -> int:
    written = 0
    for pk in ids:
        with transaction.atomic():
            written += _rotate_row(model, fields, pk)
    return written


def _rotate_row(model: type[models.Model], fields: list[str], pk: Any) -> int:
    try:
        row = model._default_manager.select_for_update().filter(pk=pk).first()
    except InvalidToken:
        sys.stderr.write(f"{model._meta.db_table} {pk}: no key reads this row\n")
        return 0
    if row is not None:
        row.save(update_fields=fields)
    return 1
