"""Keeps what happened: the event log, its projections, accounts and links. One writer, many readers."""

from coordinator.storage.log import Happened, Reader, Store
from coordinator.storage.projection import BriefingRow
from coordinator.storage.verifying import Fault, verify

__all__ = ["BriefingRow", "Fault", "Happened", "Reader", "Store", "verify"]
