"""Answers that an Idempotency-Key asks for again."""

from __future__ import annotations

from django.db import models

from acteon_site.base.fields import EncryptedJSONField


class RememberedAnswer(models.Model):
    """The first answer to an Idempotency-Key, kept 24 hours. `key` is a keyed hash of caller and key."""

    key = models.CharField(max_length=64, primary_key=True)
    request_hash = models.CharField(max_length=64)
    kept = EncryptedJSONField(
        null=True, help_text="Set in the transaction that commits: a take-over rebuilds the answer from it"
    )
    status_code = models.PositiveSmallIntegerField(
        null=True, help_text="Null while the first is still running"
    )
    body = EncryptedJSONField(null=True)
    locked_until = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="answer_expiry")]

    def __str__(self) -> str:
        return self.key
