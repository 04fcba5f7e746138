"""Lets `python -m coordinator` do what the console script does."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["relay"]:  # started again in the middle of a briefing: nothing else is loaded for it
        from coordinator.relay.main import main as relay

        raise SystemExit(relay(sys.argv[2:]))
    from coordinator.cli import main

    raise SystemExit(main())
