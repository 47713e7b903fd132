"""`python -m oms_api` serves REST, WebSocket and gRPC."""

import sys

from oms_api.bootstrap import serve
from oms_platform.telemetry.tracing import API
from oms_platform.worker import end_process, run_process


def main() -> None:
    """Run the gateway."""
    if sys.argv[1:] not in ([], ["serve"]):
        sys.exit("usage: python -m oms_api [serve]")
    run_process(API, serve)
    # Once in a few hundred stops the interpreter's own end was a segmentation fault, after the last line.
    end_process()


if __name__ == "__main__":
    main()
