"""The online-briefing coordinator: one hub, many sites, and an attendance record that is never lost."""

__version__ = "0.1.0"
