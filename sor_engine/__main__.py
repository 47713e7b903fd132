"""`python -m sor_engine` routes; `python -m sor_engine scorekeeper` keeps the venues' scorecards."""

import sys

from oms_platform.telemetry.tracing import SOR
from oms_platform.worker import run_process
from sor_engine.bootstrap import route
from sor_engine.scorekeeper.bootstrap import scorekeeper

COMMANDS = {(): route, ("route",): route, ("scorekeeper",): scorekeeper}


def main() -> None:
    """Run what the first argument names."""
    command = COMMANDS.get(tuple(sys.argv[1:]))
    if command is None:
        sys.exit("usage: python -m sor_engine [route|scorekeeper]")
    run_process("sor-scorekeeper" if command is scorekeeper else SOR, command)


if __name__ == "__main__":
    main()
