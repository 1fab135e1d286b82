"""`manage.py incidents …`: runs that wait for a person, and what that person decides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from acteon_site.base.ids import as_uuid
from acteon_site.management.base import table
from chains_app.api.run_shapes import incident_shape, run_detail
from chains_app.listeners import owner_names
from chains_app.management.repairing import (
    EXIT_CODES,
    RepairCommand,
    add_apply,
    add_filters,
    add_subcommand,
    age_of,
    bulk_filters_of,
    filters_of,
    shop_of,
)
from chains_app.models import Incident, Run
from chains_app.services.cancelling import chain_cancel
from chains_app.services.repair import incidents_preview, incidents_resume, open_incidents
from chains_app.services.resuming import OUTCOMES, resume_problem, run_retry, run_skip_step
from chains_app.services.settling import doubt_settle, doubts_of

EXAMPLES = f"""examples:
  python manage.py incidents list --tenant acme-store
  python manage.py incidents show 01a20300-0000-7000-8000-000000000001
  python manage.py incidents retry 01a20300-0000-7000-8000-000000000001
  python manage.py incidents cancel 01a20300-0000-7000-8000-000000000001 --reason "the customer called"
  python manage.py incidents resume --chain order-processing --reason fallback_review
  python manage.py incidents resume --chain order-processing --reason fallback_review --yes

