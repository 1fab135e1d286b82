"""Roles at the edge: reading asks for the view's read_role, everything else for its write_role.

What an administrator writes is configuration, by which all actions of a tenant go: a key for some providers or
action types only does not change it.
"""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from acteon_site.base.principals import Principal, Role


class RoleRequired(BasePermission):
    message = "the caller's role does not allow this"

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = request.user
        if not isinstance(caller, Principal):
            return False
        reading = request.method in SAFE_METHODS
        needed = getattr(view, "read_role" if reading else "write_role", Role.ADMIN)
        if needed == Role.ADMIN and not reading and not caller.covers_all_actions:
            self.message = "this concerns all providers and action types; the key covers some only"
            return False
        if caller.role < needed:
            return False
        if caller.roles:  # from here on only the namespaces count in which the person has that role
            request.user = caller.acting_as(needed)  # type: ignore[assignment]
        return True
