"""Whose paper a report is on: the Party's heading or the State's, and the two lines under it.

The Party's form follows Hướng dẫn 36-HD/VPTW (2018), the State's Nghị định 30/2020/NĐ-CP, phụ lục I.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.config import Config

PARTY, STATE = "party", "state"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """`heading`: party | state; `authority` above `office`; `place` before the date, or empty.

    `warn_rate` (0..1): sites under it are named in the text.
    """

    heading: str = PARTY
    authority: str = ""
    office: str = ""
    place: str = ""
    warn_rate: float = 0.9

    @property
    def motto(self) -> tuple[str, str]:
        """The right side: its two lines; the Party has one."""
        if self.heading == STATE:
            return "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"
        return "ĐẢNG CỘNG SẢN VIỆT NAM", ""

    @property
    def persons(self) -> str:
        """What those who take part are called."""
        return "đại biểu" if self.heading == STATE else "đồng chí"


def of(config: Config) -> Letterhead:
    """As sites.yaml says; the hub's name where no office is given."""
    chosen = config.attendance
    return Letterhead(
        chosen.heading,
        chosen.authority or "",
        chosen.office or config.hub.name,
        chosen.place or "",
        chosen.warn_rate,
    )
