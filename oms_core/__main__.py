"""Start the core: `python -m oms_core`."""

from oms_core.bootstrap import start
from oms_core.config import Settings
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.tracing import CORE
from oms_platform.worker import run_process


def main() -> None:
    """Read the settings and run until SIGTERM."""
    settings = load_settings(Settings, "OMS_CORE_")
    configure_logging(CORE, settings.log_level)
    start(settings)


if __name__ == "__main__":
    run_process(CORE, main)
