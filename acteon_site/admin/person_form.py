"""The form of a person: the groups say what he may do, and the roles here where."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group, User
from unfold.forms import UserChangeForm
from unfold.widgets import UnfoldBooleanSwitchWidget

from acteon_site.access.roles import person_roles_lift, person_roles_set
from acteon_site.admin.names_field import NamesField
from acteon_site.models import GroupSecurity, PersonRoles

NAMES = ("viewer_in", "operator_in", "admin_in", "tenants")
WHERE = ("limited", *NAMES)


def _names(label: str, words: str, **options: Any) -> NamesField:
    return NamesField(label=label, required=False, help_text=words, **options)


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    two_steps = forms.BooleanField(
        label="Two steps to sign in",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Who is in this group proves a second step beside the password, in the admin and by API. Who has "
        "none is led to set it up before anything else. Superusers are asked as soon as any group is.",
    )

    class Meta:
        model = Group
        fields = ("name", "two_steps", "permissions")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["two_steps"] = bool(self.instance.pk) and asks_two_steps(self.instance)


def asks_two_steps(group: Group) -> bool:
    try:
        return group.security.two_steps
    except GroupSecurity.DoesNotExist:
        return False


class PersonForm(UserChangeForm):
    limited = forms.BooleanField(
        label="Only in some namespaces",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Off: what the groups allow is allowed everywhere. Superusers are never limited.",
    )
    viewer_in = _names("Looks at", "Namespaces with commas between them, or * for all.", initial="")
    operator_in = _names("Operates", "There also: approves, moves, cancels, repairs.", initial="")
    admin_in = _names("Administers", "There also: edits rules, lists, quotas, templates.", initial="")
    tenants = _names("Tenants", "Which tenants of those namespaces, or * for all.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        row = PersonRoles.objects.filter(user_id=self.instance.pk).first()
        self.initial["limited"] = row is not None
        if row is not None:
            self.initial.update({name: ", ".join(getattr(row, name)) for name in NAMES})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        roles = (cleaned.get(name) for name in NAMES[:-1])
        if cleaned.get("limited") and not self.errors and not any(roles):
            self.add_error("viewer_in", "Name a namespace, here or below: else the person sees nothing.")
        return cleaned

    def save_roles(self, user: User) -> bool:
        """Whether the person's reach has changed."""
        facts = self.cleaned_data
        if "limited" not in facts:
            return False
        if not facts["limited"]:
            return person_roles_lift(user=user)
        return person_roles_set(user=user, **{name: facts[name] or [] for name in NAMES})
