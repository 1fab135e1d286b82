"""Texts that are rendered into actions."""

from __future__ import annotations

from django.db import models

from acteon_site.base.ids import new_id
from acteon_site.base.managed import ManagedConfig


class Template(ManagedConfig):
    """A Jinja text that template profiles may refer to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    content = models.TextField()
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant", "name"], name="template_name")]

    def __str__(self) -> str:
        return self.name


class TemplateProfile(ManagedConfig):
    """Fields that are rendered and merged into an action's payload before rules run."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    namespace = models.CharField(max_length=256)
    tenant = models.CharField(max_length=256)
    fields = models.JSONField(help_text='Per field: text, {"inline": text} or {"$ref": template name}')
    description = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "tenant", "name"], name="profile_name")]

    def __str__(self) -> str:
        return self.name
