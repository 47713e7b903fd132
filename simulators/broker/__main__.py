"""`python -m simulators.broker`: six venues behind one FIX 4.4 port, with books around the live quotes."""

from functools import partial

from oms_platform.health import Health, serve_health
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.worker import StopFlag, end_process, run_process, run_worker
from simulators.broker.bootstrap import run
from simulators.broker.config import PREFIX, Settings


def main() -> None:
    """Run until SIGTERM."""
    settings = load_settings(Settings, PREFIX)
    configure_logging("broker-simulator", settings.log_level)
    stop = StopFlag()
    stop.on_signals()
    health = Health()
    serve_health(health, settings.health_port, settings.host)
    run_worker("broker", partial(run, settings, health), stop, health)
    end_process()


if __name__ == "__main__":
    run_process("broker-simulator", main)
