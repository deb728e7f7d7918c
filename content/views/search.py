"""One search over everything public, for visitors, customers and staff alike."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from content import search as index
from content.selectors import articles as reads
from core import clock


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What fits, best first. Nothing found: what comes near, and what is asked for most."""
    now = clock.now()
    question = " ".join(request.GET.get("q", "").split())[: index.LONGEST_QUESTION]
    found = index.find(question, as_of=now, limit=index.MOST_HITS) if question else index.Found([])
    if question and not found.hits:
        index.note_miss(question, as_of=now)
    context = {
        "question": question,
        "found": found,
        "helps": [] if found.hits else reads.helps(as_of=now)[:6],
    }
    return render(request, "content/search.html", context)
