"""What every piece of configuration carries: where it came from and who touched it since."""

from __future__ import annotations

from django.db import models

MAX_ACTOR = 200  # who did something: a caller's id ("key:" and up to 150 characters) or a username


class ManagedConfig(models.Model):
    """A configuration row that a load may own.

    A load owns only rows of its own `source`. `loaded_digest` is the digest of the content as loaded;
    a row whose present digest differs was edited by a person and is a conflict for the next load.
    """

    source = models.CharField(
        max_length=200, blank=True, default="", editable=False, help_text="Loaded from; empty: made by hand"
    )
    loaded_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    edited_by = models.CharField(max_length=MAX_ACTOR, blank=True, default="", editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
