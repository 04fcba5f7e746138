"""The commands, one module a group; each has `add(subcommands, shared, catalogue)` and functions that run."""
