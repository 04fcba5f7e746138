"""Accounts, tokens, cookies, links and keys: who gets in, and when no longer."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.commands import Actor
from coordinator.domain.errors import Refusal, StorageError
from coordinator.domain.events import SYSTEM_CHAIN, LinkRotated, LoggedIn
from coordinator.storage import Store, keys
from coordinator.storage.accounts import Accounts, make_password
from coordinator.storage.cookies import IDLE_MS, LONGEST_MS, Cookies
from coordinator.storage.links import LinkReader, Links
from coordinator.storage.throttle import Throttle
from tests.storage.conftest import Clock

PASSWORD = "mật khẩu dài"
SITE = Actor("site:alfa", "operator", "alfa")


@pytest.fixture
def accounts(store: Store, clock: Clock) -> Accounts:
    made = Accounts(store, clock)
    made.add("lan", "host", PASSWORD)
    return made


@pytest.fixture
def cookies(store: Store, accounts: Accounts, clock: Clock) -> Cookies:
    return Cookies(store, clock)


@pytest.fixture
def links(store: Store, clock: Clock) -> Links:
    return Links(store, "https://hop.example.vn", clock)


def refused(code: str) -> pytest.RaisesExc[Refusal]:
    return pytest.RaisesExc(Refusal, check=lambda problem: problem.code == code)


def test_the_right_password_opens(accounts: Accounts, store: Store) -> None:
    assert accounts.log_in("lan", PASSWORD, "10.0.0.1") == Actor("lan", "host")
    assert [record.event for record in store.events(SYSTEM_CHAIN)] == [LoggedIn("lan", "ok")]


def test_a_password_typed_decomposed_is_the_same(accounts: Accounts) -> None:
    decomposed = "mật khẩu dài".encode().decode().replace("ậ", "a\u0323\u0302")
    assert accounts.log_in("lan", decomposed, "10.0.0.1").name == "lan"


@pytest.mark.parametrize("name", ["lan", "nobody", "", "x" * 10_000, "\ud800"])
def test_a_wrong_password_and_an_unknown_account_are_refused_alike(accounts: Accounts, name: str) -> None:
    with refused("login_refused"):
        accounts.log_in(name, "wrong password", "10.0.0.1")


def test_a_name_nobody_has_is_not_copied_into_the_log(accounts: Accounts, store: Store) -> None:
    with refused("login_refused"):
        accounts.log_in("my password by mistake", "x", "10.0.0.1")
    assert [record.event for record in store.events(SYSTEM_CHAIN)] == [LoggedIn("?", "refused")]


def test_guessing_has_to_wait_longer_and_longer(accounts: Accounts, clock: Clock) -> None:
    for _ in range(5):
        with refused("login_refused"):
            accounts.log_in("lan", "wrong", "10.0.0.1")

    with refused("too_many_attempts") as told:
        accounts.log_in("lan", PASSWORD, "10.0.0.1")

    assert told.value.details == {"retry_after_s": 1}
    assert accounts.log_in("lan", PASSWORD, "10.0.0.2").name == "lan"  # elsewhere the host still gets in
    clock.forward(1)
    assert accounts.log_in("lan", PASSWORD, "10.0.0.1").name == "lan"


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.booleans(), st.integers(0, 10**6)))
)
def test_the_throttle_never_waits_longer_than_its_limit_nor_forgets_time(
    tries: list[tuple[str, str, bool, int]],
) -> None:
    throttle, now_ms = Throttle(), 0
    for account, address, right, pause_ms in tries:
        now_ms += pause_ms
        if right:
            throttle.succeeded(account, address)
        else:
            throttle.failed(account, address, now_ms)
        assert 0 <= throttle.wait_ms(account, address, now_ms) <= 900_000
        assert throttle.wait_ms(account, address, now_ms + 900_000) == 0


def test_the_throttle_forgets_the_oldest_of_too_many() -> None:
    throttle = Throttle()
    for number in range(20_000):
        throttle.failed(f"account-{number}", f"address-{number}", 0)
    assert len(throttle._failures) == 10_000


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [
        ("lan", "host", PASSWORD, "account_exists"),
        ("system", "host", PASSWORD, "bad_name"),
        ("site:alfa", "host", PASSWORD, "bad_name"),
        ("", "host", PASSWORD, "bad_name"),
        ("a\nb", "host", PASSWORD, "bad_name"),
        ("mai", "operator", PASSWORD, "bad_role"),
        ("mai", "host", "short", "weak_password"),
        ("mai", "host", "x" * 1000, "weak_password"),
    ],
)
def test_what_is_no_account_is_refused(
    accounts: Accounts, name: str, role: str, password: str, code: str
) -> None:
    with refused(code):
        accounts.add(name, role, password)
    assert accounts.names() == [("lan", "host")]


def test_a_token_opens_until_it_is_revoked(accounts: Accounts) -> None:
    token = accounts.add_token("bot", "staff")

    assert accounts.by_token(token) == Actor("bot", "staff")
    assert accounts.by_token(token[:-1]) is None
    assert accounts.revoke_tokens("bot") == 1
    assert accounts.by_token(token) is None


def test_the_file_gives_no_secret_away(accounts: Accounts, cookies: Cookies, data: Path) -> None:
    token, cookie = accounts.add_token("bot", "staff"), cookies.open(Actor("lan", "host"))
    found = sqlite3.connect(data / "coordinator.db")
    dump = "\n".join(found.iterdump())
    found.close()

    assert "argon2id" in dump
    assert not [secret for secret in (PASSWORD, token, cookie) if secret in dump]


def test_a_session_ends_without_use_and_lives_on_with_it(cookies: Cookies, clock: Clock) -> None:
    used, idle = cookies.open(Actor("lan", "host")), cookies.open(Actor("lan", "host"))
    clock.forward(IDLE_MS // 1000 - 1)
    assert cookies.find(used) == Actor("lan", "host")
    clock.forward(2)
    assert cookies.find(used) == Actor("lan", "host")
    assert cookies.find(idle) is None


def test_a_session_ends_at_its_longest_life_however_used(cookies: Cookies, clock: Clock) -> None:
    secret, lived_ms = cookies.open(Actor("lan", "host")), 0
    while cookies.find(secret):
        clock.forward(6 * 3600)
        lived_ms += 6 * 3_600_000
    assert lived_ms == LONGEST_MS + 6 * 3_600_000


def test_log_out_and_a_new_password_end_sessions(cookies: Cookies, accounts: Accounts) -> None:
    left, other = cookies.open(Actor("lan", "host")), cookies.open(Actor("lan", "host"))
    cookies.close(left)
    assert (cookies.find(left), cookies.find(other)) == (None, Actor("lan", "host"))

    accounts.set_password("lan", "another password")
    assert cookies.find(other) is None


def test_a_session_without_its_account_is_over(cookies: Cookies) -> None:
    assert cookies.find(cookies.open(Actor("ghost", "host"))) is None


def test_only_the_newest_sessions_of_one_account_are_kept(cookies: Cookies, clock: Clock) -> None:
    opened = []
    for _ in range(52):
        opened.append(cookies.open(Actor("lan", "host")))
        clock.forward(1)
    assert [cookies.find(secret) is not None for secret in opened] == [False] * 2 + [True] * 50


def test_a_link_opens_its_own_site_only(links: Links) -> None:
    secret = links.secret("alfa")

    assert links.url_for("alfa") == f"https://hop.example.vn/join/alfa?k={secret}"
    assert len(secret) == 22
    assert links.check("alfa", secret)
    assert not links.check("bravo", secret)
    assert not any(links.check("alfa", wrong) for wrong in ("", secret[:-1], secret + "A", "ế", "\ud800"))


def test_rotation_voids_the_old_link_and_its_cookies_and_no_others(
    links: Links, cookies: Cookies, store: Store
) -> None:
    old, other = links.secret("alfa"), links.secret("bravo")
    mine, theirs = cookies.open(SITE), cookies.open(Actor("site:bravo", "operator", "bravo"))
    assert cookies.find(mine) == SITE

    assert links.rotate("alfa", "lan") == 2

    assert (links.check("alfa", old), links.check("bravo", other)) == (False, True)
    assert links.check("alfa", links.secret("alfa"))
    assert (cookies.find(mine), cookies.find(theirs)) == (None, Actor("site:bravo", "operator", "bravo"))
    assert cookies.find(cookies.open(SITE)) == SITE
    assert links.rotate("alfa") == 3
    assert [record.event for record in store.events(SYSTEM_CHAIN)] == [
        LinkRotated("alfa", 2), LinkRotated("alfa", 3),
    ]  # fmt: skip


def test_links_outlive_the_database(data: Path) -> None:
    store = Store.open(data)
    before = Links(store, "").secret("alfa")
    store.close()
    (data / "coordinator.db").unlink()

    assert LinkReader(Store.open(data), keys.link_key(data), "").secret("alfa") == before


def test_key_files_are_private_and_stay_the_same(data: Path) -> None:
    first = keys.media_keys(data), keys.link_key(data)
    (data / "link.key").chmod(0o644)

    assert (keys.media_keys(data), keys.link_key(data)) == first
    assert {stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"", b"zz", b"00", b"\xff", b"{}", b'{"api_key": 1, "api_secret": 2}'])
def test_a_spoilt_key_file_is_named(data: Path, content: bytes) -> None:
    data.mkdir()
    for name, read in (("link.key", keys.link_key), ("media.keys", keys.media_keys)):
        (data / name).write_bytes(content)
        with pytest.raises(StorageError) as told:
            read(data)
        assert (told.value.code, told.value.details) == ("bad_key_file", {"file": str(data / name)})


def test_made_up_passwords_differ() -> None:
    assert len({make_password() for _ in range(100)}) == 100
