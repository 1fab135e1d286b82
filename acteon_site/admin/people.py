"""Users and groups with unfold's forms. Rights come from groups; who is no superuser makes and touches none."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from acteon_site.access.requirements import group_two_steps_set, tokens_end_of_one_step
from acteon_site.admin.acts_page import acts_page
from acteon_site.admin.person_form import WHERE, GroupForm, PersonForm, asks_two_steps
from acteon_site.admin.scoped import ScopedAdmin
from acteon_site.admin.security_pages import security_of

apps.get_app_config("auth").verbose_name = "Access"
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ScopedAdmin):  # type: ignore[misc, type-arg]
    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "in_groups", "status", "last_login")
    list_filter = ("is_active", "groups")
    actions = None
    filter_horizontal = ()
    add_fieldsets = (  # type: ignore[assignment]
        (None, {"fields": ("username", "usable_password", "password1", "password2", "is_staff", "groups")}),
    )
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
        ("Where", {"fields": WHERE}),
        ("When", {"fields": ("last_login", "date_joined", "more")}),
    )
    readonly_fields = ("last_login", "date_joined", "more")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if isinstance(form, PersonForm) and form.save_roles(form.instance):
            self.note(request, form.instance, "changed the roles")
        tokens_end_of_one_step(people=[form.instance])

    @display(description="More")
    def more(self, user: User) -> SafeString | str:
        if not user.pk:
            return "-"
        pages = (("security", "How and where this person signs in"), ("acts", "What this person did"))
        links = ((reverse(f"admin:auth_user_{page}", args=[user.pk]), words) for page, words in pages)
        return format_html_join(" · ", '<a class="gw-link" href="{}">{}</a>', links)

    def get_urls(self) -> list[URLPattern]:
        shown = self.admin_site.admin_view
        own = [
            path("<int:pk>/security/", shown(self.security), name="auth_user_security"),
            path("<int:pk>/acts/", shown(self.acts), name="auth_user_acts"),
        ]
        return [*own, *super().get_urls()]

    def security(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = self._seen(request, pk)
        return security_of(request, user, self.has_change_permission(request, user))

    def acts(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return acts_page(request, self._seen(request, pk))

    def _seen(self, request: HttpRequest, pk: int) -> User:
        user: User = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, user):
            raise PermissionDenied
        return user

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if request.user.is_superuser else (*self.readonly_fields, "is_superuser")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "groups":
            options["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field = super().formfield_for_manytomany(db_field, request, **options)
        if field and db_field.name == "groups":
            field.help_text = "What this person may do. Without a group, nothing."
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    @display(description="Name")
    def name(self, user: User) -> str:
        return user.get_full_name() or "-"

    @display(description="Groups")
    def in_groups(self, user: User) -> str:
        names = [group.name for group in user.groups.all()]
        return ", ".join([*names, *(["superuser"] if user.is_superuser else [])]) or "-"

    @display(
        description="Status", label={"active": "success", "no sign-in": "danger", "not staff": "warning"}
    )
    def status(self, user: User) -> str:
        if not user.is_active:
            return "no sign-in"
        return "active" if user.is_staff else "not staff"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ScopedAdmin):  # type: ignore[misc]
    form = GroupForm
    list_display = ("name", "asks_for")
    actions = None

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("security")

    @display(description="Sign-in", label={"two steps": "success", "password": ""})
    def asks_for(self, group: Group) -> str:
        return "two steps" if asks_two_steps(group) else "password"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        required = form.cleaned_data["two_steps"]
        if group_two_steps_set(group=form.instance, required=required):
            words = "two steps required" if required else "two steps required no more"
            self.note(request, form.instance, "changed the sign-in", words)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or bool(request.user.is_superuser)
