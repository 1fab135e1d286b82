"""Buttons that do something to a row: they ask before they post, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from acteon_site.access.whence import agent_of, client_address
from acteon_site.admin.read_only import ReadOnlyAdmin
from acteon_site.base.errors import AppError
from acteon_site.base.principals import Role
from acteon_site.base.source import Source

AUTH_METHOD = "admin"
MOST_REASON = 500
REASON = "Reason (optional, stands in the trail)"
COMMENT = "Comment (optional, stands in the trail)"


@dataclass(frozen=True, slots=True)
class Button:
    """Posts to `url`, with `to` as a form value, once `question` was answered. `kind`: plain, good or bad.

    Where `reason` labels a field, the answer may say why (must, where it is `required`), with `reasons` by choosing one
    of them; `reason_of` reads it. `comment` labels a field for more; `comment_of` reads that. `amount` labels a field
    for an amount of money; `amount_text` reads it. `shortcut` is a key.
    """

    label: str
    url: str
    question: str
    confirm: str
    kind: str = "plain"
    to: str = ""
    reason: str = ""
    required: bool = False
    reasons: tuple[str, ...] = ()
    comment: str = ""
    amount: str = ""
    shortcut: str = ""


@dataclass(frozen=True, slots=True)
class ButtonResult:
    """What a button led to. No payload value may stand in it: messages travel in a cookie."""

    text: str
    level: int = messages.SUCCESS


def actor_of(request: HttpRequest) -> str:
    return request.user.get_username()


def source_of(request: HttpRequest) -> Source:
    who = (actor_of(request), AUTH_METHOD, getattr(request, "request_id", ""))
    return Source(*who, client_address(request)[:64], agent_of(request))


def reason_of(request: HttpRequest) -> str:
    """The reason that was typed, as one line."""
    return " ".join(request.POST.get("reason", "").split())[:MOST_REASON]


def comment_of(request: HttpRequest) -> str:
    """What was typed beside the reason, as one line."""
    return " ".join(request.POST.get("comment", "").split())[:MOST_REASON]


def amount_text(request: HttpRequest) -> str:
    """The amount as it was typed."""
    return request.POST.get("amount", "")[:MOST_REASON]


def change_url(model: Any, pk: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def answer_dialog(
    page: admin.ModelAdmin[Any], request: HttpRequest, url: str, act: Callable[[], str]
) -> HttpResponse:
    """Do what the button of a dialog is for, and lead to `url`, where its words (or the refusal) are shown."""
    try:
        page.message_user(request, act())
    except AppError as error:
        page.message_user(request, error.message, messages.ERROR)
    if request.headers.get("HX-Request"):  # a dialog is sent by script
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


class ButtonPagesAdmin(ReadOnlyAdmin):
    """Read-only rows. `view_codename` may look, `act_codename` may press the buttons."""

    view_codename: str
    act_codename: str
    act_role = Role.OPERATOR
    in_trail = True  # what the buttons do stands in the trail of orders; else it is noted as the person's
    pk_converter = "uuid"
    change_form_template = "admin/acteon_site/page.html"
    list_before_template = "admin/acteon_site/refresh.html"  # type: ignore[assignment]
    fields = ()
    show_facets = admin.ShowFacets.NEVER
    empty_title = "Nothing to see"
    empty_text = "Nothing matches."
    gone_text = "It is not here any more."

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(self.view_codename) and self.reaches(request, Role.VIEWER)

    def may_act(self, request: HttpRequest, row: object = None) -> bool:
        """Whether the person may press the buttons: of this row, or of any."""
        return request.user.has_perm(self.act_codename) and self.reaches(request, self.act_role, row)

    def url_of(self, page: str, *args: object) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the row's page shows on top."""
        return {}

    def press(self, request: HttpRequest, obj: Any, name: str) -> ButtonResult:
        """Do what the button `name` is for. Raises AppError where that cannot be done."""
        raise LookupError(f"{name} is no button of this page")

    buttons: tuple[str, ...] = ()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> Any:
        shown = context | self.details(request, options["obj"])
        return super().render_change_form(request, shown, *args, **options)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<{self.pk_converter}:pk>/{name}/",
                self.admin_site.admin_view(self._view(name)),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
            )
            for name in self.buttons
        ]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def _view(self, name: str) -> Callable[..., HttpResponse]:
        # Not in one transaction as Django's own admin views are: what a button does may call a provider.
        def view(request: HttpRequest, pk: UUID | int) -> HttpResponse:
            if not self.may_act(request):
                raise PermissionDenied
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            return self._pressed(request, pk, name)

        return view

    def _pressed(self, request: HttpRequest, pk: UUID | int, name: str) -> HttpResponse:
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            self.message_user(request, self.gone_text, messages.WARNING)
            return HttpResponseRedirect(self.url_of("changelist"))
        if not self.may_act(request, row):
            raise PermissionDenied
        try:
            words = str(row)
            result, following = self.press(request, row, name), self.landing(row, name)
            if not self.in_trail:
                self.note(request, row, f"{name}: {self.opts.verbose_name}"[:40], words)
        except AppError as error:
            result = ButtonResult(f"Nothing was changed: {error.message}.", messages.WARNING)
            following = self.url_of("change", pk)
        self.message_user(request, result.text, result.level)
        return HttpResponseRedirect(following)

    def landing(self, row: Any, name: str) -> str:
        """The page that a button which did its work leads to."""
        return self.url_of("change", row.pk)
