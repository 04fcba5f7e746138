"""Selective forwarding, as values and arithmetic: no socket, clock or task here; time comes in as seconds."""
