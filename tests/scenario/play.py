"""Three hours of a district, second by second, through the real store and rules; no clock is read.

Second 0 is the host's start, 08:00:00 on 2026-11-23 in Ho Chi Minh City. Pages speak at every fifth second;
the server ticks every second. What is particular to a site stands in `TRICKY`; all others come at 07:50,
answer the roll call with two absent, and stay to the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from coordinator.domain import commands as c
from coordinator.domain.commands import SYSTEM_ACTOR, Actor, Command
from coordinator.domain.events import Recorded, Summoned
from coordinator.domain.moments import Moment
from tests.ledger.office import Office

EIGHT_MS = 1_795_395_600_000
BREAK, RESUME, END = 5_400, 6_300, 10_800
KILLED, UP, BACK = 7_205, 7_265, 7_270  # the server's crash; when pages are back
HOST, STAFF = Actor("lan", "host"), Actor("binh", "staff")
LATE, DROPS, PHONE, CRASH = "xa-ban-thi", "xa-bang-lang", "xa-bang-phuc", "xa-binh-trung"
TELEPHONE, SILENT, EARLY = "xa-dai-sao", "xa-dong-thang", "xa-dong-lac"
SITES = (
    ("tt-bang-lung", "Thị trấn Bằng Lũng", 72), ("xa-ban-thi", "Xã Bản Thi", 34),
    ("xa-bang-lang", "Xã Bằng Lãng", 31), ("xa-bang-phuc", "Xã Bằng Phúc", 38),
    ("xa-binh-trung", "Xã Bình Trung", 36), ("xa-dai-sao", "Xã Đại Sảo", 33),
    ("xa-dong-lac", "Xã Đồng Lạc", 35), ("xa-dong-thang", "Xã Đồng Thắng", 45),
    ("xa-luong-bang", "Xã Lương Bằng", 37), ("xa-nam-cuong", "Xã Nam Cường", 39),
    ("xa-nghia-ta", "Xã Nghĩa Tá", 30), ("xa-ngoc-phai", "Xã Ngọc Phái", 34),
    ("xa-phuong-vien", "Xã Phương Viên", 41), ("xa-quang-bach", "Xã Quảng Bạch", 32),
    ("xa-tan-lap", "Xã Tân Lập", 28), ("xa-xuan-lac", "Xã Xuân Lạc", 36),
    ("xa-yen-my", "Xã Yên Mỹ", 29), ("xa-yen-phong", "Xã Yên Phong", 40),
    ("xa-yen-thinh", "Xã Yên Thịnh", 33), ("xa-yen-thuong", "Xã Yên Thượng", 31),
    ("cq-cong-an", "Công an huyện", 48), ("cq-quan-su", "Ban Chỉ huy Quân sự huyện", 26),
    ("cq-y-te", "Trung tâm Y tế huyện", 55), ("cq-giao-duc", "Phòng Giáo dục và Đào tạo", 44),
    ("cq-kiem-lam", "Hạt Kiểm lâm huyện", 22),
)  # fmt: skip
PC = "Chrome, Windows"


@dataclass(frozen=True)
class Stay:
    """On line from one second to another; `silent`: the line dies there, the page says no goodbye."""

    begin: int
    end: int = END
    silent: bool = False
    device: str = PC


USUAL = (Stay(-600, KILLED, True), Stay(BACK))
TRICKY: dict[str, tuple[Stay, ...]] = {
    LATE: (Stay(750, KILLED, True), Stay(BACK)),
    DROPS: (Stay(-600, 1_800, True), Stay(2_010, KILLED, True), Stay(BACK, 9_000), Stay(9_090)),
    PHONE: (
        Stay(-600, 3_600, True),
        Stay(3_600, KILLED, True, "Safari, iPhone"),
        Stay(BACK, device="Safari, iPhone"),
    ),
    CRASH: (Stay(-600, KILLED, True), Stay(7_400)),
    EARLY: (Stay(-600, KILLED, True), Stay(BACK, 10_200)),
    TELEPHONE: (),
    SILENT: (),
}


def moment(second: int) -> Moment:
    return Moment(EIGHT_MS + second * 1000, 90_000_000 + second * 1000, "boot-1")


@dataclass
class Play:
    """`run` plays it all; `events` is the log afterwards."""

    folder: Path
    stays: dict[str, tuple[Stay, ...]] = field(
        default_factory=lambda: {code: TRICKY.get(code, USUAL) for code, _, _ in SITES}
    )

    def run(self) -> list[Recorded]:
        self.office = Office(self.folder)
        self.do(
            -3_600,
            c.Create("Quán triệt Nghị quyết 18", "resolution", self._called(), "18-NQ/TW", EIGHT_MS),
            HOST,
        )
        self.do(-1_800, c.Open(), HOST)
        for second in range(-700, END + 1):
            if second == UP:
                self.office.restart(moment(second))
            if not KILLED <= second < UP:
                self._second(second)
        events = self.office.events()
        assert self.office.faults() == []
        self.office.close()
        return events

    def do(self, second: int, command: Command, actor: Actor = SYSTEM_ACTOR) -> None:
        self.office.handle(command, moment(second), actor)

    def _called(self) -> tuple[Summoned, ...]:
        return tuple(Summoned(code, name, "commune", expected) for code, name, expected in SITES)

    def _second(self, second: int) -> None:
        """Pages first, then the host and the clock; the end comes last."""
        if second in (-650, UP):
            self.do(second, c.HubMedia(audio=True, video=True, screen=False))
        for code, stays in self.stays.items():
            for number, stay in enumerate(stays, start=1):
                self._page(second, code, f"{code}-{number}", stay)
        if second % 60 == 0:
            self._host(second)
        if second == KILLED - 1:
            self.office.kill()
        self.do(second, c.Tick())
        if second == END:
            self.do(second, c.End(), HOST)

    def _page(self, second: int, code: str, connection: str, stay: Stay) -> None:
        if second == stay.begin:
            self.do(second, c.Join(code, connection, stay.device, connection))
        if stay.begin <= second <= stay.end and second % 5 == 0:
            self.do(second, c.Alive(code, connection, n=second, receiving=True))
        if second == stay.end < END and not stay.silent:
            self.do(second, c.Leave(code, connection))

    def _host(self, second: int) -> None:
        if second == 0:
            self.do(second, c.Start(), HOST)
        if second in (BREAK, RESUME):
            self.do(second, c.Break() if second == BREAK else c.Resume(), HOST)
        if second == 840:
            self._roll_call(second)
        if second == 1_200:
            self.do(second, c.ConfirmByPhone(TELEPHONE, "Bà Hoa", "mất điện cả xã"), HOST)
            counted = c.DeclareHeadcount(TELEPHONE, 20, excused=10, unexcused=3, reason="báo qua điện thoại")
            self.do(second, counted, STAFF)
            self.do(second, c.ConfirmHeadcount(TELEPHONE), HOST)

    def _roll_call(self, second: int) -> None:
        """Thirty of Bản Thi's 34; two absent everywhere else, one of them excused."""
        for code, _, expected in SITES:
            if code in (TELEPHONE, SILENT):
                continue
            present, excused = (30, 3) if code == LATE else (expected - 2, 1)
            operator = Actor(f"site:{code}", "operator", code)
            self.do(second, c.DeclareHeadcount(code, present, excused=excused, unexcused=1), operator)
            self.do(second + 1, c.ConfirmHeadcount(code), HOST)
