"""sites.yaml is taken whole or refused with file, line, entry, field and what to do."""

from __future__ import annotations

import datetime
import zoneinfo
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator import catalogue, config
from coordinator.domain.errors import ConfigError
from coordinator.domain.events import Summoned, Thresholds

ROOT = Path(__file__).resolve().parents[1]
HUB = "hub: {name: Hội trường, level: Huyện}\n"
SITE = "  - {code: alfa, name: Alfa, kind: commune, expected: 30}\n"
GOOD = f"{HUB}sites:\n{SITE}"
Found = tuple[str, int, str, str]  # code, line, entry, field


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sites.yaml"


def problems(file: Path, content: str | bytes) -> list[Found]:
    """What is wrong, as (code, line, entry, field); the error must be complete and tellable."""
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as refused:
        config.load(file)
    details = refused.value.details
    assert set(details) == {"file", "line", "entry", "field", "problem", "remedy", "problems"}
    assert details["file"] == str(file)
    for lang in catalogue.LANGUAGES:
        told = catalogue.load(lang).sentence(refused.value)
        assert told.startswith(str(file))
        assert "{" not in told.replace("{code", "")
    listed = details["problems"]
    assert isinstance(listed, list)
    return [(each["code"], each["line"], each["entry"], each["field"]) for each in listed]


def test_the_shipped_file_has_the_twenty_five_points() -> None:
    found = config.load(ROOT / "config" / "sites.yaml")

    assert len(found.sites) == 25
    assert len({site.code for site in found.sites}) == 25
    assert found.sites[7].code == "xa-dong-thang"
    assert found.sites[7].name == "Xã Đồng Thắng"
    assert found.sites[7].expected == 45
    assert {site.kind for site in found.sites} == {"town", "commune", "agency"}
    assert all(site.contact and site.contact.phone for site in found.sites)
    assert str(found.server.zone) == "Asia/Ho_Chi_Minh"


def test_every_field_is_read(file: Path) -> None:
    (file.parent / "cert.pem").touch()
    file.write_text(
        """
hub: {name: Hội trường, level: Huyện, phone: 0209 000 0100}
sites:
  - code: 12-b
    name: "Điểm 12"
    kind: agency
    expected: 30
    expected_members: 12
    contact: {name: Lan, phone: 0209000101}
server: {public_url: "https://hop.example.vn:8443/", timezone: Europe/Paris, host: 0.0.0.0, port: 443,
  udp_port: 5000, public_ip: "2001:db8::1", tls_cert: cert.pem, tls_key: cert.pem}
attendance: {late_after_s: 0, gap_s: 90, present_share: 0.75, heading: state}
media: {max_bitrate_bps: 800000, turn: {urls: ["turn:t.example.vn"], username: u, credential: 1234}}
""",
        encoding="utf-8-sig",
    )

    found = config.load(file)

    assert found.sites[0].summoned() == Summoned("12-b", "Điểm 12", "agency", 30, 12, "Lan", "0209000101")
    assert found.site("12-b") is found.sites[0]
    assert found.site("alfa") is None
    assert found.hub == config.Hub("Hội trường", "Huyện", "0209 000 0100")
    pem = file.parent / "cert.pem"
    assert found.server == config.ServerSettings(
        "https://hop.example.vn:8443", "Europe/Paris", "0.0.0.0", 443, 5000, "2001:db8::1", pem, pem
    )
    assert found.attendance == config.AttendanceSettings(Thresholds(0, 90, 0.75), "state")
    assert found.media == config.MediaSettings(800_000, config.Turn(("turn:t.example.vn",), "u", "1234"))


def test_what_may_be_left_out_has_its_default(file: Path) -> None:
    file.write_text(GOOD + "server:\nmedia: {}\n", "utf-8")
    found = config.load(file)
    assert found.server == config.ServerSettings()
    assert found.attendance == config.AttendanceSettings(Thresholds(300, 60, 0.8), "party")
    assert found.sites[0].contact is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", ("empty", 1, "", "")),
        ("# only words\n", ("empty", 1, "", "")),
        ("---\n", ("empty", 1, "", "")),
        (HUB.encode() + b"sites:\n  - name: X\xc3 B\n", ("bad_utf8", 3, "", "")),
        (GOOD.encode("utf-16"), ("bad_utf8", 1, "", "")),
        (HUB + "sites:\n\t- code: alfa\n", ("tab", 3, "", "")),
        (HUB + "sites:\n  - code: alfa\n\t  name: x\n", ("tab", 4, "", "")),
        (HUB + "sites: [\n", ("syntax", 3, "", "")),
        (HUB + "sites: }\n", ("syntax", 2, "", "")),
        (GOOD + "a: \x01\n", ("bad_character", 4, "", "")),
        ("a: &a [x]\nb: *a\n", ("alias", 2, "", "")),
        ("[" * 100 + "]" * 100, ("too_deep", 1, "", "")),
        (b"#" * 1_000_001, ("too_large", 0, "", "")),
        ("- a\n", ("not_a_file_mapping", 1, "", "")),
        ("just words\n", ("not_a_file_mapping", 1, "", "")),
        (GOOD + "---\nhub: x\n", ("syntax", 4, "", "")),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    file: Path, content: str | bytes, found: Found
) -> None:
    assert problems(file, content) == [found]


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(file)
    assert refused.value.details["problem"] == "config_cannot_read"
    assert str(file) in catalogue.load("vi").sentence(refused.value)


