"""Filters that hit indexes and never ask a big table for its values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from acteon_site.admin.scoped import visible
from audit_app.admin.filters import within_scopes
from orders_app.models import Lifecycle
from orders_app.states import HoldStatus

RECENT = timedelta(days=1)


class ChosenState(admin.SimpleListFilter):
    """One of `states`, or everything; without a choice `standard` (its words stand in `now`)."""

    title = "state"
    parameter_name = "state"
    now = "Waiting"
    states: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((state, state.capitalize()) for state in self.states), ("all", "Everything, newest first")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": self.now} if choice["display"] == "All" else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return (
            queryset.filter(status=self.value()) if self.value() in self.states else self.standard(queryset)
        )

    def standard(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status=HoldStatus.PENDING)


class WaitingState(ChosenState):
    states = (HoldStatus.RELEASED, HoldStatus.CANCELLED)


class OrderState(admin.SimpleListFilter):
    """The lifecycles' states. It names the tenants too, since the index of states begins with them."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = (
            state
            for row in visible(request, Lifecycle.objects.order_by("pk"), shared=True)[:50]
            for state in row.states
        )
        return [(state, state) for state in dict.fromkeys(states)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return within_scopes(queryset).filter(state=self.value()) if self.value() else queryset


def first_id_at(at: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond: ids are in order of time, and their index is always there."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
