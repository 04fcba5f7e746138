"""What an operator does, counted: real presses of pointer or key, and when the first picture was drawn.

Rule 1: a press counts when the browser trusts it (`isTrusted`), wherever on the page it lands.
Rule 2: times are this machine's clock in milliseconds, so that page and test can be compared.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext

from tests.support.waiting import until

AS_BROWSERS_ARE = "--autoplay-policy=document-user-activation-required"  # the last one of its name holds

_WATCH = """
addEventListener('click', (event) => { if (event.isTrusted) window.pressedForTests(Date.now()); }, true);
addEventListener('DOMContentLoaded', () => {
  const video = document.querySelector('[data-testid=stage-video]');
  video?.requestVideoFrameCallback(() => window.drawnForTests(Date.now()));
});
"""


@dataclass
class Visit:
    """One visit of a page: `presses` and `drawn` in ms of this machine's clock, oldest first."""

    context: BrowserContext
    opened_ms: float = 0.0
    presses: list[float] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)

    @classmethod
    async def watch(cls, context: BrowserContext) -> Visit:
        """Counts from now on in every page of `context`."""
        visit = cls(context)
        await context.expose_function("pressedForTests", visit.pressed)
        await context.expose_function("drawnForTests", visit.drew)
        await context.add_init_script(_WATCH)
        return visit

    def pressed(self, at_ms: float) -> None:
        """The page was pressed."""
        self.presses.append(at_ms)

    def drew(self, at_ms: float) -> None:
        """The stage drew its first picture."""
        self.drawn.append(at_ms)

    def opens(self) -> None:
        """The link is opened now: counting begins."""
        self.opened_ms = 1000 * time.time()
        self.presses.clear()
        self.drawn.clear()

    async def picture(self) -> None:
        """Waits until the stage has drawn its first picture."""

        async def drawn() -> bool:
            return bool(self.drawn)

        await until("the stage draws a picture", drawn)

    @property
    def after_press_ms(self) -> float:
        """From the last press to the first picture."""
        return self.drawn[0] - self.presses[-1]

    @property
    def after_link_ms(self) -> float:
        """From opening the link to the first picture, with the time until the person (the test) pressed."""
        return self.drawn[0] - self.opened_ms
