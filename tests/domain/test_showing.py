"""Documents, the page that is shown, receipts, messages: what may be asked, and what screens are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain import snapshot
from coordinator.domain.briefing import Briefing
from tests.domain.scenes import HOST, STAFF, Story, at, live_briefing, open_briefing, operator, refused

SENDS = c.HubMedia(audio=True, video=True, screen=False)


def with_document(story: Story, document: str = "d1", pages: int = 36) -> Story:
    story.do(0, c.AddDocument(document, "Nghị quyết 05.pdf", "ab" * 32, pages, 1_000_000), HOST)
    return story


def full(story: Story, when: float = 1) -> dict[str, Any]:
    return snapshot.full(story.briefing, at(when), "applied")


def own(story: Story, site: str = "alfa", when: float = 1) -> dict[str, Any]:
    return snapshot.for_site(story.briefing, site, at(when), "applied")


@pytest.mark.parametrize(
    "event",
    [
        e.DocumentAdded("d1", "a.pdf", "00", 3, 99),
        e.DocumentWithdrawn("d1"),
        e.DocumentReceived("alfa", "d1"),
        e.SlideShown(3, "d1"),
        e.SlidesHidden(),
        e.MessageSent(None, "Mời các điểm cầu ổn định"),
        e.MessageSent("alfa", "Không nghe thấy tiếng", to_hub=True),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_comes_back_from_its_columns_as_it_was(event: e.Event) -> None:
    payload = json.loads(json.dumps(e.to_payload(event)))
    columns = getattr(event, "site", None), None
    assert e.from_payload(type(event).__name__, *columns, payload) == event


def test_a_page_shown_before_documents_came_is_still_read() -> None:
    assert e.from_payload("SlideShown", None, None, {"slide": 4}) == e.SlideShown(4)


def test_a_page_of_a_document_is_shown_within_its_pages_and_turned_by_number_alone() -> None:
    story = with_document(open_briefing("alfa"))

    assert story.do(1, c.ShowSlide(1, "d1"), HOST) == [e.SlideShown(1, "d1")]
    assert story.do(2, c.ShowSlide(36), HOST) == [e.SlideShown(36, "d1")]
    assert story.do(3, c.ShowSlide(36), HOST) == []
    assert refused(story, 4, c.ShowSlide(37)).code == "bad_number"
    assert refused(story, 4, c.ShowSlide(1, "d9")).code == "unknown_document"
    assert (own(story)["slide"], own(story)["document"]) == (36, "d1")


def test_hidden_or_withdrawn_nothing_is_shown_any_more() -> None:
    story = with_document(with_document(open_briefing("alfa")), "d2")
    story.do(1, c.ShowSlide(2, "d1"), HOST)
    assert story.do(2, c.HideSlides(), HOST) == [e.SlidesHidden()]
    assert story.do(2, c.HideSlides(), HOST) == []
    story.do(3, c.ShowSlide(2, "d1"), HOST)

    story.do(4, c.WithdrawDocument("d1"), HOST)

    assert not {"slide", "document"} & own(story).keys()
    assert own(story)["documents"] == "d2"
    assert refused(story, 5, c.WithdrawDocument("d1")).code == "unknown_document"


def test_a_receipt_is_written_once_a_site_and_the_hub_sees_who_has_it() -> None:
    story = with_document(open_briefing("alfa", "bravo"))
    mine = operator("bravo")

    assert story.do(1, c.ReceiveDocument("bravo", "d1"), mine) == [e.DocumentReceived("bravo", "d1")]
    assert story.do(2, c.ReceiveDocument("bravo", "d1"), mine) == []
    assert full(story)["documents"][0]["received"] == ["bravo"]
    assert refused(story, 3, c.ReceiveDocument("alfa", "d1"), mine).code == "forbidden"


def test_only_the_hub_adds_and_shows() -> None:
    story = with_document(live_briefing("alfa"))
    for command in (c.AddDocument("d2", "b", "00", 1, 1), c.ShowSlide(1, "d1"), c.WithdrawDocument("d1")):
        for actor in (STAFF, operator("alfa")):
            assert refused(story, 1, command, actor).code == "forbidden"


def test_twenty_documents_are_enough() -> None:
    story = open_briefing("alfa")
    for number in range(20):
        with_document(story, f"d{number}")
    assert refused(story, 1, c.AddDocument("d20", "x", "00", 1, 1)).code == "too_many_documents"


def test_messages_go_to_one_to_all_and_to_the_hub() -> None:
    story = live_briefing("alfa", "bravo")
    story.do(1, c.SendMessage(None, " Mời ổn định "), HOST)
    story.do(2, c.SendMessage("bravo", "Xin mở micrô"), HOST)
    said = story.do(3, c.SendMessage("alfa", "Không có tiếng"), operator("alfa"))

    assert said == [e.MessageSent("alfa", "Không có tiếng", to_hub=True)]
    thread = [(one.number, one.text, one.to_hub) for one in story.briefing.thread("alfa")]
    assert thread == [(1, "Mời ổn định", False), (3, "Không có tiếng", True)]
    assert (own(story, "bravo")["messages"], full(story)["messages"]) == (2, 3)


@pytest.mark.parametrize(
    ("text", "code"), [("  ", "message_empty"), ("á" * 201, "message_too_long")], ids=["empty", "long"]
)
def test_a_message_has_something_to_say_in_200_characters(text: str, code: str) -> None:
    assert refused(live_briefing("alfa"), 1, c.SendMessage(None, text)).code == code


def test_an_operator_writes_for_its_own_site_to_the_hub_only() -> None:
    story = live_briefing("alfa", "bravo")
    for site in ("bravo", None):
        assert refused(story, 1, c.SendMessage(site, "x"), operator("alfa")).code == "forbidden"


def test_all_of_it_is_there_again_after_a_restart() -> None:
    story = with_document(live_briefing("alfa"))
    story.do(1, c.ShowSlide(5, "d1"), HOST)
    story.do(2, c.ReceiveDocument("alfa", "d1"), operator("alfa"))
    story.do(3, c.SendMessage(None, "Xin chào"), HOST)

    again = Briefing.replay("b1", story.log)

    for told in ("slide", "document", "documents", "messages"):
        assert snapshot.full(again, at(4), "applied")[told] == full(story, 4)[told]


# -- following in slides mode ----------------------------------------------------------------------


def following_story() -> Story:
    story = with_document(live_briefing("alfa"))
    story.join(0, "alfa")
    story.do(1, SENDS)
    story.do(1, c.SetStage("slides"), HOST)
    story.do(2, c.ShowSlide(1, "d1"), HOST)
    return story


def line_following(story: Story) -> str:
    line = story.briefing.line("alfa")
    assert line is not None
    return line.following


def test_in_slides_mode_a_site_follows_that_shows_the_page() -> None:
    story = following_story()
    story.alive(3, "alfa", n=1, receiving=True, mode="slides", slide=1)
    assert line_following(story) == "following"

    story.do(4, c.ShowSlide(2), HOST)
    story.alive(5, "alfa")
    assert line_following(story) == "following", "what it last said was of the page before"

    story.alive(8, "alfa", n=2, receiving=True, mode="slides", slide=1)
    assert line_following(story) == "signal_only"
    story.alive(9, "alfa", n=3, receiving=True, mode="slides", slide=2)
    assert line_following(story) == "following"


def test_a_site_that_shows_pages_is_not_weak_while_pages_are_shown() -> None:
    story = following_story()
    story.alive(3, "alfa", n=1, receiving=True, mode="slides", slide=1)
    assert snapshot.state_of(story.briefing, "alfa", at(4)) == "online"

    story.do(5, c.SetStage("hub"), HOST)
    assert snapshot.state_of(story.briefing, "alfa", at(6)) == "weak"
