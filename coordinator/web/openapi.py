"""The API described for programs (OpenAPI 3.1): one entry a call, in plain sight; a test compares it with
the routes.

Rule 1: a route that is not here does not exist for the outside, and what is here exists.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_MAYBE_WHOLE: Schema = {"type": ["integer", "null"], "minimum": 0}
_MAYBE_TEXT: Schema = {"type": ["string", "null"]}
_MAYBE_BOOL: Schema = {"type": ["boolean", "null"]}
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_JSON = "application/json"
_CSV = "text/csv"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_BINARY = (_XLSX, _DOCX, "application/zip", "application/octet-stream", "image/webp")
_PHASES = ["scheduled", "open", "live", "break", "ended", "cancelled"]
_KINDS = ["resolution", "class", "meeting"]


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_HEADCOUNT = {
    "present": _WHOLE,
    "members": _MAYBE_WHOLE,
    "excused": _MAYBE_WHOLE,
    "unexcused": _MAYBE_WHOLE,
    "extra": _MAYBE_WHOLE,
    "note": _MAYBE_TEXT,
    "roll_call": _MAYBE_WHOLE,
}
_LINE = {
    "id": _TEXT,
    "title": _TEXT,
    "kind": {"enum": _KINDS},
    "document_number": _MAYBE_TEXT,
    "phase": {"enum": _PHASES},
    "created_at": _TIME,
    "starts_at": _TIME,
    "started_at": _TIME,
    "ended_at": _TIME,
}
SCHEMAS: Schema = {
    "Error": _object(["code", "message"], code=_TEXT, message=_TEXT),
    "Line": {"type": "object", "properties": _LINE},
    "Lines": {"type": "array", "items": _ref("Line")},
    "Briefing": {"type": "object", "properties": {**_LINE, "snapshot": _ref("Snapshot")}},
    "Snapshot": {
        "type": "object",
        "description": "The state of a briefing as screens draw it; numbered, whole.",
        "properties": {
            "id": _TEXT,
            "seq": _WHOLE,
            "phase": {"enum": _PHASES},
            "floor": _MAYBE_TEXT,
            "stage": {"type": "object"},
            "media": {"enum": ["applied", "pending", "failed"]},
            "sites": {"type": "array", "items": _ref("Site")},
        },
    },
    "Site": {
        "type": "object",
        "properties": {
            "code": _TEXT,
            "name": _TEXT,
            "state": {"enum": ["absent", "waiting", "online", "weak", "unstable", "lost"]},
            "connection": _MAYBE_TEXT,
            "expected": _WHOLE,
            "headcount": {"type": ["object", "null"]},
            "hand": _MAYBE_WHOLE,
        },
    },
    "Attendance": {"type": "object", "description": "See docs/operations.md; unknown is null, never zero."},
    "Participation": {
        "type": "object",
        "description": "Rates by site, month and kind, and the briefings they are over; docs/reports.md.",
    },
    "QuickReport": {
        "type": "object",
        "properties": {
            "title": _TEXT,
            "text": _TEXT,
            "provisional": {"type": "boolean"},
            "head_seq": _WHOLE,
            "head_hash": _TEXT,
        },
    },
    "Timeline": {
        "type": "object",
        "properties": {
            "started_at": _TIME,
            "seconds": _WHOLE,
            "sites": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Create": _object(
        ["title", "kind"],
        title={"type": "string", "minLength": 1, "maxLength": 300},
        kind={"enum": _KINDS},
        document_number={"type": ["string", "null"], "maxLength": 100},
        starts_at=_TIME,
        sites={"type": ["array", "null"], "items": _TEXT, "minItems": 1, "uniqueItems": True},
        expected={"type": ["object", "null"], "additionalProperties": _WHOLE},
    ),
    "Floor": _object(["site"], site=_MAYBE_TEXT),
    "Stage": _object(["left"], left=_TEXT, right=_MAYBE_TEXT),
    "Agenda": _object(
        ["items"],
        items={
            "type": "array",
            "maxItems": 40,
            "items": _object(["title"], title=_TEXT, minutes=_MAYBE_WHOLE, site=_MAYBE_TEXT),
        },
    ),
    "Step": _object(["item"], item={"type": ["integer", "null"], "minimum": 1}),
    "Diary": {
        "type": "array",
        "description": "What happened, as sentences; the newest first.",
        "items": {
            "type": "object",
            "properties": {"seq": _WHOLE, "at": _TIME, "site": _MAYBE_TEXT, "text": _TEXT},
        },
    },
    "Totals": {"type": "object", "description": "By briefing: `totals` as in its attendance."},
    "Ask": _object([], site=_MAYBE_TEXT),
    "Slide": _object(["slide"], slide={"type": ["integer", "null"], "minimum": 1}, document=_MAYBE_TEXT),
    "Document": {
        "type": "object",
        "description": "`received`: the codes of the sites that have it; for a site: does it have it?",
        "properties": {
            "id": _TEXT,
            "name": _TEXT,
            "pages": _WHOLE,
            "bytes": _WHOLE,
            "sha256": _TEXT,
            "received": {"type": ["array", "boolean"], "items": _TEXT},
        },
    },
    "Documents": {"type": "array", "items": _ref("Document")},
    "CheckRoom": {"type": "object", "properties": {"url": _TEXT, "send": _TEXT, "hear": _TEXT}},
    "Taken": {"type": "object", "properties": {"bytes": _WHOLE}},
    "Verdict": {
        "type": "object",
        "properties": {"verdict": {"enum": ["good", "fair", "poor", None]}, "briefing": _MAYBE_TEXT},
    },
    "LineCheck": _object(
        [],
        sound=_MAYBE_BOOL,
        picture=_MAYBE_BOOL,
        speakers=_MAYBE_BOOL,
        rtt_ms=_MAYBE_WHOLE,
        jitter_ms=_MAYBE_WHOLE,
        loss={"type": ["number", "null"], "minimum": 0, "maximum": 1},
        rate_bps=_MAYBE_WHOLE,
        up_bps=_MAYBE_WHOLE,
        route={"enum": ["udp", "tcp", "turn", "blocked", None]},
        camera=_MAYBE_TEXT,
        microphone=_MAYBE_TEXT,
        operator=_MAYBE_TEXT,
        echo={"enum": ["none", "some", "strong", None]},
    ),
    "Asked": {"type": "object", "properties": {"asked": {"type": "array", "items": _TEXT}}},
    "Message": _object(["site", "text"], site=_MAYBE_TEXT, text={"type": "string", "maxLength": 200}),
    "Thread": {
        "type": "array",
        "description": "Oldest first. `to_hub`: `site` wrote it; else the hub, to `site` or (null) all.",
        "items": {
            "type": "object",
            "properties": {
                "number": _WHOLE,
                "at": _TIME,
                "site": _MAYBE_TEXT,
                "text": _TEXT,
                "to_hub": {"type": "boolean"},
            },
        },
    },
    "Headcount": _object(["present"], **_HEADCOUNT, reason=_MAYBE_TEXT),
    "Expected": _object(["expected", "reason"], expected=_WHOLE, expected_members=_MAYBE_WHOLE, reason=_TEXT),
    "Phone": _object(["name", "reason"], name=_TEXT, reason=_TEXT),
    "StartRollCall": _object(
        [], mode={"enum": ["all", "in_turn"]}, label={"enum": ["start", "middle", "end"]}
    ),
    "RollCall": {"type": "object", "properties": {"roll_call": _WHOLE}},
    "CallSite": _object([], site=_MAYBE_TEXT),
    "Called": {"type": "object", "properties": {"called": _TEXT}},
    "MakeUp": _object(["persons", "on", "reason"], persons=_WHOLE, on=_TEXT, reason=_TEXT),
    "Note": _object(["text"], site=_MAYBE_TEXT, text=_TEXT, reason=_MAYBE_TEXT),
    "Noted": {"type": "object", "properties": {"noted": {"type": "boolean"}}},
    "Roster": {"type": "array", "items": {"type": "object"}},
    "Attendees": {"type": "object", "properties": {"present": _WHOLE, "attendees": {"type": "array"}}},
    "Tick": _object(["present"], present={"type": "array", "items": _WHOLE}),
    "Decide": _object(["accepted"], accepted={"type": "boolean"}),
    "CheckIn": {"type": "object", "properties": {"url": _TEXT, "svg": _TEXT}},
    "SignOff": _object(["answer"], answer={"enum": ["right", "wrong"]}, remark=_MAYBE_TEXT),
}
_FILE: Schema = {"type": "string", "format": "binary"}
_NAME: Schema = {"name": "name", "in": "query", "required": True, "schema": _TEXT}
_BYTES: Schema = {"name": "n", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}}
_DIARY = [
    {"name": "site", "in": "query", "schema": _TEXT, "description": "A code, or hub."},
    {"name": "after", "in": "query", "schema": _WHOLE, "description": "Lines with seq over it."},
]
_SEPARATOR = {"name": "sep", "in": "query", "schema": {"enum": ["comma", "semicolon"]}}
_PERIOD = [
    {"name": "from", "in": "query", "schema": _TEXT, "description": "A day, or an RFC 3339 time."},
    {"name": "to", "in": "query", "schema": _TEXT, "description": "A day (included), or an RFC 3339 time."},
    {"name": "kind", "in": "query", "schema": {"enum": _KINDS}},
    {
        "name": "threshold",
        "in": "query",
        "schema": {"type": "integer", "minimum": 0, "maximum": 100},
        "description": "Percent; sites under it are listed. Default: attendance.warn_rate.",
    },
]


def _call(
    about: str,
    gives: str | None = None,
    *,
    takes: str | None = None,
    status: int = 200,
    file: str | None = None,
    query: list[Schema] | None = None,
) -> Schema:
    """One operation: its answer is the schema `gives`, or a file of type `file`."""
    shape = (
        _ref(gives)
        if gives
        else {"type": "string"}
        if file not in _BINARY
        else {"type": "string", "format": "binary"}
    )
    answer = {"description": about, "content": {file or _JSON: {"schema": shape}}}
    error = {"description": "Why not.", "content": {_JSON: {"schema": _ref("Error")}}}
    call: Schema = {"summary": about, "responses": {str(status): answer, "4XX": error, "5XX": error}}
    if takes:
        call["requestBody"] = {"required": True, "content": {_JSON: {"schema": _ref(takes)}}}
    if query:
        call["parameters"] = query
    return call


def _phase(about: str) -> Schema:
    return {"post": _call(f"{about} 409 in another phase.", "Briefing")}


_ONE = "/api/briefings/{id}"
_SITE = _ONE + "/sites/{code}"
_PART = "/api/reports/participation"
PATHS: dict[str, Schema] = {
    "/api/openapi.json": {"get": _call("This description.", file=_JSON) | {"security": []}},
    "/api/briefings": {
        "get": _call("All briefings, the newest first.", "Lines"),
        "post": _call("Makes a briefing.", "Briefing", takes="Create", status=201),
    },
    _ONE: {"get": _call("One briefing with its current snapshot.", "Briefing")},
    f"{_ONE}/open": _phase("Opens the waiting room and the line check."),
    f"{_ONE}/start": _phase("Starts: attendance counts from here on, expected numbers are frozen."),
    f"{_ONE}/break": _phase("Begins a break."),
    f"{_ONE}/resume": _phase("Ends the break."),
    f"{_ONE}/end": _phase("Ends the briefing and seals its log."),
    f"{_ONE}/cancel": _phase("Calls it off before its start."),
    f"{_ONE}/floor": {
        "post": _call("Gives a site the floor; null takes it back.", "Briefing", takes="Floor")
    },
    f"{_ONE}/stage": {"post": _call("What everybody sees.", "Briefing", takes="Stage")},
    f"{_ONE}/slide": {"post": _call("The page of a document now shown.", "Briefing", takes="Slide")},
    f"{_ONE}/agenda": {"put": _call("Writes the whole agenda.", "Briefing", takes="Agenda")},
    f"{_ONE}/agenda/step": {"post": _call("Where the briefing is.", "Briefing", takes="Step")},
    f"{_ONE}/diary": {"get": _call("What happened, in sentences.", "Diary", query=_DIARY)},
    f"{_ONE}/documents": {
        "get": _call("The documents, oldest first.", "Documents"),
        "post": _call("Takes a PDF, PPTX or DOCX in.", "Document", status=201, query=[_NAME])
        | {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _FILE}}}},
    },
    f"{_ONE}/documents/{{document}}": {"delete": _call("Takes a document back.", "Documents")},
    f"{_ONE}/documents/{{document}}/file": {"get": _call("The file.", file="application/octet-stream")},
    f"{_ONE}/documents/{{document}}/pages/{{page}}/{{size}}.webp": {
        "get": _call("A page's picture; size: large or small.", file="image/webp")
    },
    "/api/line-check/room": {"post": _call("A site's private room to hear itself in.", "CheckRoom")},
    "/api/line-check/bytes": {
        "get": _call("Bytes to time; n: how many.", file="application/octet-stream", query=[_BYTES]),
        "post": _call("Takes bytes to time, and forgets them.", "Taken"),
    },
    "/api/line-checks": {
        "post": _call("A site's line check.", "Verdict", takes="LineCheck", status=201),
    },
    f"{_ONE}/line-checks/ask": {
        "post": _call(
            "Asks every site whose page is open (or one) to measure its line; answers which.",
            "Asked",
            takes="Ask",
        )
    },
    f"{_ONE}/messages": {
        "get": _call("The messages, oldest first.", "Thread"),
        "post": _call("Writes to one site, or to all.", "Thread", takes="Message", status=201),
    },
    f"{_ONE}/roll-calls": {
        "post": _call("Starts a roll call.", "RollCall", takes="StartRollCall", status=201)
    },
    f"{_ONE}/roll-calls/next": {"post": _call("In turn: calls the next site.", "Called", takes="CallSite")},
    f"{_ONE}/notes": {"post": _call("Writes a note down.", "Noted", takes="Note", status=201)},
    "/api/sites/{code}/roster": {
        "get": _call("The site's people.", "Roster"),
        "post": _call("What a PUT of this body would take in.", "Roster")
        | {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _FILE}}}},
        "put": _call("Replaces them: XLSX, CSV or pasted cells.", "Roster")
        | {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _FILE}}}},
    },
    f"{_SITE}/attendees": {
        "get": _call("Who is ticked or has checked in.", "Attendees"),
        "put": _call("Exactly these of the roster are there.", "Attendees", takes="Tick"),
    },
    f"{_SITE}/attendees/{{person}}": {"post": _call("Accepts a check-in.", "Attendees", takes="Decide")},
    f"{_SITE}/check-in": {"post": _call("The code for the room's screen.", "CheckIn", status=201)},
    f"{_SITE}/made-up": {"post": _call("Make-up attendance, after the end.", "Site", takes="MakeUp")},
    f"{_SITE}/sign-off": {"post": _call("The site's own answer, after the end.", "Site", takes="SignOff")},
    f"{_SITE}/attendance": {"get": _call("One site's line.", "Attendance")},
    f"{_SITE}/headcount": {"put": _call("Declares a headcount.", "Site", takes="Headcount")},
    f"{_SITE}/headcount/confirm": {"post": _call("Confirms the latest headcount.", "Site")},
    f"{_SITE}/expected": {"put": _call("Changes the number called.", "Site", takes="Expected")},
    f"{_SITE}/phone": {"post": _call("Presence confirmed by telephone.", "Site", takes="Phone")},
    f"{_SITE}/hand/lower": {"post": _call("Lowers the site's hand.", "Site")},
    f"{_ONE}/attendance": {"get": _call("Attendance by site.", "Attendance")},
    f"{_ONE}/attendance.json": {"get": _call("The same as a file.", "Attendance")},
    f"{_ONE}/attendance.csv": {"get": _call("The same as CSV.", file=_CSV, query=[_SEPARATOR])},
    f"{_ONE}/attendance.xlsx": {"get": _call("The same as a workbook.", file=_XLSX)},
    f"{_ONE}/attendance.docx": {"get": _call("The minutes (biên bản).", file=_DOCX)},
    f"{_ONE}/log.csv": {"get": _call("One row a connection, all sites.", file=_CSV, query=[_SEPARATOR])},
    f"{_SITE}/log.csv": {"get": _call("One row a connection, one site.", file=_CSV, query=[_SEPARATOR])},
    f"{_SITE}/attendance.xlsx": {"get": _call("All sheets, one site.", file=_XLSX)},
    f"{_ONE}/sites.zip": {
        "get": _call("Each site's log as CSV.", file="application/zip", query=[_SEPARATOR])
    },
    f"{_ONE}/quick-report": {"get": _call("The quick report as text to paste.", "QuickReport")},
    f"{_ONE}/timeline": {"get": _call("Who was there when, by site.", "Timeline")},
    f"{_ONE}/timeline.svg": {"get": _call("The same as a picture.", file="image/svg+xml")},
    f"{_ONE}/events.jsonl": {"get": _call("The hash-chained event log.", file="application/x-ndjson")},
    "/api/reports/totals": {"get": _call("The totals of each briefing that started.", "Totals")},
    _PART: {"get": _call("Rates by site over many briefings.", "Participation", query=_PERIOD)},
    f"{_PART}.csv": {"get": _call("The same as CSV.", file=_CSV, query=[*_PERIOD, _SEPARATOR])},
    f"{_PART}.xlsx": {"get": _call("The same as a workbook.", file=_XLSX, query=_PERIOD)},
    f"{_PART}.docx": {"get": _call("The same as a report to edit.", file=_DOCX, query=_PERIOD)},
    f"{_PART}/progress": {
        "get": _call(
            "Reads the briefings asked for; lines of {done, whole}.",
            file="application/x-ndjson",
            query=_PERIOD,
        )
    },
}


def document(version: str) -> Schema:
    """The whole document, ready for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Online-briefing coordinator", "version": version},
        "security": [{"token": []}, {"session": []}],
        "paths": {path: _with_parameters(path, calls) for path, calls in PATHS.items()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "coordinator token NAME --role …",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "coordinator_session"},
            },
        },
    }


def _with_parameters(path: str, calls: Schema) -> Schema:
    """The calls of one path, with the parameters that its address names."""
    named = [name for name in ("id", "code", "document", "page", "size") if f"{{{name}}}" in path]
    if not named:
        return calls
    parameters = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in named]
    return {**calls, "parameters": parameters}
