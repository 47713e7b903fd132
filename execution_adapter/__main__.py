"""`python -m execution_adapter` starts the execution adapter."""

from execution_adapter.bootstrap import main
from oms_platform.telemetry.tracing import ADAPTER
from oms_platform.worker import run_process

if __name__ == "__main__":
    run_process(ADAPTER, main)
