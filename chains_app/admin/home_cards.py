"""What the admin's home page shows of runs that need somebody, and of providers that are left alone."""

from __future__ import annotations

from django.urls import reverse

from acteon_site.admin.home import Card, Figures, Tile, bounded_count
from acteon_site.admin.scoped import narrowed
from acteon_site.base.principals import Principal
from chains_app.models import CircuitBreaker
from chains_app.services.repair import open_incidents
from chains_app.states import BreakerState

MOST_SHOWN = 6


def incidents(reader: Principal) -> Figures:
    waiting = narrowed(open_incidents(), reader)
    newest = waiting.order_by("-opened_at")
    newest = newest.only("reason", "step", "opened_at", "run__chain_name", "run__tenant")
    count = bounded_count(waiting)
    words = "open incident" if count == "1" else "open incidents"
    url = reverse("admin:chains_app_incident_changelist") + "?state=open"
    tile = Tile(count, words, url, "alarm" if count != "0" else "")
    return {"incidents": list(newest[:MOST_SHOWN]), "tiles": [tile]}


def breakers(reader: Principal) -> Figures:
    tripped = CircuitBreaker.objects.exclude(state=BreakerState.CLOSED).filter(enabled=True)
    tripped = narrowed(tripped, reader)
    return {"breakers": list(tripped.order_by("opened_at")[:MOST_SHOWN])}


CARDS = (
    Card(
        "incidents", "chains_app.view_incident", "admin/chains_app/home/incidents.html", incidents, "left", 20
    ),
    Card(
        "breakers",
        "chains_app.view_circuitbreaker",
        "admin/chains_app/home/breakers.html",
        breakers,
        "right",
        40,
    ),
)
