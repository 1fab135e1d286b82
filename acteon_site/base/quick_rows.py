"""Rows that are read and made by the thousand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Self

from django.db import models
from django.db.models.base import ModelState


class QuickRow(models.Model):
    """Rows come to be past the model's constructor, which costs most of a read, and much of what an order leaves.

    For models that nobody listens to (`pre_init`, `post_init`).
    """

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **_: Any) -> Self:
        """What is read is taken as it is."""
        row = cls.__new__(cls)
        row._state = ModelState()
        row._state.adding, row._state.db = False, db
        row.__dict__.update(zip(field_names, values, strict=True))
        return row

    @classmethod
    def made(cls, **values: Any) -> Self:
        """A new row, not stored yet, of values by their columns' attributes (`run_id`, not `run`), and defaults."""
        plain, made_each = _defaults(cls)
        row = cls.__new__(cls)
        row._state = ModelState()
        row.__dict__.update(plain)
        for name, default in made_each.items():
            if name not in values:
                row.__dict__[name] = default()
        row.__dict__.update(values)
        if len(row.__dict__) > len(plain) + len(made_each) + 1:  # _state
            raise TypeError(
                f"{cls.__name__} has no such fields: {values.keys() - plain.keys() - made_each.keys()}"
            )
        return row


@cache
def _defaults(model: type[models.Model]) -> tuple[Mapping[str, Any], Mapping[str, Callable[[], Any]]]:
    """Of all its fields: values that rows may share, and what makes one for each row."""
    plain, made_each = {}, {}
    for field in model._meta.concrete_fields:
        if field.has_default() and callable(field.default):
            made_each[field.attname] = field.default
        else:
            plain[field.attname] = field.get_default()
    return plain, made_each