def test_a_turn_server_has_a_shared_secret_or_fixed_credentials(file: Path) -> None:
    file.write_text(GOOD + "media: {turn: {urls: ['turns:t.example.vn:443'], secret: s}}\n", "utf-8")
    assert config.load(file).media.turn == config.Turn(("turns:t.example.vn:443",), secret="s")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (GOOD + "servers: {}\n", ("unknown_key_near", 4, "", "servers")),
        (GOOD + "zzz: 1\n", ("unknown_key", 4, "", "zzz")),
        (f"sites:\n{SITE}", ("missing", 1, "", "hub")),
        (HUB, ("missing", 1, "", "sites")),
        (HUB + "sites: []\n", ("missing", 2, "", "sites")),
        (HUB + "sites: alfa\n", ("not_a_list", 2, "", "sites")),
        (HUB + "sites:\n  - alfa\n", ("not_a_mapping", 3, "sites #1", "")),
        (f"hub: yes\nsites:\n{SITE}", ("not_a_mapping", 1, "", "hub")),
        (f"hub: {{name: x}}\nsites:\n{SITE}", ("missing", 1, "hub", "level")),
        (GOOD + SITE, ("duplicate_code", 4, "sites #2 (alfa)", "code")),
        (GOOD + "hub: {}\n", ("twice", 4, "", "hub")),
        (GOOD + "? [a]\n: b\n", ("bad_key", 4, "", "")),
        (GOOD + "server: {port: 0}\n", ("out_of_range", 4, "server", "port")),
        (GOOD + "server: {port: 65536}\n", ("out_of_range", 4, "server", "port")),
        (GOOD + "server: {port: '80'}\n", ("not_a_number", 4, "server", "port")),
        (GOOD + "server: {udp_port: 1e3}\n", ("not_a_number", 4, "server", "udp_port")),
        (GOOD + "server: {public_url: hop.example.vn}\n", ("bad_url", 4, "server", "public_url")),
        (GOOD + "server: {public_url: 'https://a/b'}\n", ("bad_url", 4, "server", "public_url")),
        (GOOD + "server: {public_url: 'https://a:99999'}\n", ("bad_url", 4, "server", "public_url")),
        (GOOD + "server: {public_url: 'https://[a'}\n", ("bad_url", 4, "server", "public_url")),
        (GOOD + "server: {timezone: Asia/Hanoi2}\n", ("bad_timezone", 4, "server", "timezone")),
        (GOOD + "server: {timezone: ../../etc/passwd}\n", ("bad_timezone", 4, "server", "timezone")),
        (GOOD + "server: {timezone: Asia}\n", ("bad_timezone", 4, "server", "timezone")),
        (GOOD + "server: {host: 'a b'}\n", ("bad_host", 4, "server", "host")),
        (GOOD + "server: {public_ip: 300.1.1.1}\n", ("bad_ip", 4, "server", "public_ip")),
        (GOOD + "attendance: {present_share: 80}\n", ("out_of_range", 4, "attendance", "present_share")),
        (GOOD + "attendance: {present_share: .nan}\n", ("out_of_range", 4, "attendance", "present_share")),
        (GOOD + "attendance: {present_share: -0.1}\n", ("negative", 4, "attendance", "present_share")),
        (GOOD + "attendance: {gap_s: 0}\n", ("out_of_range", 4, "attendance", "gap_s")),
        (GOOD + "attendance: {heading: Party}\n", ("bad_heading", 4, "attendance", "heading")),
        (GOOD + "media: {max_bitrate_bps: -1}\n", ("negative", 4, "media", "max_bitrate_bps")),
        (
            GOOD + "media: {turn: {urls: [x], username: a, credential: b}}\n",
            ("bad_turn", 4, "media › turn", "urls"),
        ),
        (
            GOOD + "media: {turn: {urls: ['turn:t'], username: a}}\n",
            ("missing", 4, "media › turn", "credential"),
        ),
    ],
)
def test_a_wrong_entry_is_named(file: Path, content: str, found: Found) -> None:
    assert problems(file, content) == [found]


