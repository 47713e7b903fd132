"""`python -m oms_api` serves; `python -m oms_api relay` runs the outbox relay."""

import sys

from oms_api.bootstrap import relay, serve
from oms_platform.telemetry.tracing import API, RELAY
from oms_platform.worker import run_process

COMMANDS = {(): serve, ("serve",): serve, ("relay",): relay}


def main() -> None:
    """Run what the first argument names."""
    command = COMMANDS.get(tuple(sys.argv[1:]))
    if command is None:
        sys.exit("usage: python -m oms_api [serve|relay]")
    run_process(API if command is serve else RELAY, command)


if __name__ == "__main__":
    main()
