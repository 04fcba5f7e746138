"""What a subscriber's line is believed to carry, where it can only be watched, not probed."""

from __future__ import annotations

from coordinator.relay.forwarding.downlink import CLEAN_S, QUEUE_LIMIT_S, START_BPS, Downlink


class Line:
    """A bottleneck of `rate_bps` with a deep queue, between a Downlink and its peer."""

    def __init__(self, rate_bps: float) -> None:
        self.rate_bps, self.free_at, self.now = rate_bps, 0.0, 100.0
        self.downlink = Downlink()

    def run(self, seconds: float, send_bps: float) -> None:
        """Send at a rate for a while; feedback every 50 ms."""
        end, pending = self.now + seconds, []
        next_feedback = self.now + 0.05
        while self.now < end:
            number = self.downlink.flight.sent(1200, self.now)
            self.free_at = max(self.free_at, self.now) + 9600 / self.rate_bps
            pending.append((number & 0xFFFF, self.free_at + 0.02))
            self.now += 9600 / send_bps
            if self.now >= next_feedback:
                came = [(n, t) for n, t in pending if t <= self.now]
                pending = [(n, t) for n, t in pending if t > self.now]
                self.downlink.feedback(list(came), self.now)
                next_feedback += 0.05


def test_a_good_line_opens_within_seconds() -> None:
    line = Line(50_000_000)
    line.run(4.0, 2_000_000)
    assert line.downlink.budget_bps > 4 * START_BPS


def test_a_line_that_stays_good_keeps_no_more_of_its_past_than_after_a_minute() -> None:
    def kept(line: Line) -> int:
        return sum(len(value) for value in vars(line.downlink).values() if hasattr(value, "__len__"))

    line = Line(50_000_000)
    line.run(60.0, 2_000_000)
    after_a_minute = kept(line)
    line.run(240.0, 2_000_000)
    assert kept(line) <= after_a_minute * 1.5


def test_a_narrow_line_is_found_out_before_the_queue_is_a_second_long() -> None:
    line = Line(500_000)
    line.run(2.0, 1_500_000)
    assert line.downlink.budget_bps < 500_000


def test_after_congestion_the_estimate_grows_only_when_the_line_has_been_clean_for_a_while() -> None:
    line = Line(500_000)
    line.run(2.0, 1_500_000)
    line.run(6.0, 200_000)
    low = line.downlink.budget_bps
    line.run(CLEAN_S - 4.0, 200_000)
    assert line.downlink.budget_bps <= low
    line.run(CLEAN_S + 2.0, 200_000)
    assert line.downlink.budget_bps > low


def test_loss_by_chance_on_few_packets_lowers_nothing() -> None:
    downlink = Downlink()
    for step in range(200):
        numbers = [downlink.flight.sent(200, step * 0.1 + n / 1000) & 0xFFFF for n in range(5)]
        lost = {0} if step % 2 == 0 else set()  # one in ten
        downlink.feedback(
            [(n, None if i in lost else step * 0.1 + i / 1000) for i, n in enumerate(numbers)], step * 0.1
        )
    assert downlink.budget_bps > START_BPS


def test_loss_lowers_the_estimate() -> None:
    downlink = Downlink()
    for step in range(30):
        numbers = [downlink.flight.sent(1200, step * 0.1 + n / 1000) & 0xFFFF for n in range(50)]
        downlink.feedback(
            [(n, None if n % 4 == 0 else step * 0.1 + n / 1000) for n in numbers], step * 0.1 + 0.1
        )
    assert downlink.budget_bps < START_BPS


def test_the_loss_of_sound_alone_is_measured() -> None:
    downlink = Downlink()
    for step in range(100):
        number = downlink.flight.sent(200, step * 0.06) & 0xFFFF
        downlink.feedback([(number, None if step % 10 == 0 else step * 0.06 + 0.02)], step * 0.06)
    assert 0.05 < downlink.chance_loss(6.0) < 0.15


def test_what_was_lost_before_and_is_told_while_a_queue_drains_does_not_ruin_the_estimate() -> None:
    downlink, now = Downlink(), 100.0

    def told(came: list[float], lost: int) -> None:
        """Feedback on packets: how late each of those that came was, and how many were lost."""
        numbers = [downlink.flight.sent(1200, now + n / 1000) & 0xFFFF for n in range(len(came) + lost)]
        arrivals = [now + n / 1000 + late for n, late in enumerate(came)] + [None] * lost
        downlink.feedback(list(zip(numbers, arrivals, strict=True)), now)

    for _ in range(30):
        told([0.02] * 10, 0)
        now += 0.1
    for late in (0.1, 0.2, 0.3):
        told([late] * 4, 0)
        now += 0.1
    assert downlink.draining
    found = downlink.budget_bps
    now += 0.5
    told([0.3], 9)
    assert 0.5 * found <= downlink.budget_bps < found, "it is still there: a second look"
    now += 0.1
    told([0.35] * 12, 0)
    found = downlink.budget_bps
    now += 0.8
    told([0.02], 9)
    assert downlink.queue_s > QUEUE_LIMIT_S, "smoothed, it is still long"
    assert downlink.budget_bps == found, "the queue is gone"