@pytest.mark.parametrize(
    ("field", "written", "code"),
    [
        ("code", "Alfa", "bad_code"),
        ("code", "xã", "bad_code"),
        ("code", "a_b", "bad_code"),
        ("code", "-a", "bad_code"),
        ("code", "a--b", "bad_code"),
        ("code", "../a", "bad_code"),
        ("code", "x" * 41, "bad_code"),
        ("code", "hub", "reserved_code"),
        ("code", "slides", "reserved_code"),
        ("code", "yes", "not_text"),
        ("code", "", "missing"),
        ("name", "", "missing"),
        ("name", "'  '", "missing"),
        ("name", "12", "not_text"),
        ("name", "[a]", "not_text"),
        ("name", "x" * 201, "bad_text"),
        ("name", r'"a\nb"', "bad_text"),
        ("name", "!!python/name:os.system x", "not_text"),
        ("expected", "-3", "negative"),
        ("expected", "true", "not_a_number"),
        ("expected", "3.5", "not_a_number"),
        ("expected", "'3'", "not_a_number"),
        ("expected", "1_000", "not_a_number"),
        ("expected", "0x10", "not_a_number"),
        ("expected", "010", "not_a_number"),
        ("expected", "1:30", "not_a_number"),
        ("expected", "9" * 5000, "out_of_range"),
        ("expected", "{}", "not_a_number"),
        ("expected", "", "missing"),
        ("expected_members", "31", "members_over"),
        ("expected_members", "false", "not_a_number"),
        ("contact", "Lan", "not_a_mapping"),
    ],
)
def test_a_wrong_field_of_a_site_is_named_with_its_line(
    file: Path, field: str, written: str, code: str
) -> None:
    fields = {"code": "alfa", "name": "Alfa", "kind": "commune", "expected": "30"} | {field: written}
    lines = "".join(f"    {name}: {value}\n" for name, value in fields.items())
    content = f"{HUB}sites:\n  -\n{lines}"
    line = 4 + list(fields).index(field)

    (found,) = problems(file, content)

    assert found[0] == code
    assert (found[1], found[3]) == (line, field)


def test_all_problems_come_in_one_go_in_the_order_of_lines(file: Path) -> None:
    content = (
        "hub: {name: x, level: y, fone: 1}\nsites:\n  - {code: a, kind: x, expected: -1}\n"
        "  - {code: A, name: B, kind: x, expected: 1, expcted: 2}\nservr: {}\n"
    )
    assert [(line, field, code) for code, line, _, field in problems(file, content)] == [
        (1, "fone", "unknown_key_near"),
        (3, "name", "missing"),
        (3, "expected", "negative"),
        (4, "code", "bad_code"),
        (4, "expcted", "unknown_key_near"),
        (5, "servr", "unknown_key_near"),
    ]


def test_half_a_tls_pair_and_a_missing_file_are_refused(file: Path) -> None:
    (file.parent / "cert.pem").touch()
    half = ("half_tls", 4, "server", "tls_cert")
    assert problems(file, GOOD + "server: {tls_cert: cert.pem}\n") == [half]
    gone = [("no_file", 4, "server", name) for name in ("tls_cert", "tls_key")]
    assert problems(file, GOOD + "server: {tls_cert: a.pem, tls_key: b.pem}\n") == gone


def test_the_sentence_names_everything_in_both_languages(file: Path) -> None:
    file.write_text(GOOD + "servr: {}\n", "utf-8")
    with pytest.raises(ConfigError) as refused:
        config.load(file)

    vi, en = (catalogue.load(lang).sentence(refused.value) for lang in ("vi", "en"))

    assert vi == f"{file}:4: servr: không có mục tên servr. Có phải ý bạn là server?"
    assert en == f"{file}:4: servr: there is no entry called servr. Did you mean server?"


def test_vietnams_zone_is_known_without_zone_files(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoZones:
        from_file = zoneinfo.ZoneInfo.from_file

        def __new__(cls, name: str) -> NoZones:
            raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", NoZones)
    zone = config.zone_of("Asia/Ho_Chi_Minh")
    assert str(zone) == "Asia/Ho_Chi_Minh"
    assert datetime.datetime(2026, 7, 1, tzinfo=zone).utcoffset() == datetime.timedelta(hours=7)
    with pytest.raises(ValueError, match="Asia/Tokyo"):
        config.zone_of("Asia/Tokyo")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["hub", "sites", "server", "code", "name", "kind", "expected", "port", "turn", "media"]
            )
            | st.text(max_size=4),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "surrogatepass"))
    | st.text(alphabet="{}[]:,-?&*!|>'\"%@`# \n\tab01", max_size=60).map(str.encode)
)
def test_no_bytes_do_anything_but_load_or_be_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        config.load(file)
    except ConfigError as refused:
        assert refused.details["file"] == str(file)
        assert catalogue.load("vi").sentence(refused)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 20_000), value=st.binary(min_size=1, max_size=3))
def test_a_slip_of_the_keyboard_in_the_shipped_file_never_crashes(
    file: Path, place: int, value: bytes
) -> None:
    content = bytearray((ROOT / "config" / "sites.yaml").read_bytes())
    place %= len(content)
    content[place : place + 1] = value
    file.write_bytes(content)
    try:
        assert len(config.load(file).sites) >= 1
    except ConfigError as refused:
        assert refused.details["problems"]
