"""What a person sees in a browser where a client of the API would get an error as JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def wants_page(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def problem_page(request: HttpRequest, title: str, text: str, status: int) -> HttpResponse:
    page = render(request, "problem.html", {"title": title, "text": text}, status=status)
    page.headers["Cache-Control"] = "no-store"
    page.headers["Referrer-Policy"] = "no-referrer"  # a signed link, perhaps
    return page
