from django.urls import path

from chains_app.api.views_definitions import DefinitionDag, DefinitionDetail, DefinitionList
from chains_app.api.views_providers import ProviderHealth, breaker_urls
from chains_app.api.views_runs import (
    Chain,
    ChainCancel,
    ChainDag,
    ChainHistory,
    ChainRetry,
    Chains,
    ChainSettle,
    ChainSignal,
    DeadLetterDrain,
    DeadLetterReplay,
    DeadLetters,
    DeadLetterStats,
    IncidentAction,
    Incidents,
    IncidentsResume,
)
from chains_app.api.views_timeline import ChainTimeline

# The fixed paths come before those of a run by its id.
urlpatterns = [
    path("v1/providers/health", ProviderHealth.as_view()),
    *breaker_urls("v1/circuit-breakers"),
    path("v1/chains/definitions", DefinitionList.as_view()),
    path("v1/chains/definitions/<str:name>", DefinitionDetail.as_view()),
    path("v1/chains/definitions/<str:name>/dag", DefinitionDag.as_view()),
    path("v1/chains", Chains.as_view()),
    path("v1/chains/<str:chain_id>", Chain.as_view()),
    path("v1/chains/<str:chain_id>/history", ChainHistory.as_view()),
    path("v1/chains/<str:chain_id>/timeline", ChainTimeline.as_view()),
    path("v1/chains/<str:chain_id>/dag", ChainDag.as_view()),
    path("v1/chains/<str:chain_id>/cancel", ChainCancel.as_view()),
    path("v1/chains/<str:chain_id>/retry", ChainRetry.as_view()),
    path("v1/chains/<str:chain_id>/settle", ChainSettle.as_view()),
    path("v1/chains/<str:chain_id>/signal", ChainSignal.as_view()),
    path("v1/dlq", DeadLetters.as_view()),
    path("v1/dlq/stats", DeadLetterStats.as_view()),
    path("v1/dlq/drain", DeadLetterDrain.as_view()),
    path("v1/dlq/<str:chain_id>/replay", DeadLetterReplay.as_view()),
    path("v1/incidents", Incidents.as_view()),
    path("v1/incidents/resume", IncidentsResume.as_view()),
    *(
        path(f"v1/incidents/<str:incident_id>/{verb}", IncidentAction.as_view(verb=verb))
        for verb in ("retry", "skip", "cancel", "settle")
    ),
]

# Django's admin lives under /admin/ too: these come before it.
admin_urlpatterns = breaker_urls("admin/circuit-breakers")
