"""Lets `python -m coordinator` do what the console script does."""

from coordinator.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
