"""Site-wide rows: API keys, sign-ins, and the versions that tell processes of configuration changes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from acteon_site.base.ids import new_id


class ConfigStamp(models.Model):
    """The version of a configuration area; a process reloads an area when its version has moved."""

    area = models.CharField(max_length=40, primary_key=True)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.area} {self.version}"


class Heartbeat(models.Model):
    """When something that must go on working last did."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at}"


def any_scope() -> list[str]:
    return ["*"]


class ApiKey(models.Model):
    """A caller's key. Only its SHA-256 is stored; the prefix helps people to tell keys apart."""

    class RoleName(models.TextChoices):
        VIEWER = "viewer", "Viewer: reads"
        OPERATOR = "operator", "Operator: also dispatches, transitions, cancels"
        ADMIN = "admin", "Administrator: also edits configuration"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=150, unique=True)
    prefix = models.CharField(max_length=16, editable=False)
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=16, choices=RoleName, default=RoleName.OPERATOR)
    namespaces = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    tenants = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    providers = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    action_types = models.JSONField(default=any_scope, help_text='Exact names, or ["*"] for all')
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class PersonSettings(models.Model):
    """What a person of the admin has chosen for the pages."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    zone = models.CharField(max_length=64, default="UTC", help_text="A name of the IANA time zone database")

    def __str__(self) -> str:
        return f"{self.user_id} {self.zone}"


class LoginToken(models.Model):
    """A sign-in by API. Only the token's SHA-256 is stored; signing out deletes the row."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    secret_hash = models.CharField(max_length=64, unique=True)
    password_mark = models.CharField(
        max_length=128, help_text="Of the password at sign-in: another one ends the token"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="token_expiry")]

    def __str__(self) -> str:
        return f"token of {self.user_id}"


class LoginAttempts(models.Model):
    """Failed sign-ins of one username from one address. `key` is a keyed hash of the two."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    window_ends_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "login attempts"
        indexes = [models.Index(fields=["window_ends_at"], name="login_window_end")]

    def __str__(self) -> str:
        return f"{self.count} until {self.window_ends_at}"
