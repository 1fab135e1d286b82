"""Lists that rules ask by name."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from acteon_site.base.fields import EncryptedJSONField
from acteon_site.base.ids import new_id
from acteon_site.base.managed import MAX_ACTOR, ManagedConfig


class NamedList(ManagedConfig):
    """A list that rules ask by its name. Of several with one name the tenant's counts, then the namespace's, then `*`.

    What it holds are its entries; `size` counts those that nobody has removed. Every change of any list has a number
    (the version of that area of configuration), which `created_in` and the entries refer to.
    """

    class Matching(models.TextChoices):
        EXACT = "exact", "Exactly as it stands"
        FOLDED = "folded", "Without regard to case and blanks at the ends"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256, default="*", help_text="* for all")
    tenant = models.CharField(max_length=256, default="*", help_text="* for all")
    matching = models.CharField(
        max_length=16, choices=Matching, default=Matching.EXACT, help_text="How values are compared"
    )
    description = models.TextField(blank=True, default="")
    holds_from_file = models.BooleanField(
        default=False, editable=False, help_text="Whether the file that owns it says what it holds"
    )
    size = models.PositiveIntegerField(default=0, editable=False)
    created_in = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["name", "namespace", "tenant"]
        constraints = [
            models.UniqueConstraint(fields=["name", "namespace", "tenant"], name="named_list_scope"),
            models.CheckConstraint(
                condition=~models.Q(namespace="*") | models.Q(tenant="*"), name="named_list_tenant_of_one"
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.is_shared else f"{self.name} ({self.scope})"

    @property
    def is_shared(self) -> bool:
        return self.namespace == self.tenant == "*"

    @property
    def scope(self) -> str:
        return f"{self.namespace}/{self.tenant}"


class ListEntry(models.Model):
    """A value on a list. Lookups go by `key`, a keyed hash of the value in the list's form; the value is encrypted.

    `content` is `{"value": …, "note": …}`, null once it was removed: the rest stays for a while, so that decisions of
    before can be explained. Never changed otherwise: another note or expiry is another row.
    """

    list = models.ForeignKey(NamedList, on_delete=models.CASCADE, related_name="entries")
    key = models.CharField(max_length=32)
    content = EncryptedJSONField(null=True)
    added_by = models.CharField(max_length=MAX_ACTOR)
    added_at = models.DateTimeField(default=timezone.now)
    added_in = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=MAX_ACTOR, default="")
    removed_at = models.DateTimeField(null=True)
    removed_in = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["list", "key"], condition=models.Q(removed_in=None), name="list_entry_once"
            )
        ]
        indexes = [
            # A list's page, the newest first.
            models.Index(fields=["list", "-id"], condition=models.Q(removed_in=None), name="list_entry_page"),
            # What has changed since a process looked, and how it was at a decision.
            models.Index(fields=["added_in"], name="list_entry_added"),
            models.Index(
                fields=["removed_in"], condition=models.Q(removed_in__isnull=False), name="list_entry_removed"
            ),
            models.Index(fields=["list", "key"], name="list_entry_key"),
            # The reaper's.
            models.Index(
                fields=["expires_at"], condition=models.Q(expires_at__isnull=False), name="list_entry_expiry"
            ),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk}"
