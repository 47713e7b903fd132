"""`python -m simulators.market_data`: quotes for every instrument, over gRPC and, when configured, Kafka."""

from functools import partial

from oms_platform.health import Health, serve_health
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.tracing import MARKET_DATA, start_tracing
from oms_platform.worker import StopFlag, run_process, run_worker
from simulators.market_data.bootstrap import run
from simulators.market_data.config import PREFIX, Settings


def main() -> None:
    """Run until SIGTERM."""
    settings = load_settings(Settings, PREFIX)
    configure_logging(MARKET_DATA, settings.log_level)
    tracer = start_tracing(MARKET_DATA)
    stop = StopFlag()
    stop.on_signals()
    health = Health()
    serve_health(health, settings.health_port, settings.host)
    run_worker("market_data", partial(run, settings, tracer, health), stop, health)


if __name__ == "__main__":
    run_process(MARKET_DATA, main)
