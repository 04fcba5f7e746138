"""The commands: what they print, where, and how they exit."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from coordinator import clock
from coordinator.cli import main
from coordinator.domain.commands import Actor
from coordinator.domain.events import (
    SYSTEM_CHAIN,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    BriefingStarted,
    Downloaded,
    HandRaised,
    LinkRotated,
    Summoned,
    Thresholds,
)
from coordinator.storage import Reader, Store, channel, keys
from coordinator.storage.accounts import Accounts
from coordinator.storage.admin import Administration
from coordinator.storage.links import LinkReader, Links

CONFIG = """hub: {name: Hội trường, level: Huyện}
sites:
  - {code: alfa, name: Điểm Á, kind: commune, expected: 30}
  - {code: bravo, name: Điểm B, kind: commune, expected: 12}
"""


class Told:
    """How a command ended and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Run = Callable[..., Told]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def run(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a command in English on a configuration and a data folder of its own."""
    (tmp_path / "sites.yaml").write_text(CONFIG, "utf-8")
    for name in list(os.environ):
        if name.startswith(("COORDINATOR_", "LIVEKIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COORDINATOR_LANG", "en")
    monkeypatch.setenv("COORDINATOR_CONFIG", str(tmp_path / "sites.yaml"))
    monkeypatch.setenv("COORDINATOR_DATA", str(data))

    def run(*words: str) -> Told:
        try:
            code = main(words)
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return run


@pytest.fixture
def served(data: Path) -> Iterator[Administration]:
    """A server that holds the folder and answers on its channel, in a thread of its own."""
    store = Store.open(data)
    administration = Administration(store, Accounts(store), Links(store, "https://hop"), ["alfa"])
    loop = asyncio.new_event_loop()

    async def handle(request: Mapping[str, Any]) -> dict[str, Any]:
        return administration.handle(request)

    server = loop.run_until_complete(channel.serve(data, handle))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield administration
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    store.close()


@pytest.fixture
def briefing(data: Path) -> str:
    """A short briefing on record that has ended."""
    store, sites = Store.open(data), (Summoned("alfa", "Điểm Á", "commune", 30),)
    for event in (
        BriefingCreated("Nghị quyết", "resolution", None, None, sites), BriefingOpened(),
        BriefingStarted("1", Thresholds(), sites), BriefingEnded(),
    ):  # fmt: skip
        store.append("b234567abcdef", [(event, clock.now(), "host")])
    store.close()
    return "b234567abcdef"


def events(data: Path) -> list[object]:
    reader = Reader(data)
    found: list[object] = [record.event for record in reader.events(SYSTEM_CHAIN)]
    reader.close()
    return found


COMMANDS = [
    "serve",
    "relay",
    "check-config",
    "user",
    "token",
    "links",
    "media-keys",
    "export",
    "verify",
    "backup",
    "restore",
    "purge",
    "import-history",
]


def test_help_names_every_command_in_both_languages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    english = run("--help")
    monkeypatch.setenv("COORDINATOR_LANG", "vi")
    vietnamese = run("--help")

    assert (english.code, vietnamese.code) == (0, 0)
    assert not [name for name in COMMANDS if name not in english.out or name not in vietnamese.out]
    assert "check the hash chains" in english.out
    assert "kiểm tra các chuỗi băm" in vietnamese.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Run, name: str) -> None:
    told = run(name, "--help")
    assert (told.code, "usage:" in told.out, told.err) == (0, True, "")


@pytest.mark.parametrize(
    "words",
    [
        (), ("nonsense",), ("user",), ("user", "add"), ("token", "x", "--role", "operator"),
        ("verify", "a", "b"), ("export", "b1", "--format", "odt"), ("serve", "--port", "70000"),
        ("serve", "--port", "x"), ("links", "--js"),
    ],
)  # fmt: skip
def test_wrong_use_exits_two_and_says_where_help_is(run: Run, words: tuple[str, ...]) -> None:
    told = run(*words)
    assert told.code == 2
    assert "--help" in told.err


def test_a_good_configuration_is_counted(run: Run, tmp_path: Path) -> None:
    told = run("check-config")
    assert (told.code, told.out) == (0, f"{tmp_path / 'sites.yaml'}: OK, 2 sites, 42 persons\n")


@pytest.mark.parametrize("words", [("check-config",), ("links",), ("serve", "--port", "0"), ("media-keys",)])
def test_a_bad_configuration_exits_two_before_anything_is_made(
    run: Run, tmp_path: Path, data: Path, words: tuple[str, ...]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(CONFIG + "servr: {}\n", "utf-8")
    told = run(*words, "--config", str(bad))
    assert (told.code, told.out) == (2, "")
    assert told.err == f"{bad}:5: servr: there is no entry called servr. Did you mean server?\n"
    assert not data.exists()


def test_check_config_takes_a_file(run: Run, tmp_path: Path) -> None:
    told = run("check-config", str(tmp_path / "none.yaml"))
    assert told.code == 2
    assert "none.yaml" in told.err


def test_a_user_gets_a_password_made_up_alone_on_standard_output(run: Run, data: Path) -> None:
    told = run("user", "add", "lan", "--role", "host")

    assert told.code == 0
    store = Store.open(data)
    assert Accounts(store).log_in("lan", told.out.strip(), "here") == Actor("lan", "host")
    store.close()


def test_a_password_comes_from_standard_input(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("mật khẩu của tôi\r\nmore\n"))
    told = run("user", "add", "lan", "--role", "admin", "--password-stdin")

    assert (told.code, told.out) == (0, "")
    store = Store.open(data)
    assert Accounts(store).log_in("lan", "mật khẩu của tôi", "here").role == "admin"
    store.close()


def test_an_empty_password_and_a_taken_name_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert run("user", "add", "lan", "--role", "host", "--password-stdin").code == 2
    assert run("user", "add", "lan", "--role", "host").code == 0
    told = run("user", "add", "lan", "--role", "host")
    assert (told.code, told.err) == (2, "There is an account lan already.\n")


def test_token_prints_the_token_alone(run: Run, data: Path) -> None:
    told = run("token", "bot", "--role", "staff", "--data", str(data))

    assert (told.code, told.err, told.out.count("\n")) == (0, "", 1)
    store = Store.open(data)
    assert Accounts(store).by_token(told.out.strip()) == Actor("bot", "staff")
    store.close()


def test_links_are_listed_for_people_and_programs(run: Run, data: Path) -> None:
    plain, listed = run("links"), run("links", "--json")

    rows = json.loads(listed.out)
    assert [(row["code"], row["name"]) for row in rows] == [("alfa", "Điểm Á"), ("bravo", "Điểm B")]
    assert [set(row) for row in rows] == [{"code", "name", "url"}] * 2
    url = LinkReader(Reader(data), keys.link_key(data), "http://127.0.0.1:8080").url_for("alfa")
    assert rows[0]["url"] == url
    assert [line.split()[-1] for line in plain.out.splitlines()] == [row["url"] for row in rows]


def test_links_follow_public_url_and_port(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATOR_PORT", "9000")
    assert "http://127.0.0.1:9000/join/alfa?k=" in run("links").out
    assert "http://10.0.0.7:9001/join/alfa?k=" in run("links", "--host", "10.0.0.7", "--port", "9001").out
    (tmp_path / "sites.yaml").write_text(CONFIG + "server: {public_url: 'https://hop.vn/'}\n", "utf-8")
    assert "https://hop.vn/join/alfa?k=" in run("links").out


def test_rotating_changes_one_link_and_prints_it_alone(run: Run, data: Path) -> None:
    before = {row["code"]: row["url"] for row in json.loads(run("links", "--json").out)}
    rotated = run("links", "--rotate", "alfa", "--json")
    after = {row["code"]: row["url"] for row in json.loads(run("links", "--json").out)}

    assert [row["url"] for row in json.loads(rotated.out)] == [after["alfa"]]
    assert (before["alfa"] != after["alfa"], before["bravo"] == after["bravo"]) == (True, True)
    assert events(data) == [LinkRotated("alfa", 2)]
    told = run("links", "--rotate", "charlie")
    assert (told.code, told.out) == (2, "")


def test_commands_write_through_the_running_server(run: Run, data: Path, served: Administration) -> None:
    told_to_server: list[str] = []
    served.on_link_rotated = told_to_server.append

    token = run("token", "bot", "--role", "staff")
    rotated = run("links", "--rotate", "alfa")
    refused = run("links", "--rotate", "bravo")

    assert (token.code, rotated.code, refused.code) == (0, 0, 2)
    assert told_to_server == ["alfa"]
    assert "https://hop/join/alfa?k=" in rotated.out
    assert run("media-keys").out.count("wss://hop") == 1
    assert events(data) == [LinkRotated("alfa", 2)]


def test_a_folder_held_by_somebody_who_does_not_answer_is_told(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.commands.shared._PATIENCE_S", 0.1)
    store = Store.open(data)
    told = run("token", "bot", "--role", "staff")
    store.close()
    assert (told.code, told.out) == (1, "")
    assert f"process {os.getpid()}" in told.err


def test_media_keys_stay_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = json.loads(run("media-keys").out), json.loads(run("media-keys").out)
    assert first == second
    assert first["url"] == "ws://127.0.0.1:8080"
    assert set(first) == {"url", "api_key", "api_secret"}

    monkeypatch.setenv("LIVEKIT_URL", "wss://livekit.example.vn")
    monkeypatch.setenv("LIVEKIT_API_KEY", "k")
    told = run("media-keys")
    assert (told.code, "LIVEKIT_API_SECRET" in told.err) == (2, True)
    monkeypatch.setenv("LIVEKIT_API_SECRET", "s")
    outside = {"url": "wss://livekit.example.vn", "api_key": "k", "api_secret": "s"}
    assert json.loads(run("media-keys").out) == outside


def test_an_export_is_written_and_on_record(run: Run, data: Path, tmp_path: Path, briefing: str) -> None:
    for kind, begins in (
        ("csv", "\ufeff".encode()),
        ("xlsx", b"PK"),
        ("docx", b"PK"),
        ("jsonl", b'{"actor"'),
    ):
        target = tmp_path / f"out.{kind}"
        told = run("export", briefing, "--format", kind, "--output", str(target))
        assert (told.code, told.out, told.err) == (0, "", "")
        assert target.read_bytes().startswith(begins)
    assert events(data) == [Downloaded(f"out.{kind}", briefing) for kind in ("csv", "xlsx", "docx", "jsonl")]
    assert not list(tmp_path.glob(".out*"))


def test_an_export_goes_to_standard_output_as_bytes(run: Run, data: Path, briefing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coordinator", "export", briefing, "--format", "jsonl"],
        capture_output=True, check=True, env=os.environ | {"LANG": "C"},
    )  # fmt: skip
    reader = Reader(data)
    assert done.stdout == reader.jsonl(briefing)
    reader.close()


def test_an_export_of_nothing_or_to_nowhere_is_refused(run: Run, tmp_path: Path, briefing: str) -> None:
    unknown = run("export", "b000", "--format", "csv")
    assert (unknown.code, unknown.err) == (2, "There is no briefing b000.\n")
    nowhere = run("export", briefing, "--format", "jsonl", "--output", str(tmp_path / "no" / "x"))
    assert nowhere.code == 1


def test_verify_says_where_each_chain_ends_or_which_event_is_wrong(
    run: Run, data: Path, briefing: str
) -> None:
    reader = Reader(data)
    seq, digest = reader.head(briefing)
    reader.close()
    good = run("verify")
    assert (good.code, good.out) == (0, f"OK {briefing} {seq} {digest}\nOK: everything fits.\n")
    assert run("verify", briefing).code == 0
    assert run("verify", "b000").code == 2

    store = Store.open(data)
    store.append(briefing, [(HandRaised("alfa", "spoil me here"), clock.now(), "site:alfa")])
    store.close()
    file = data / "coordinator.db"
    file.write_bytes(file.read_bytes().replace(b"spoil me here", b"spoil me hero"))

    bad = run("verify")
    assert (bad.code, bad.out) == (1, f"WRONG {briefing}: event 5 does not fit the hash chain.\n")


def test_commands_that_only_read_say_so_where_there_is_nothing(run: Run, data: Path, tmp_path: Path) -> None:
    for words in (("verify",), ("backup", str(tmp_path / "x")), ("export", "b1", "--format", "csv")):
        told = run(*words)
        assert told.code == 1
        assert f"no data in {data}" in told.err
    assert not data.exists()


def test_a_backup_beside_the_running_server(run: Run, tmp_path: Path, served: Administration) -> None:
    target = tmp_path / "copy.db"
    assert run("backup", str(target)).code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    again = run("backup", str(target))
    assert (again.code, again.err) == (2, f"{target} exists already. Choose another name.\n")


def test_a_second_server_is_refused_with_the_first_ones_process(run: Run, served: Administration) -> None:
    told = run("serve", "--port", "0")
    assert told.code == 1
    assert f"process {os.getpid()}" in told.err


def test_a_taken_port_is_named(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = run("serve", "--port", str(port))
    assert told.code == 1
    assert str(port) in told.err


def test_relay_gets_its_own_words(run: Run) -> None:
    told = run("relay", "--no-such-option")
    assert told.code == 2
    assert "coordinator relay" in told.err


def test_a_reader_that_goes_away_is_no_traceback(run: Run, briefing: str) -> None:
    command = [sys.executable, "-m", "coordinator", "export", briefing, "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert b"Traceback" not in started.stderr.read()
