"""A random walk over the store: whatever is done to it, it holds what was acknowledged and verifies."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from coordinator.domain.errors import StorageError
from coordinator.domain.events import (
    SYSTEM_CHAIN,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    Event,
    HandRaised,
    LoggedIn,
    Recorded,
)
from coordinator.storage import Reader, Store, verify
from tests.storage.conftest import Clock

CHAINS = st.sampled_from(["b1", "b2", "b3"])
EVENTS = st.one_of(
    st.builds(BriefingCreated, st.text(max_size=5), st.just("class"), st.none(), st.none(), st.just(())),
    st.builds(HandRaised, st.sampled_from(["alfa", "bravo"]), st.text(max_size=20)),
    st.sampled_from([BriefingOpened(), BriefingEnded()]),
)


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store.open(self.folder)
        self.reader = Reader(self.folder)
        self.clock = Clock()
        self.acknowledged: dict[str, list[Recorded]] = {"b1": [], "b2": [], "b3": [], SYSTEM_CHAIN: []}

    @rule(chain=CHAINS, events=st.lists(EVENTS, max_size=4))
    def append(self, chain: str, events: list[Event]) -> None:
        self.clock.forward(1)
        written = self.store.append(chain, [(event, self.clock(), "host") for event in events])
        assert len(written) == len(events)
        self.acknowledged[chain] += written

    @rule(chain=CHAINS, events=st.lists(EVENTS, max_size=2))
    def fail_to_append(self, chain: str, events: list[Event]) -> None:
        unwritable = HandRaised("alfa", "\ud800")
        happened = [(event, self.clock(), "host") for event in [*events, unwritable]]
        with pytest.raises(StorageError):
            self.store.append(chain, happened)

    @rule(chain=CHAINS)
    def give_up_a_transaction(self, chain: str) -> None:
        with pytest.raises(KeyError), self.store.transaction():
            self.store.append(chain, [(BriefingOpened(), self.clock(), "host")])
            raise KeyError

    @rule(chain=CHAINS)
    def seal(self, chain: str) -> None:
        self.acknowledged[chain] += self.store.seal(chain, self.clock())
        self.acknowledged[SYSTEM_CHAIN] += self.store.events(
            SYSTEM_CHAIN, after=len(self.acknowledged[SYSTEM_CHAIN])
        )

    @rule()
    def log_in(self) -> None:
        told = (LoggedIn("lan", "ok"), self.clock(), "lan")
        self.acknowledged[SYSTEM_CHAIN] += self.store.append(SYSTEM_CHAIN, [told])

    @rule()
    def rebuild(self) -> None:
        before = self.store.briefings()
        self.store.rebuild()
        assert self.store.briefings() == before

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder)

    @invariant()
    def everything_acknowledged_is_there_and_nothing_else(self) -> None:
        for chain, written in self.acknowledged.items():
            assert self.reader.events(chain) == written
            assert self.reader.head(chain)[0] == len(written)

    @invariant()
    def it_verifies(self) -> None:
        assert verify(self.reader) == []

    def teardown(self) -> None:
        self.reader.close()
        self.store.close()
        shutil.rmtree(self.folder)


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
