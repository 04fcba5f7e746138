"""The operator's choices and ways out: what to receive and send, echo, telephone, other browsers, plugs."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import expect_accessible, sideways
from tests.pages.test_operator_page import enter
from tests.support.browsers import Browsers
from tests.web.rig import ALFA, Rig

pytestmark = [pytest.mark.browser]

# The microphone hears what the page plays, at `window.gain`: a room without a room.
_ROOM = """
window.asked = [];
const connect = AudioNode.prototype.connect;
const [air, level] = [[], []];
window.rooms = { air, level };
AudioNode.prototype.connect = function (to, ...more) {
  if (to instanceof AudioDestinationNode) {
    const out = this.context.createMediaStreamDestination();
    connect.call(this, out);
    for (const gain of level) connect.call(gain.context.createMediaStreamSource(out.stream), gain);
  }
  return connect.call(this, to, ...more);
};
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  window.asked.push(wanted);
  if (window.unplugged) throw new DOMException('gone', 'NotFoundError');
  const stream = await real(wanted);
  if (!wanted.audio || window.gain === undefined) return stream;
  const context = new AudioContext();
  await context.resume();
  const [gain, out] = [context.createGain(), context.createMediaStreamDestination()];
  gain.gain.value = window.gain;
  connect.call(gain, out);
  level.push(gain);
  for (const track of stream.getAudioTracks()) { track.stop(); stream.removeTrack(track); }
  stream.addTrack(out.stream.getAudioTracks()[0]);
  return stream;
};
"""


async def room(rig: Rig, browsers: Browsers, script: str = "") -> Page:
    person = await browsers.person(f"operator {len(browsers.people)}")
    await person.context.add_init_script(script + _ROOM)
    await person.page.goto(rig.base + rig.link(ALFA))
    await expect(person.page.locator("body")).to_have_attribute("data-ready", "true")
    return person.page


@pytest.mark.parametrize(("gain", "echo"), [("0", "none"), ("0.01", "some"), ("0.8", "strong")])
async def test_the_test_sound_that_comes_back_is_told_as_an_echo(
    rig: Rig, browsers: Browsers, gain: str, echo: str
) -> None:
    page = await room(rig, browsers, f"window.gain = {gain};")
    await expect(page.locator("#microphone-step")).to_have_attribute("data-state", "online")

    await page.get_by_test_id("speaker-test").click()

    await expect(page.get_by_test_id("echo-words")).to_have_attribute("data-echo", echo)


async def test_hall_sound_asks_for_the_microphone_without_echo_cancellation(
    rig: Rig, browsers: Browsers
) -> None:
    await rig.briefing("open")
    page = await room(rig, browsers)
    await page.get_by_test_id("join-button").click()
    await page.get_by_test_id("settings-open").click()
    await page.get_by_test_id("hall-sound").check()

    await page.get_by_test_id("devices-open").click()

    await expect(page.locator("#microphone-step")).to_have_attribute("data-state", "online")
    (last,) = await page.evaluate("asked.filter((one) => one.audio).slice(-1)")
    assert [last["audio"][name] for name in ("echoCancellation", "noiseSuppression")] == [False, False]


async def test_what_is_received_and_what_is_sent_are_chosen_apart_and_kept(
    rig: Rig, browsers: Browsers
) -> None:
    await rig.briefing("open", "start")
    page = await enter(rig, browsers)
    await page.get_by_test_id("settings-open").click()
    await expect_accessible(page, "the settings")
    await page.get_by_test_id("receive-sound").check()
    await expect(page.get_by_test_id("send-picture")).to_be_checked()
    await page.get_by_test_id("send-picture").uncheck()
    await page.get_by_test_id("settings-close").click()
    await expect(page.locator("#headline")).to_have_text("Chỉ nghe tiếng")
    await expect(page.locator("#stage-empty")).to_have_text("Không nhận hình, theo lựa chọn tại đây")
    await expect(page.locator("#stage-empty")).to_be_visible()
    await expect(page.locator("#self-none")).to_be_visible()

    await page.reload()

    await expect(page.locator("#headline")).to_have_text("Chỉ nghe tiếng")
    await page.get_by_test_id("picture-back").click()
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await expect(page.locator("#self-none")).to_be_visible()


async def test_a_telephone_comes_in_by_the_code_of_the_sites_own_link(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open", "start")
    page = await enter(rig, browsers)
    await page.get_by_test_id("settings-open").click()
    await page.get_by_test_id("phone-open").click()
    await expect(page.get_by_test_id("phone-code").locator("svg")).to_be_visible()
    await expect_accessible(page, "the telephone's code")
    link = await page.locator("#site-link").input_value()
    assert link.endswith(rig.link(ALFA))

    phone = (await browsers.person("phone", size=(390, 844))).page
    await phone.goto(rig.base + rig.link(ALFA))
    await phone.get_by_test_id("join-sound").click()

    await expect(phone.locator("#headline")).to_have_text("Chỉ nghe tiếng")
    assert await sideways(phone) == 0
    await expect_accessible(phone, "the telephone")
    await expect(page.locator("#headline")).to_have_text("Máy khác đã vào thay")


async def test_a_page_inside_zalo_leads_to_chrome(rig: Rig, browsers: Browsers) -> None:
    person = await browsers.person("plain")
    agent = "Mozilla/5.0 (Linux; Android 12; wv) AppleWebKit/537.36 Chrome/109.0 Mobile Zalo android/12"
    context = await person.browser.new_context(user_agent=agent, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    await page.goto(rig.base + rig.link(ALFA))

    await expect(page.get_by_test_id("inside")).to_contain_text("Trang này đang mở trong Zalo")
    opens = await page.get_by_test_id("inside-chrome").get_attribute("href")
    assert opens is not None
    assert opens.startswith("intent://test/join/") and "package=com.android.chrome" in opens
    await page.get_by_test_id("inside-copy").click()
    await expect(page.get_by_test_id("inside-copy")).to_contain_text("Chrome")
    await expect_accessible(page, "inside Zalo")


async def test_a_camera_that_is_plugged_in_again_comes_back_by_itself(rig: Rig, browsers: Browsers) -> None:
    page = await room(rig, browsers)
    await expect(page.locator("#camera-step")).to_have_attribute("data-state", "online")

    await page.evaluate(
        "window.unplugged = true; const track = document.getElementById('preview').srcObject"
        ".getTracks()[0]; track.stop(); track.dispatchEvent(new Event('ended'));"
    )
    await expect(page.locator("#camera-trouble")).to_contain_text("Không tìm thấy máy quay")
    await page.evaluate(
        "window.unplugged = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))"
    )

    await expect(page.locator("#camera-step")).to_have_attribute("data-state", "online")


_KEEP_THE_MICROPHONE = """
const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await given(wanted);
  if (wanted.audio) [window.microphone] = stream.getAudioTracks();
  return stream;
};
"""


async def test_a_microphone_that_went_while_the_site_spoke_waits_for_the_operators_own_press(
    rig: Rig, browsers: Browsers
) -> None:
    briefing, host = await rig.briefing("open", "start"), await rig.program("host")
    page = await room(rig, browsers, _KEEP_THE_MICROPHONE)
    await page.get_by_test_id("join-button").click()
    await expect(page.locator("#headline")).to_have_text("Đang nghe Hội trường")
    await host.post(f"/api/briefings/{briefing}/floor", {"site": ALFA})
    await page.get_by_test_id("ready-to-speak").click()
    await expect(page.locator("#headline")).to_have_text("Đang phát biểu")

    await page.evaluate(
        "window.unplugged = true; const track = window.microphone; track.stop();"
        "track.dispatchEvent(new Event('ended'))"
    )
    await expect(page.locator("#cue-trouble")).to_contain_text("Không tìm thấy micrô")
    asked = await page.evaluate("window.asked.length")
    await page.evaluate(
        "window.unplugged = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))"
    )
    await expect(page.locator("#cue-trouble")).to_contain_text("Đã cắm micrô: bấm Sẵn sàng")
    await page.wait_for_timeout(1000)
    assert await page.evaluate("window.asked.length") == asked, "nothing is opened without a press"
    await expect(page.get_by_test_id("mic-off")).to_be_hidden()

    await page.get_by_test_id("ready-to-speak").click()
    await expect(page.locator("#headline")).to_have_text("Đang phát biểu")
    await expect(page.locator("#cue-trouble")).to_be_hidden()


async def test_a_check_that_the_hall_asks_for_comes_with_the_operators_name(
    rig: Rig, browsers: Browsers
) -> None:
    briefing, host = await rig.briefing("open"), await rig.program("host")
    page = await room(rig, browsers)
    await page.get_by_test_id("operator-name").fill("Hoàng Văn Nam")
    await page.get_by_test_id("join-button").click()
    await expect(page.locator("#headline")).to_have_text("Đã vào phòng chờ")

    await host.post(f"/api/briefings/{briefing}/line-checks/ask")

    async with asyncio.timeout(60):
        while "LineChecked" not in await rig.events(briefing):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    snapshot = (await (await host.get(f"/api/briefings/{briefing}")).json())["snapshot"]
    check = next(site["check"] for site in snapshot["sites"] if site["code"] == ALFA)
    assert (check["operator"], check["route"]) == ("Hoàng Văn Nam", "blocked"), "no relay answers here"


async def test_at_1366_the_whole_check_stands_above_the_bar(rig: Rig, browsers: Browsers) -> None:
    page = await room(rig, browsers)
    below = await page.evaluate(
        "document.querySelector('.enter').getBoundingClientRect().bottom"
        " - document.getElementById('state-bar').getBoundingClientRect().top"
    )
    assert below <= 0


_LOCKS = """
window.locks = [];
const request = async (kind) => { window.locks.push(kind); };
Object.defineProperty(navigator, 'wakeLock', { value: { request } });
"""


async def test_the_screen_stays_on_from_joining_on_and_again_when_the_page_comes_back_into_sight(
    rig: Rig, browsers: Browsers
) -> None:
    page = await room(rig, browsers, _LOCKS)
    assert await page.evaluate("window.locks") == []
    await page.get_by_test_id("join-button").click()
    assert await page.evaluate("window.locks") == ["screen"]

    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert await page.evaluate("window.locks") == ["screen", "screen"]


async def test_full_screen_is_one_press_and_the_button_says_how_to_leave_it(
    rig: Rig, browsers: Browsers
) -> None:
    page = await room(rig, browsers)
    button = page.get_by_test_id("full-screen")
    await expect(button).to_have_text("Toàn màn hình")

    await button.click()

    await expect(button).to_have_text("Thoát toàn màn hình")
    assert await page.evaluate("document.fullscreenElement === document.documentElement")
    await button.click()
    await expect(button).to_have_text("Toàn màn hình")


async def test_one_button_runs_the_whole_check(rig: Rig, browsers: Browsers) -> None:
    await rig.briefing("open")
    page = await room(rig, browsers)
    await expect(page.get_by_test_id("line-measure")).to_have_text("Kiểm tra tất cả")

    await page.get_by_test_id("line-measure").click()

    await expect(page.get_by_test_id("line-badge")).to_have_text("Đang phát tiếng thử…")
    await expect(page.get_by_test_id("speaker-yes")).to_be_visible()
    await expect(page.get_by_test_id("echo-words")).to_have_attribute(
        "data-echo", re.compile("none|some|strong")
    )
    await expect(page.get_by_test_id("line-figures")).to_contain_text("UDP bị chặn")  # no relay answers here
    await expect(page.get_by_test_id("line-measure")).to_have_text("Đo lại")
