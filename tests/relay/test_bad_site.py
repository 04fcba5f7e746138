"""A site on a bad line and one on a good line, both real browsers: what the bad line may cost whom.

The line is a veth pair of its own, limited by `tc tbf` and losing packets by `nft` (see `bad_site.py`).
Everybody joins once; the line is changed while the media runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from coordinator.simulate import RecordedMedia
from tests.relay.bad_site import WINDOW_S, Hall, Seen, Site, hall, side_by_side

pytestmark = [
    pytest.mark.line,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

SETTLE_S = 4.0
BACK_WITHIN_S = 15.0
AUDIO_GAPS = 0.01
SPOKEN_GAPS = 0.04
"""On the way up it is the browser that protects: with one earlier frame, two lost in a row are gone."""
LOW_WIDTH, HIGH_WIDTH = 320, 1280


@dataclass
class Stage:
    """The hall, both sites, and what the good one saw while it was alone."""

    hall: Hall
    good: Site
    bad: Site
    alone: Seen

    async def settled(self) -> tuple[Seen, Seen]:
        """Let the relay find out about the line, then watch; returns what the bad and the good site saw."""
        squeezed = await self.bad.watch(SETTLE_S)
        seen = await side_by_side(self.bad, self.good)
        print(f"at first: {squeezed}", f"then:     {seen[0]}", f"the good: {seen[1]}", sep="\n")
        assert squeezed.audio_gaps < 0.3, "sound stops for a second at most when a line becomes thin"
        return seen

    def leaves_alone(self, good: Seen) -> None:
        """Check that the good site got and showed the same as when it was alone."""
        assert good.bps > 0.85 * self.alone.bps and good.width == HIGH_WIDTH
        assert good.typical_fps > 0.85 * self.alone.typical_fps
        assert good.typical_frozen <= self.alone.typical_frozen + 0.02


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RecordedMedia:
    cache = getattr(request.config, "cache", None)
    folder: Path = cache.mkdir("recorded") if cache is not None else tmp_path_factory.mktemp("recorded")
    return RecordedMedia.load(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(recorded: RecordedMedia, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        async with hall(patch, recorded, tmp_path_factory.mktemp("far")) as opened:
            pages = await opened.open(opened.near), await opened.open(opened.far)
            good = await opened.enter(pages[0], "good")
            alone = Seen.over([await good.watch(WINDOW_S) for _ in range(3)])
            bad = await opened.enter(pages[1], "bad")
            yield Stage(opened, good, bad, alone)


async def test_at_300_kbit_s_sound_is_unbroken_and_the_picture_moves(stage: Stage) -> None:
    stage.hall.line.limit(300_000)
    bad, good = await stage.settled()
    stage.hall.line.lift()

    assert bad.audio_gaps < AUDIO_GAPS
    assert bad.width == LOW_WIDTH and bad.frames / bad.seconds > 10 and bad.longest_gap_s < 1
    stage.leaves_alone(good)
    await stage.bad.shows_width(HIGH_WIDTH, BACK_WITHIN_S)


async def test_at_100_kbit_s_sound_is_unbroken_and_the_picture_is_said_to_be_paused(stage: Stage) -> None:
    stage.hall.line.limit(100_000)
    bad, good = await stage.settled()
    paused = await stage.bad.client.page.evaluate(f"remote('{stage.bad.camera}').track.streamState")
    stage.hall.line.lift()

    assert bad.audio_gaps < AUDIO_GAPS and paused == "paused"
    stage.leaves_alone(good)
    await stage.bad.shows_width(HIGH_WIDTH, BACK_WITHIN_S)


async def test_with_10_percent_lost_each_way_sound_is_unbroken_and_no_picture_stands(stage: Stage) -> None:
    await stage.bad.shows_width(HIGH_WIDTH, BACK_WITHIN_S)
    voice = await stage.bad.client.call("publishMicrophone")
    await stage.good.client.until(f"!!(remote('{voice}') || {{}}).track", 10)
    stage.hall.line.lose(10)
    said = await stage.good.heard(voice)
    bad, good = await stage.settled()
    spoken = await stage.good.missing(voice, said)
    there = stage.hall.participant("bad")
    assert any(feed.route.copies and feed.route.takes_copies for feed in there.plane.feeds()), "RED, down"
    told = await stage.bad.client.page.evaluate("room.localParticipant.connectionQuality")
    stage.hall.line.mend()

    print(f"spoken from there, {100 * spoken:.2f} % missing; its line is told to be {told}")
    assert bad.audio_gaps < AUDIO_GAPS
    assert bad.longest_gap_s < 1 and bad.width > LOW_WIDTH
    assert there.uplink.copied > 0, "RED, up"
    assert spoken < SPOKEN_GAPS + good.audio_gaps, "browsers send one earlier frame"
    assert told in ("poor", "good"), "not called excellent"
    stage.leaves_alone(good)
