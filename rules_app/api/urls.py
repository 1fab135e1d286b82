from django.urls import path

from rules_app.api.views_backtests import BacktestDetail, BacktestList, BacktestOrders
from rules_app.api.views_checks import DraftCheck, RuleCheck
from rules_app.api.views_drafts import (
    DraftCounter,
    DraftDetail,
    DraftDiscard,
    DraftList,
    DraftPublish,
    DraftRule,
    DraftSettle,
)
from rules_app.api.views_evaluate import RuleEvaluate
from rules_app.api.views_lists import ListDetail, ListEntries, ListEntriesRemove, ListImport, ListList
from rules_app.api.views_quotas import QuotaDetail, QuotaList, QuotaUsage
from rules_app.api.views_reload import RuleReload
from rules_app.api.views_rules import RuleCoverage, RuleEnabled, RuleList
from rules_app.api.views_silences import SilenceDetail, SilenceList
from rules_app.api.views_time_intervals import TimeIntervalDetail, TimeIntervalList
from rules_app.api.views_trials import RuleReport, RuleStage
from rules_app.api.views_versions import VersionDetail, VersionDiff, VersionList, VersionRestore

# `path:` takes the slashes that a rule's name may hold; the fixed paths come first.
urlpatterns = [
    path("v1/rules", RuleList.as_view()),
    path("v1/rules/evaluate", RuleEvaluate.as_view()),
    path("v1/rules/reload", RuleReload.as_view()),
    path("v1/rules/coverage", RuleCoverage.as_view()),
    path("v1/rules/check", RuleCheck.as_view()),
    path("v1/rules/drafts", DraftList.as_view()),
    path("v1/rules/drafts/<int:number>", DraftDetail.as_view()),
    path("v1/rules/drafts/<int:number>/rules/<path:name>", DraftRule.as_view()),
    path("v1/rules/drafts/<int:number>/counters/<str:name>", DraftCounter.as_view()),
    path("v1/rules/drafts/<int:number>/check", DraftCheck.as_view()),
    path("v1/rules/drafts/<int:number>/settle", DraftSettle.as_view()),
    path("v1/rules/drafts/<int:number>/publish", DraftPublish.as_view()),
    path("v1/rules/drafts/<int:number>/discard", DraftDiscard.as_view()),
    path("v1/rules/backtests", BacktestList.as_view()),
    path("v1/rules/backtests/<str:backtest_id>", BacktestDetail.as_view()),
    path("v1/rules/backtests/<str:backtest_id>/orders", BacktestOrders.as_view()),
    path("v1/rules/versions", VersionList.as_view()),
    path("v1/rules/versions/<int:number>", VersionDetail.as_view()),
    path("v1/rules/versions/<int:before>/diff/<int:after>", VersionDiff.as_view()),
    path("v1/rules/versions/<int:number>/restore", VersionRestore.as_view()),
    path("v1/rules/lists", ListList.as_view()),
    path("v1/rules/lists/<str:list_id>", ListDetail.as_view()),
    path("v1/rules/lists/<str:list_id>/entries", ListEntries.as_view()),
    path("v1/rules/lists/<str:list_id>/entries/remove", ListEntriesRemove.as_view()),
    path("v1/rules/lists/<str:list_id>/import", ListImport.as_view()),
    path("v1/rules/<path:name>/enabled", RuleEnabled.as_view()),
    path("v1/rules/<path:name>/report", RuleReport.as_view()),
    path("v1/rules/<path:name>/stage", RuleStage.as_view()),
    path("v1/silences", SilenceList.as_view()),
    path("v1/silences/<str:silence_id>", SilenceDetail.as_view()),
    path("v1/time-intervals", TimeIntervalList.as_view()),
    path("v1/time-intervals/<str:namespace>/<str:tenant>/<path:interval>", TimeIntervalDetail.as_view()),
    path("v1/quotas", QuotaList.as_view()),
    path("v1/quotas/<str:quota_id>", QuotaDetail.as_view()),
    path("v1/quotas/<str:quota_id>/usage", QuotaUsage.as_view()),
]