An ID is an incident's, or its run's (a failed run can be shown and retried by its own id, too).
{EXIT_CODES}"""
ID = "01a20300-0000-7000-8000-000000000001"
OUTCOME = "what you found of a call whose outcome nobody knew: it was carried out (done) or not (not_done)"
SUBCOMMANDS = {
    "list": ("list the runs that wait for a person, and why", "incidents list --tenant acme-store"),
    "show": ("show one, with its steps and what can be done", f"incidents show {ID}"),
    "retry": ("try its step again, with the same Idempotency-Key", f"incidents retry {ID}"),
    "skip": ("go on without the step: it counts as done by other means", f"incidents skip {ID}"),
    "cancel": ("stop the run; what is done is undone", f'incidents cancel {ID} --reason "sold out"'),
    "settle": (
        "say what you found of a call that was left in doubt, of a run that was cancelled or has failed",
        f"incidents settle {ID} --outcome not_done",
    ),
    "resume": ("retry many at once; shows which, until --yes is given", "incidents resume --all --yes"),
}


class Command(RepairCommand):
    name = "incidents"
    help = "Runs that wait for a person: list, show, retry, skip a step, cancel, resume many."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        added = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        for name, (about, example) in SUBCOMMANDS.items():
            sub = add_subcommand(added, name, about, example)
            if name in ("list", "resume"):
                add_filters(sub)
            else:
                sub.add_argument("id", help="of an incident, or of its run")
            if name == "list":
                sub.add_argument("--resolved", action="store_true", help="the resolved ones too")
            if name in ("retry", "skip"):
                sub.add_argument("--outcome", choices=OUTCOMES, default="", help=OUTCOME)
            if name == "settle":
                sub.add_argument("--outcome", choices=OUTCOMES, required=True, help=OUTCOME)
                sub.add_argument("--step", default="", help="which one, where several are in doubt")
            if name == "cancel":
                sub.add_argument("--reason", default="", help="why; it stands in the trail")
            if name == "resume":
                add_apply(sub)

    def _list(self, options: dict[str, Any]) -> None:
        found = open_incidents(**filters_of(options), resolved=options["resolved"])
        rows = list(found[: options["limit"]])
        names = owner_names(row.run for row in rows)
        if options["json"]:
            return self.print_json([_shape(row, names[row.run_id]) for row in rows])
        if not rows:
            return self.stdout.write("No run waits for a person.")
        columns = ("incident", "waits", "reason", "order", "chain", "step", "shop", "what happened")
        cells = ((*_waits(row), names[row.run_id], *_where(row.run, row.step), row.message) for row in rows)
        self.console.print(table("Incidents", columns, cells))
        return self.stdout.write("`incidents show ID` tells more; retry, skip and cancel decide.")

    def _show(self, options: dict[str, Any]) -> None:
        run, incident = _target(options["id"], resolved=True)
        order, detail = owner_names([run])[run.pk], run_detail(run)
        if options["json"]:
            shown = _shape(incident, order) if incident else None
            return self.print_json({"order": order, "incident": shown, "run": detail})
        self.console.print(table(f"Order {order}", ("", ""), _facts(run, incident, detail)))
        steps = (
            (step["name"], step["provider"], step["status"], step["attempt"], step["error"])
            for step in detail["steps"]
        )
        self.console.print(table("Steps", ("step", "provider", "status", "calls", "error"), steps))
        return self.stdout.write(_what_next(run, incident))

    def _retry(self, options: dict[str, Any]) -> None:
        run, seen = _target(options["id"])
        run_retry(run_id=run.pk, incident=_id(seen), outcome=options["outcome"], **self.who)
        self._decided(run, "goes on where it stopped", options)

    def _skip(self, options: dict[str, Any]) -> None:
        run, seen = _target(options["id"])
        run_skip_step(run_id=run.pk, incident=_id(seen), outcome=options["outcome"], **self.who)
        self._decided(run, "goes on without the step", options)

    def _settle(self, options: dict[str, Any]) -> None:
        run, seen = _target(options["id"], resolved=True)
        step = options["step"] or (seen.step if seen is not None and seen.resolved_at else "")
        doubt_settle(run_id=run.pk, outcome=options["outcome"], step=step, **self.who)
        self._decided(
            run, "has nothing in doubt there any more; what took effect is undone, if it can be", options
        )

    def _cancel(self, options: dict[str, Any]) -> None:
        run, seen = _target(options["id"])
        reason = " ".join(options["reason"].split())[:500]
        chain_cancel(run_id=run.pk, incident=_id(seen), reason=reason, **self.who)
        self._decided(run, "was asked to stop; what is done is undone", options)

    def _decided(self, run: Run, words: str, options: dict[str, Any]) -> None:
        run = Run.objects.get(pk=run.pk)
        if options["json"]:
            return self.print_json(run_detail(run))
        return self.stdout.write(f"Order {owner_names([run])[run.pk]}: the run {run.pk} {words}.")

    def _resume(self, options: dict[str, Any]) -> None:
        self.do_many(
            open_incidents(**bulk_filters_of(options)),
            options,
            title="resume incidents",
            nothing="No open incident matches.",
            preview=lambda rows: incidents_preview(incidents=rows),
            act=lambda rows: incidents_resume(incidents=rows, **self.who),
        )


def _target(text: str, *, resolved: bool = False) -> tuple[Run, Incident | None]:
    """The run that is meant, by the id of its incident or its own, and its open (or named) incident."""
    pk = as_uuid(text)
    named = Incident.objects.select_related("run__version").filter(pk=pk).first() if pk else None
    if named is not None and named.resolved_at and not resolved:
        raise CommandError(
            f"this incident was {named.resolution} by {named.resolved_by} {age_of(named.resolved_at)}; "
            f"`incidents show {named.run_id}` tells how its run stands"
        )
    if named is not None:
        return named.run, named
    run = Run.objects.select_related("version").filter(pk=pk).first() if pk else None
    if run is None:
        raise CommandError(f"no incident and no run has the id {text!r}; `incidents list` shows what waits")
    return run, run.incidents.filter(resolved_at__isnull=True).first()


def _id(incident: Incident | None) -> UUID | None:
    """Which one the person decides about: no other that the run may have come to wait over meanwhile."""
    return incident.pk if incident else None


def _state(incident: Incident) -> str:
    since = age_of(incident.opened_at)
    return f"{incident.resolution} by {incident.resolved_by}" if incident.resolved_at else since


def _waits(incident: Incident) -> tuple[Any, ...]:
    return incident.pk, _state(incident), incident.reason


def _where(run: Run, step: str) -> tuple[str, ...]:
    return run.chain_name, step, shop_of(run)


def _shape(incident: Incident, order: str) -> dict[str, Any]:
    run = incident.run
    return {**incident_shape(incident), "order": order, "namespace": run.namespace, "tenant": run.tenant}


def _facts(run: Run, incident: Incident | None, detail: dict[str, Any]) -> list[tuple[str, Any]]:
    version = detail["definition_version"]
    facts: list[tuple[str, Any]] = [
        ("run", run.pk),
        ("chain", f"{run.chain_name}, version {version}" if version else run.chain_name),
        ("shop", shop_of(run)),
        ("action", f"{run.action_type}, {run.action_id}"),
        ("status", run.status.replace("_", " ")),
        ("error", run.error),
    ]
    if incident:
        about = f"{incident.reason} at step {incident.step}: {incident.message}"
        facts += [("incident", incident.pk), ("why", about), ("since", _state(incident))]
    return facts


def _what_next(run: Run, incident: Incident | None) -> str:
    if incident is not None and incident.resolved_at is None:
        return (
            f"Decide: `incidents retry {run.pk}`, `incidents skip {run.pk}` or `incidents cancel {run.pk}`."
        )
    if found := doubts_of(run):
        steps = ", ".join(doubt.step.name for doubt in found)
        return (
            f"Nobody knows whether {steps} took effect: look there, then `incidents settle {run.pk} --outcome done` or "
            f"`--outcome not_done`."
        )
    problem = resume_problem(run)
    if problem:
        return f"It cannot be retried: {problem.message}."
    return f"`incidents retry {run.pk}` lets it go on at its failed step."
