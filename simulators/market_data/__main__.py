"""`python -m simulators.market_data`: quotes for every instrument, over gRPC and, when configured, Kafka."""

from functools import partial

from oms_platform.settings import load_settings
from oms_platform.telemetry import configure_logging
from oms_platform.worker import StopFlag, run_worker
from simulators.market_data.bootstrap import run
from simulators.market_data.config import PREFIX, Settings


def main() -> None:
    """Run until SIGTERM."""
    settings = load_settings(Settings, PREFIX)
    configure_logging("market-data-simulator", settings.log_level)
    stop = StopFlag()
    stop.on_signals()
    run_worker("market_data", partial(run, settings), stop)


if __name__ == "__main__":
    main()
