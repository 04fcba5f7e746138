"""The ladder of a weak line in words: what is reduced, what is kept, and that it comes back by itself."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]

_SAYS = """async ([seen, slides]) => {
  const { rungOf } = await import('/static/js/site-line.js');
  const { standingOf } = await import('/static/js/site-state.js');
  const own = { code: 'xa-ban-thi', name: 'Xã Bản Thi', state: 'online', headcount: null, expected: 34 };
  const { headline, detail, line, state } = standingOf({
    snapshot: { id: 'b', phase: 'live', floor: null, calling: null, sites: [own] }, own, joined: true,
    control: 'open', media: 'connected', micOpen: false, slides, receive: 'all', closed: '', closedWords: '',
    rung: rungOf({ connected: true, paused: false, ...seen }),
  });
  return { headline, detail, line, state };
}"""
HALL = ("Đang nghe Hội trường", "Listening to the hall")
RUNGS: tuple[tuple[dict[str, Any], bool, tuple[str, str]], ...] = (
    ({"layer": "high"}, False, HALL),
    ({"layer": "mid", "loss": 0.02}, False, HALL),
    (
        {"layer": "low"}, False,
        ("Mạng yếu: hình nhỏ lại, tiếng vẫn nghe", "Weak line: small picture, sound goes on"),
    ),
    (
        {"paused": True}, False,
        ("Mạng yếu: hình tạm dừng, tiếng vẫn nghe", "Weak line: picture paused, sound goes on"),
    ),
    (
        {"layer": "off"}, True,
        ("Mạng yếu: giữ tiếng và tài liệu", "Weak line: sound and slides are kept"),
    ),
    (
        {"layer": "off", "loss": 0.3}, False,
        ("Mạng rất yếu: tiếng đứt quãng", "Very weak line: the sound breaks up"),
    ),
)  # fmt: skip


async def page_in(rig: Rig, browsers: Browsers, lang: str) -> Page:
    person = await browsers.person(lang)
    await person.context.add_cookies([{"name": "lang", "value": lang, "url": rig.base}])
    await person.page.goto(rig.base + rig.link(ALFA))
    return person.page


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_each_rung_says_what_is_reduced_what_is_kept_and_what_to_do(
    rig: Rig, browsers: Browsers, lang: str
) -> None:
    page = await page_in(rig, browsers, lang)

    for seen, slides, words in RUNGS:
        told = await page.evaluate(_SAYS, [seen, slides])
        assert told["headline"] == words[lang == "en"], seen
        weak = words != HALL
        assert (told["line"], told["state"]) == (("weak", "weak") if weak else ("online", "online"))
        assert told["detail"], "never a state without what to do or to expect"
