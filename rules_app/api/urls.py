from django.urls import path

from rules_app.api.views_evaluate import RuleEvaluate
from rules_app.api.views_quotas import QuotaDetail, QuotaList, QuotaUsage
from rules_app.api.views_reload import RuleReload
from rules_app.api.views_rules import RuleCoverage, RuleEnabled, RuleList

# `path:` takes the slashes that a rule's name may hold; the fixed paths come first.
urlpatterns = [
    path("v1/rules", RuleList.as_view()),
    path("v1/rules/evaluate", RuleEvaluate.as_view()),
    path("v1/rules/reload", RuleReload.as_view()),
    path("v1/rules/coverage", RuleCoverage.as_view()),
    path("v1/rules/<path:name>/enabled", RuleEnabled.as_view()),
    path("v1/quotas", QuotaList.as_view()),
    path("v1/quotas/<str:quota_id>", QuotaDetail.as_view()),
    path("v1/quotas/<str:quota_id>/usage", QuotaUsage.as_view()),
]
