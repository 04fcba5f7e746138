"""docs/livekit-compatibility.md says what the code does: every message and every call, once, and as it is."""

from __future__ import annotations

import re
from pathlib import Path

from livekit.protocol import rtc

from coordinator.relay.requests import HANDLERS
from coordinator.relay.service import METHODS
from coordinator.relay.webhooks import EVENTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/livekit-compatibility.md").read_text("utf-8")
SENDERS = "\n".join(path.read_text("utf-8") for path in (ROOT / "coordinator/relay").glob("*.py"))


def table(heading: str) -> dict[str, str]:
    """What the table under a heading says, by name."""
    part = PAGE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|") for line in part.splitlines() if line.startswith("| `")]
    named = [(name, row[2].strip()) for row in rows for name in re.findall(r"`(\w+)`", row[1])]
    assert len(dict(named)) == len(named), "each name once"
    return dict(named)


def messages(kind: type) -> set[str]:
    return {field.name for field in kind.DESCRIPTOR.oneofs_by_name["message"].fields}


def test_every_message_of_a_client_is_yes_or_ignored_as_it_is_handled() -> None:
    said = table("Signalling, client to relay")
    assert said == {name: "yes" if name in HANDLERS else "ignored" for name in messages(rtc.SignalRequest)}


def test_every_message_of_the_relay_is_yes_or_never_as_it_is_sent() -> None:
    said = table("Signalling, relay to client")
    sent = {name: re.search(rf"\b{name}=", SENDERS) for name in messages(rtc.SignalResponse)}
    assert said.keys() == sent.keys()
    assert {name for name, what in said.items() if what == "never"} == {
        name for name, found in sent.items() if found is None
    }


def test_every_call_is_served_or_refused_as_it_says() -> None:
    said = table("RoomService")
    assert {name for name, what in said.items() if what.startswith("yes")} == set(METHODS)
    assert {name for name, what in said.items() if what.startswith("refused")} == set(said) - set(METHODS)


def test_the_webhooks_are_those_that_are_sent() -> None:
    part = PAGE.split("**Webhooks**", 1)[1].split("No others", 1)[0]
    assert set(re.findall(r"`(\w+_\w+)`", part)) - {"num_dropped"} == set(EVENTS)
