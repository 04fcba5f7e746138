"""Documents of a briefing: taken in, rendered once to pictures of their pages, kept in the data folder."""
