"""Dead letters: orders' runs that failed for good, and what a person does with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display

from acteon_site.admin.buttons import (
    Button,
    ButtonPagesAdmin,
    ButtonResult,
    actor_of,
    change_url,
    source_of,
)
from acteon_site.admin.read_only import is_list
from acteon_site.base.clock_text import ago, moment
from audit_app.admin.filters import ScopeFilter
from chains_app.admin.pages import NamingChangeList, order_link
from chains_app.admin.repair import Bulk, Stop, Verb, repair_page
from chains_app.api.run_shapes import run_detail
from chains_app.listeners import owner_names
from chains_app.models import DeadLetter, Run
from chains_app.services.repair import (
    LETTER_COLUMNS,
    dead_letter_dismiss,
    dead_letter_replay,
    dead_letters,
    dead_letters_dismiss,
    dead_letters_preview,
    dead_letters_replay,
    failed_steps,
)
from chains_app.services.resuming import resume_problem, waiting_step

REPLAY, DISMISS = "replay", "dismiss"
ENCRYPTED = ("origin", "inherited", "spec", "reply")


class LetterList(NamingChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        steps = failed_steps(self.result_list)
        for run in self.result_list:
            run.failed_step = steps[run.pk].name if run.pk in steps else "-"


@admin.register(DeadLetter)
class DeadLetterAdmin(ButtonPagesAdmin):
    view_codename = "chains_app.view_run"
    act_codename = "chains_app.change_run"
    list_display = ("order", "shop", "chain", "failed_step", "reason", "error", "age")
    list_filter = (ScopeFilter,)
    exports: ClassVar = {
        **{name: name for name in ("id", "chain_name", "status", "namespace", "tenant", "action_type")},
        **{name: name for name in ("action_id", "started_at", "dead_lettered_at", "error_code", "error")},
    }
    change_form_template = "admin/chains_app/deadletter.html"
    actions_list = ("repair_many",)  # type: ignore[assignment]
    buttons = (REPLAY, DISMISS)
    empty_title = "No dead letters"
    empty_text = "Runs of orders that failed for good, and that nobody has looked at yet, appear here."
    gone_text = "This is no dead letter any more: somebody has replayed or dismissed it."

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        letters: QuerySet[DeadLetter] = super().get_queryset(request).filter(dead_lettered_at__isnull=False)
        return letters.defer(*ENCRYPTED) if is_list(request) else letters.select_related("version")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-dead_lettered_at", "-id")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return LetterList

    def has_act_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @display(description="Order")
    def order(self, run: Any) -> str:
        return str(run.order_name)

    @display(description="Shop")
    def shop(self, run: DeadLetter) -> str:
        return f"{run.tenant} / {run.namespace}"

    @display(description="Chain")
    def chain(self, run: DeadLetter) -> str:
        return run.chain_name

    @display(description="Reason")
    def reason(self, run: DeadLetter) -> str:
        return run.error_code

    @display(description="Step")
    def failed_step(self, run: Any) -> str:
        return str(run.failed_step)

    @display(description="Failed")
    def age(self, run: DeadLetter) -> str:
        return ago(run.dead_lettered_at) if run.dead_lettered_at else "-"

    def details(self, request: HttpRequest, obj: DeadLetter) -> dict[str, Any]:
        detail, problem = run_detail(obj), resume_problem(obj)
        obj.order_name = name = owner_names([obj])[obj.pk]
        return {
            "run": obj,
            "title": name,
            "order": order_link(request, obj),
            "steps": detail["steps"],
            "version": detail["definition_version"],
            "failed": moment(obj.dead_lettered_at),
            "age": ago(obj.dead_lettered_at) if obj.dead_lettered_at else "",
            "problem": problem.message if problem else "",
            "run_url": change_url(Run, obj.pk),
            "buttons": self._buttons(obj, name, able=problem is None) if self.may_act(request, obj) else [],
        }

    def _buttons(self, run: DeadLetter, name: str, *, able: bool) -> list[Button]:
        replay = Button(
            "Replay",
            self.url_of(REPLAY, run.pk),
            f"Replay {name}? It goes on at the step {waiting_step(run)}; what is done already is kept.",
            "Yes, replay it",
            "good",
        )
        dismiss = Button(
            "Dismiss",
            self.url_of(DISMISS, run.pk),
            f"Take {name} off this list? Its run stays as it ended.",
            "Yes, dismiss it",
            "bad",
        )
        return [replay, dismiss] if able else [dismiss]

    def press(self, request: HttpRequest, obj: DeadLetter, name: str) -> ButtonResult:
        order, step = owner_names([obj])[obj.pk], waiting_step(obj)
        who: dict[str, Any] = {"actor": actor_of(request), "source": source_of(request)}
        if name == REPLAY:
            dead_letter_replay(run_id=obj.pk, **who)
            return ButtonResult(f"{order} goes on at the step {step}.")
        dead_letter_dismiss(run_id=obj.pk, **who)
        return ButtonResult(f"{order} is off the list. Its run stays as it ended.")

    def landing(self, row: DeadLetter, name: str) -> str:
        return change_url(Run, row.pk) if name == REPLAY else self.url_of("changelist")

    @action(description="Repair many", permissions=["act"], url_path="repair", icon="checklist")  # type: ignore[operator]
    def repair_many(self, request: HttpRequest) -> HttpResponse:
        return repair_page(request, LETTERS, self)


def _stops(letters: Sequence[Run]) -> dict[UUID, Stop]:
    steps = failed_steps(letters)
    return {
        run.pk: Stop(
            reason=run.error_code,
            message=run.error,
            step=steps[run.pk].name if run.pk in steps else "-",
            since=ago(run.dead_lettered_at) if run.dead_lettered_at else "",
        )
        for run in letters
    }


LETTERS = Bulk(
    title="Replay dead letters",
    intro="Each goes on at the step that failed; what is done already is kept, and so is the chain's version.",
    nothing="No dead letter matches.",
    columns={name: column for name, column in LETTER_COLUMNS.items() if name != "step"},
    find=dead_letters,
    preview=lambda rows: dead_letters_preview(letters=rows),
    stops=_stops,
    verbs=(
        Verb(
            "replay",
            "Replay the chosen",
            "Replay the chosen dead letters? Each goes on at the step that failed.",
            lambda rows, who: dead_letters_replay(letters=rows, **who),
            "go on",
        ),
        Verb(
            "dismiss",
            "Dismiss the chosen",
            "Take the chosen dead letters off the list? Their runs stay as they ended.",
            lambda rows, who: dead_letters_dismiss(letters=rows, **who),
            "are off the list",
            "bad",
        ),
    ),
    list_page="admin:chains_app_deadletter_changelist",
)
