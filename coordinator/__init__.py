"""The online-briefing coordinator: one hub, many sites, and an attendance record that is never lost."""
