"""`python -m sor_engine` routes; `scorekeeper` keeps the venues' scorecards, `answer` answers questions."""

import sys

from oms_platform.telemetry.tracing import SOR
from oms_platform.worker import run_process
from sor_engine.answers import NAME, answer
from sor_engine.bootstrap import route
from sor_engine.scorekeeper.bootstrap import scorekeeper

COMMANDS = {
    (): (SOR, route),
    ("route",): (SOR, route),
    ("scorekeeper",): ("sor-scorekeeper", scorekeeper),
    ("answer",): (NAME, answer),
}


def main() -> None:
    """Run what the first argument names."""
    command = COMMANDS.get(tuple(sys.argv[1:]))
    if command is None:
        sys.exit("usage: python -m sor_engine [route|scorekeeper|answer]")
    run_process(*command)


if __name__ == "__main__":
    main()
