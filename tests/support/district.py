"""The rest of a district: light clients in a process of their own, as `coordinator simulate` runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.server import ROOT, Server


class District:
    """Simulated sites that came in by their own links."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls, server: Server, codes: list[str], folder: Path, recorded: Path) -> District:
        """Starts a light client for each of `codes`. `folder` takes the links; `recorded`: what they play."""
        links = server.links()
        chosen = [{"code": code, "name": code, "url": links[code]} for code in codes]
        file = folder / "links.json"
        file.write_text(json.dumps(chosen), "utf-8")
        options = ["--url", server.base, "--links", str(file), "--media", str(recorded), "--quiet"]
        command = [sys.executable, "-m", "coordinator", "simulate", *options, "--spread", "3"]
        with (folder / "simulate.log").open("wb") as errors:
            return cls(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True))

    def stop(self) -> dict[str, Any]:
        """All leave in good order; what they came to: `joined`, `with_media`, `received_bytes`, …"""
        self._process.send_signal(signal.SIGTERM)
        told, _ = self._process.communicate(timeout=30)
        outcome: dict[str, Any] = json.loads(told)
        return outcome

    def end(self) -> None:
        """Makes sure that the process is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)
