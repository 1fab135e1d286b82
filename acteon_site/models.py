"""Site-wide rows: API keys, people and their sign-ins, and the versions that tell processes of changes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from fernet_fields import EncryptedTextField

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
    last_seen_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=64, default="", db_default="")
    agent = models.CharField(max_length=200, default="", db_default="")

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


def nowhere() -> list[str]:
    return []


class PersonRoles(models.Model):
    """Where a person may do what his groups let him do. Without a row: everywhere.

    Each role includes the ones below it. Superusers are not narrowed.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="person_roles"
    )
    viewer_in = models.JSONField(default=nowhere)
    operator_in = models.JSONField(default=nowhere)
    admin_in = models.JSONField(default=nowhere)
    tenants = models.JSONField(default=any_scope)

    class Meta:
        verbose_name_plural = "roles of people"

    def __str__(self) -> str:
        return f"roles of {self.user_id}"


class GroupSecurity(models.Model):
    """What is asked of the people of a group. Without a row: nothing."""

    group = models.OneToOneField(
        "auth.Group", on_delete=models.CASCADE, primary_key=True, related_name="security"
    )
    two_steps = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "security of groups"

    def __str__(self) -> str:
        return f"security of {self.group_id}"


class SecondStep(models.Model):
    """How a person proves himself beside the password: an app's secret, a passkey, or a code for once.

    `mark` finds a passkey or a code again: a hash of the one, a keyed hash of the other. `counter` only grows: the
    last time step of an app whose code was taken, or what a passkey counts.
    """

    class Kind(models.TextChoices):
        APP = "app", "Authenticator app"
        PASSKEY = "passkey", "Passkey"
        RECOVERY = "recovery", "Recovery code"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="second_steps")
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=100, default="")
    secret = EncryptedTextField(default="")
    mark = models.CharField(max_length=64)
    counter = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "mark"], name="second_step_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"


class PersonSession(models.Model):
    """A browser in which a person is signed in to the admin; ending it deletes Django's session."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # No foreign key: processes of the version before delete sessions without knowing this table.
    session_key = models.CharField(max_length=40, unique=True)
    how = models.CharField(max_length=32, default="")
    address = models.CharField(max_length=64, default="")
    agent = models.CharField(max_length=200, default="")
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["last_seen_at"], name="session_last_seen")]

    def __str__(self) -> str:
        return f"session of {self.user_id}"


class PersonAct(models.Model):
    """What a person did that concerns no order: it stands here, and not in the trail. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=40)
    about = models.CharField(max_length=100, default="", help_text="The kind of row, as app.model")
    row = models.CharField(max_length=255, default="", help_text="Its id")
    words = models.CharField(max_length=500, default="")
    namespace = models.CharField(max_length=256, default="")
    tenant = models.CharField(max_length=256, default="")
    address = models.CharField(max_length=64, default="")
    agent = models.CharField(max_length=200, default="")
    request_id = models.CharField(max_length=128, default="")

    class Meta:
        indexes = [
            # The page of a person: newest first, keyset-paged.
            models.Index(fields=["username", "-at", "-id"], name="person_act_newest"),
            # Whether the trail tells the same.
            models.Index(fields=["request_id"], name="person_act_request", condition=~Q(request_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.what}"


class OidcIdentity(models.Model):
    """Who a person is at the shop's own identity provider. `subject` never changes there; a mail address may."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="oidc_identity"
    )
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "OIDC identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="oidc_identity_once")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"
