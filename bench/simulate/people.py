"""People who approve, signal and cancel at any moment, and one who looks after what is parked, at the providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from acteon_site.base.errors import AppError
from acteon_site.base.source import SYSTEM_SOURCE
from bench.simulate.processes import Processes
from bench.simulate.providers import Providers
from bench.simulate.scheduler import Scheduler
from bench.simulate.shop import NAMESPACE, SIGNAL
from chains_app.models import Incident, Run
from chains_app.services.resuming import run_retry, run_skip_step
from chains_app.services.signalling import run_signal
from chains_app.states import Phase
from orders_app.models import Hold, Order
from orders_app.services.cancel import order_cancel
from orders_app.services.decisions import Verdict, approval_take, approval_undo
from orders_app.services.releases import approval_decide
from orders_app.states import Decision, HoldKind, HoldStatus

UNDOABLE = timedelta(seconds=3)


@dataclass
class People:
    """Each thing they do is a request of a web process."""

    scheduler: Scheduler
    processes: Processes
    providers: Providers

    def come(self) -> None:
        chance = self.scheduler.random
        deeds: list[Callable[[], object]] = [self._decide, self._decide, self._signal, self._cancel]
        for deed in deeds:
            if chance.random() < 0.6:
                self.scheduler.later(chance.uniform(1, 22), partial(self._ask, deed))

    def look_after_incidents(self) -> None:
        self._ask(self._repair)

    def _ask(self, deed: Callable[[], object]) -> None:
        web = self.processes.web
        self.scheduler.spawn(f"{web.name}/person", partial(self._try, deed), web)

    def _try(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except AppError as error:  # somebody was faster, or it is too late
            self.scheduler.note("refused", error.code)

    def _decide(self) -> None:
        chance = self.scheduler.random
        pending = Hold.objects.filter(kind=HoldKind.APPROVAL, status=HoldStatus.PENDING).order_by("id")
        for hold_id in list(pending.values_list("pk", flat=True)):
            decision = chance.choice((*(3 * [Decision.APPROVE]), Decision.REJECT))
            verdict = Verdict(decision, "manager", SYSTEM_SOURCE)
            match chance.choice(("at once", "taken", "undone")):
                case "at once":
                    approval_decide(hold_id=hold_id, verdict=verdict)
                case "taken":
                    approval_take(hold_id=hold_id, verdict=verdict, delay=UNDOABLE)
                case "undone":
                    approval_take(hold_id=hold_id, verdict=verdict, delay=UNDOABLE)
                    approval_undo(hold_id=hold_id, actor="manager", source=SYSTEM_SOURCE)

    def _signal(self) -> None:
        asked = Run.objects.filter(chain_name="asked", ended_at=None).order_by("id")
        for run_id in list(asked.values_list("pk", flat=True)):
            run_signal(run_id=run_id, name=SIGNAL, payload={}, actor="packer")

    def _cancel(self) -> None:
        order = Order.objects.order_by("-id").first()
        if order is not None:
            order_cancel(
                namespace=NAMESPACE,
                tenant=order.tenant,
                fingerprint=order.fingerprint,
                actor="customer",
                source=SYSTEM_SOURCE,
            )

    def _repair(self) -> None:
        waiting = Incident.objects.filter(resolved_at=None).select_related("run").order_by("id")
        for incident in list(waiting):
            self._try(partial(self._resume, incident))

    def _resume(self, incident: Incident) -> None:
        """They look at the provider, and say what they have found, or ask again."""
        run = incident.run
        undoing = run.phase == Phase.UNDOING
        done = self.providers.done(f"{run.pk}:{incident.step}" + (":compensate" if undoing else ""))
        decide: dict[str, Any] = {"run_id": run.pk, "actor": "operator", "incident": incident.pk}
        if incident.reason != "unknown_outcome":
            run_retry(**decide)
        elif done:
            run_skip_step(**decide, outcome="done")
        else:
            run_retry(**decide, outcome="not_done")
