"""The one door of the admin: a person sees and touches what his namespaces hold, on every page of every model."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from acteon_site.access.acts import act_note
from acteon_site.access.reach import covers_row, is_everywhere, narrowed, person_principal, tenant_path
from acteon_site.access.tokens import role_of
from acteon_site.access.whence import agent_of, client_address
from acteon_site.base.principals import Principal, Role

__all__ = [
    "NOT_YOURS",
    "ScopedAdmin",
    "caller_of",
    "narrowed",
    "person_reaches",
    "reader_of",
    "sees_everything",
    "sees_one_tenant",
    "visible",
]

M = TypeVar("M", bound=Model)
NOT_YOURS = "Your roles do not cover this namespace and tenant."


def reader_of(request: HttpRequest, role: Role = Role.VIEWER) -> Principal:
    """Who looks, where he has that role. Asked of the database once for each request."""
    reader: Principal | None = getattr(request, "_reader", None)
    if reader is None or reader.caller_id != f"user:{request.user.get_username()}":
        reader = person_principal(request.user)  # type: ignore[arg-type]
        request._reader = reader  # type: ignore[attr-defined]
    return reader.acting_as(role)


def caller_of(request: HttpRequest) -> Principal:
    """The person as whoever sends an action: with the role that his groups give him, where he reaches."""
    user: User = request.user  # type: ignore[assignment]
    facts = {"address": client_address(request)[:64], "agent": agent_of(request)}
    return person_principal(user, most=role_of(user) or Role.VIEWER, **facts)


def visible(
    request: HttpRequest, rows: QuerySet[M], role: Role = Role.VIEWER, *, shared: bool = False
) -> QuerySet[M]:
    """Those of the rows that the person reaches in that role."""
    return narrowed(rows, reader_of(request, role), shared=shared)


def sees_everything(request: HttpRequest, role: Role = Role.VIEWER) -> bool:
    """Whether the person may look at, or in a higher role change, what belongs to no tenant."""
    return is_everywhere(reader_of(request, role))


def person_reaches(user: User, role: Role, row: Model) -> bool:
    """Whether that person, who need not be the one who looks, has the role where the row is."""
    return covers_row(person_principal(user).acting_as(role), row)


def sees_one_tenant(request: HttpRequest) -> bool:
    """Whether an index that begins with the tenant has the person's rows in their order."""
    reader = reader_of(request)
    return (
        len(reader.namespaces) == len(reader.tenants) == 1 and "*" not in reader.namespaces + reader.tenants
    )


class ScopedAdmin(ModelAdmin):
    """What Django's permissions allow, narrowed to what the person reaches.

    `act_role` is the role that changing takes. `shows_shared`: what is for everyone may be looked at by all.
    `of_no_tenant`: its rows concern all tenants, whatever their columns say.
    """

    act_role = Role.ADMIN
    shows_shared = False
    of_no_tenant = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        if self.of_no_tenant and not sees_everything(request):
            return super().get_queryset(request).none()
        return visible(request, super().get_queryset(request), shared=self.shows_shared)

    def reaches(self, request: HttpRequest, role: Role, row: object = None) -> bool:
        """Whether the person has that role where the row is, or without a row anywhere for such rows."""
        reader = reader_of(request, role)
        if isinstance(row, Model):
            return covers_row(reader, row)
        of_tenants = not self.of_no_tenant and tenant_path(self.model) is not None
        return is_everywhere(reader) or (of_tenants and bool(reader.namespaces))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A row comes from `get_queryset`: that it may be seen is known, also where it is for everyone.
        return super().has_view_permission(request, obj) and self.reaches(request, Role.VIEWER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.reaches(request, self.act_role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.reaches(request, self.act_role, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.reaches(request, self.act_role, obj)

    def note(self, request: HttpRequest, row: Model, what: str, words: str = "") -> None:
        """Note in the record of what people do that this one did that."""
        names = (
            [str(getattr(row, name, "")) for name in ("namespace", "tenant")] if not self.of_no_tenant else []
        )
        scope = (names[0], names[1]) if names and tenant_path(type(row)) == "" else ("", "")
        username = request.user.get_username()
        act_note(request, username=username, what=what, row=row, words=words or str(row), scope=scope)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note(request, obj, f"added {self.opts.verbose_name}"[:40])
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self.note(request, obj, f"changed {self.opts.verbose_name}"[:40])
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            self.note(request, row, f"deleted {self.opts.verbose_name}"[:40])
        return super().log_deletions(request, queryset)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """What is typed must lie within the person's reach, too: a row is not moved into, or made for, another's."""
        form: Any = super().get_form(request, obj, change, **options)
        reader = reader_of(request, self.act_role)
        return form if is_everywhere(reader) else type(form.__name__, (_Within, form), {"reader": reader})


class _Within(ModelForm):  # type: ignore[type-arg]
    """Refuses names outside the reader's reach."""

    reader: Principal

    def clean(self) -> dict[str, Any] | None:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        names = ("namespace", "tenant")
        if tenant_path(type(self.instance)) != "" or self.errors.keys() & set(names):
            return cleaned
        wanted = [str(cleaned.get(name, getattr(self.instance, name))) for name in names]
        if not self.reader.covers(*wanted):
            self.add_error("namespace" if "namespace" in self.fields else None, NOT_YOURS)
        return cleaned
