"""The one name under which handlers find the running server's parts in the application."""

from __future__ import annotations

from aiohttp import web

from coordinator.services import Services

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)

__all__ = ["SERVICES", "Services"]
