"""The base of the order pages: who may see and decide holds may do so here, where a page says nothing else."""

from __future__ import annotations

from acteon_site import admin_evidence
from acteon_site.admin_evidence import REASON, Button, Told, actor_of, reason_of, source_of

__all__ = ["REASON", "Button", "EvidenceAdmin", "Told", "actor_of", "reason_of", "source_of"]


class EvidenceAdmin(admin_evidence.EvidenceAdmin):
    view_codename = "orders_app.view_hold"
    act_codename = "orders_app.change_hold"
