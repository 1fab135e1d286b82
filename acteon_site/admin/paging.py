"""Lists that are read by position: the tenth page costs what the first does, and new rows move nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.views import ChangeList

from acteon_site.base.keyset import Keyset, keyset_of

AFTER, BEFORE, OLDEST = "after", "before", "last"
OURS = (AFTER, BEFORE, OLDEST)


class KeysetChangeList(ChangeList):
    """Pages by `after` and `before` a position, and the `last` one. What is sorted by more than columns has numbers."""

    keyset: Keyset | None = None
    newer = older = ""  # queries of the pages around this one

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        query = request.GET.copy()
        self._asked = {name: query.pop(name)[-1] for name in OURS if name in query}
        request.GET = query  # type: ignore[assignment]  # filters know none of these
        super().__init__(request, *args, **options)

    def get_results(self, request: HttpRequest) -> None:
        self.keyset = keyset_of(self.queryset)
        if self.keyset is None:
            super().get_results(request)
            return
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.result_list = self._page(self.keyset)
        self.result_count = max(self.paginator.count, len(self.result_list))
        self.full_result_count, self.show_full_result_count = None, False
        self.show_admin_actions, self.can_show_all, self.multi_page = False, False, False

    def _page(self, keyset: Keyset) -> list[Any]:
        backwards = BEFORE in self._asked or OLDEST in self._asked
        walk = keyset.reversed() if backwards else keyset
        position = self._asked.get(BEFORE if backwards else AFTER, "")
        rows = self.queryset.order_by(*walk.keys)
        try:
            found = list((walk.after(rows, position) if position else rows)[: self.list_per_page + 1])
        except ValueError:  # an address that somebody has cut short
            position, backwards, found = "", False, list(self.queryset[: self.list_per_page + 1])
        shown = found[: self.list_per_page]
        shown = shown[::-1] if backwards else shown
        self._lead(keyset, shown, more=len(found) > len(shown), backwards=backwards, began=bool(position))
        return shown

    def _lead(self, keyset: Keyset, shown: list[Any], *, more: bool, backwards: bool, began: bool) -> None:
        if not shown:
            return
        if more if backwards else began:
            self.newer = self.get_query_string({BEFORE: keyset.position(shown[0])})
        if began if backwards else more:
            self.older = self.get_query_string({AFTER: keyset.position(shown[-1])})

    @property
    def newest_query(self) -> str:
        return self.get_query_string()

    @property
    def oldest_query(self) -> str:
        return self.get_query_string({OLDEST: 1})

    @property
    def is_capped(self) -> bool:
        """Whether there may be more rows than are told."""
        return bool(self.result_count >= getattr(self.paginator, "CAP", self.result_count + 1))
