"""Join sheets carry each site's own link as text and as a QR code, for host and administrator only."""

from __future__ import annotations

import re

import pytest

from coordinator.web.join_pages import qr_code
from tests.web.rig import ALFA, BRAVO, CHARLIE, Rig


async def test_a_sheet_a_site_with_its_link_and_a_code_to_scan(rig: Rig) -> None:
    briefing = await rig.briefing(sites=[ALFA, BRAVO], starts_at="2026-04-14T08:00:00+07:00")

    text = await (await (await rig.person("host")).get(f"/host/briefings/{briefing}/join-sheets")).text()

    assert re.findall(r'data-testid="join-sheet-([a-z-]+)"', text) == [ALFA, BRAVO]
    for code in (ALFA, BRAVO):
        url = rig.services.links.url_for(code)
        assert url in text and str(qr_code(url)) in text
    assert "08 giờ 00, thứ Ba, 14/4/2026" in text
    assert "34 đồng chí" in text


async def test_sheets_for_all_sites_or_for_one(rig: Rig) -> None:
    admin = await rig.person("admin")

    everybody = await (await admin.get("/host/join-sheets")).text()
    one = await (await admin.get(f"/host/join-sheets?site={CHARLIE}")).text()

    assert everybody.count("PHIẾU VÀO HỌP") == 3
    assert re.findall(r'data-testid="join-sheet-([a-z-]+)"', one) == [CHARLIE]
    assert (await admin.get("/host/join-sheets?site=none")).status == 404


@pytest.mark.parametrize("path", ["/host/join-sheets", "/host/briefings/{}/join-sheets"])
async def test_nobody_else_sees_the_secrets(rig: Rig, path: str) -> None:
    address = path.format(await rig.briefing())

    for browser in (await rig.person("staff"), await rig.site(ALFA), await rig.nobody()):
        answer = await browser.get(address)
        assert answer.status in (303, 403)
        assert "?k=" not in await answer.text()


@pytest.mark.parametrize(
    ("language", "words"), [("vi", "Hướng dẫn cán bộ trực"), ("en", "Help for the operator")]
)
async def test_the_help_is_there_for_everybody_in_both_languages(rig: Rig, language: str, words: str) -> None:
    answer = await (await rig.nobody()).get("/help", headers={"Cookie": f"lang={language}"})

    assert answer.status == 200
    assert words in await answer.text()
