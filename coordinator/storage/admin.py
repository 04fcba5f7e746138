"""What the commands write, the same whether they hold the data folder themselves or ask the running server.

Rule 1: every act is one method here; `handle` takes it from a request of the channel.
Rule 2: a request with wrong or missing fields is refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from coordinator import clock
from coordinator.domain.errors import Refusal
from coordinator.domain.events import SYSTEM, SYSTEM_CHAIN, Downloaded
from coordinator.domain.moments import Moment
from coordinator.storage import history_import
from coordinator.storage.accounts import Accounts, make_password
from coordinator.storage.links import Links
from coordinator.storage.log import Store

FIRST_ACCOUNT = "host"
_FIELDS = {
    "add_user": ("name", "role", "password"),
    "add_token": ("name", "role"),
    "rotate_link": ("code",),
    "note_download": ("what", "about", "actor"),
    "import_history": ("what", "staged", "actor"),
    "public_url": (),
}
_OPTIONAL = ("password", "about", "actor")


def _nobody_to_tell(code: str) -> None:
    return None


class Administration:
    """Adds accounts and tokens, rotates links, notes downloads.

    `on_link_rotated`: called with the code after a rotation, in the thread that rotated; the server closes
    the site's sockets and participants there.
    """

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        links: Links,
        codes: Collection[str],
        read_clock: Callable[[], Moment] = clock.now,
    ) -> None:
        """`codes`: the sites of the configuration."""
        self._store = store
        self._accounts = accounts
        self._links = links
        self._codes = frozenset(codes)
        self._now = read_clock
        self.on_link_rotated: Callable[[str], None] = _nobody_to_tell

    def add_user(self, name: str, role: str, password: str | None = None) -> str | None:
        """Makes an account; returns the password where it was made up.

        Raises:
            Refusal: bad_name, bad_role, weak_password, account_exists.
        """
        made = make_password() if password is None else None
        self._accounts.add(name, role, made or password or "")
        return made

    def add_token(self, name: str, role: str) -> str:
        """Makes an API token. Raises Refusal: bad_name, bad_role."""
        return self._accounts.add_token(name, role)

    def rotate_link(self, code: str) -> str:
        """Voids a site's link and returns the new one. Raises Refusal: unknown_site."""
        if code not in self._codes:
            raise Refusal("unknown_site", site=code[:64])
        self._links.rotate(code)
        self.on_link_rotated(code)
        return self._links.url_for(code)

    def note_download(self, what: str, about: str | None = None, actor: str | None = None) -> None:
        """Writes a download to the system chain: `what` file, `about` which briefing, by whom."""
        self._store.append(SYSTEM_CHAIN, [(Downloaded(what, about), self._now(), actor or SYSTEM)])

    def import_history(self, what: str, staged: str, actor: str | None = None) -> int:
        """Takes in figures of earlier years from the JSON file `staged` of the data folder; returns the rows.

        `what`: the name of the spreadsheet they come from.

        Raises:
            Refusal: bad_request, nothing_to_import, imported_already. StorageError: nothing was taken in.
        """
        figures = history_import.staged(self._store.data, staged)
        history_import.add(self._store, what, figures, self._now(), actor or SYSTEM)
        return len(figures)

    def public_url(self) -> str:
        """How the outside calls the running server, without a slash at its end."""
        return self._links.public_url

    def first_run(self) -> tuple[str, str] | None:
        """Where there is no account yet, makes the host's and returns (name, password) to be shown once."""
        if self._accounts.any():
            return None
        password = make_password()
        self._accounts.add(FIRST_ACCOUNT, "host", password)
        return FIRST_ACCOUNT, password

    def handle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Does what a request of the channel asks: {"do": a method above, its fields…} -> {"result": …}.

        Raises:
            Refusal: bad_request, or the method's own. StorageError: nothing was written.
        """
        act = request.get("do")
        if not isinstance(act, str) or act not in _FIELDS:
            raise Refusal("bad_request", field="do")
        values: dict[str, str | None] = {}
        for name in _FIELDS[act]:
            value = request.get(name)
            if not isinstance(value, str) and not (value is None and name in _OPTIONAL):
                raise Refusal("bad_request", field=name)
            values[name] = value
        return {"result": getattr(self, act)(**values)}
