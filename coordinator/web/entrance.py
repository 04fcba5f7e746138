"""Which briefing a page's hello leads to.

Rule 1: the hello's own briefing, else where the site's link leads.
Rule 2: a page that can ask its operator hears of every briefing that its site may be meant for, as soon as
there are two, and enters none of them unasked.
"""

from __future__ import annotations

from typing import Any

from coordinator.domain.errors import Refusal
from coordinator.session import Sessions
from coordinator.web.messages import Hello


async def briefing_of(sessions: Sessions, hello: Hello, site: str | None) -> str:
    """The briefing to enter; `site`: the page's own, None for the hub.

    Raises:
        Refusal: not_open, unknown_briefing, unknown_site.
    """
    if hello.briefing is None or (hello.chooses and site is not None):
        found = await sessions.live_for(site) if site else []
        if not found:
            raise Refusal("not_open" if site else "unknown_briefing")
        return hello.briefing if hello.briefing in found else found[0]
    if site is not None:
        called = (await sessions.snapshot(hello.briefing))["sites"]
        if site not in [entry["code"] for entry in called]:
            raise Refusal("unknown_site", site=site)
    return hello.briefing


async def choice_of(sessions: Sessions, hello: Hello | None, site: str | None, here: str | None) -> list[str]:
    """The briefings to choose from, `here` (where the page is) among them; empty where there is no choice."""
    if hello is None or not hello.chooses or site is None:
        return []
    found = await sessions.live_for(site)
    all_of_them = [*found, here] if here is not None and here not in found else found
    return all_of_them if len(all_of_them) > 1 else []


async def described(sessions: Sessions, briefings: list[str]) -> list[dict[str, Any]]:
    """What the operator reads of each: id, title, document_number."""
    rows = [await sessions.snapshot(one) for one in briefings]
    return [{name: row[name] for name in ("id", "title", "document_number")} for row in rows]
