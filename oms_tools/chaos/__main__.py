"""`python -m oms_tools.chaos`: a process of the stack of `oms up --chaos`, started by its supervisor."""

import os
import threading
from pathlib import Path

import click

from oms_platform.telemetry.logs import configure_logging
from oms_platform.worker import StopFlag
from oms_tools.chaos.door import serve_door
from oms_tools.chaos.show import Show
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.stack import CHAOS_PASSWORD


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--port", type=int, required=True)
def main(data: Path, port: int) -> None:
    """Answer the gateway of the stack in `data`, and judge all the while, until SIGTERM."""
    configure_logging("chaos")
    # The judge is never in the way of an order.
    os.nice(10)
    layout = Layout(data=data, base_port=port)
    show = Show(layout)
    stop = StopFlag()
    stop.on_signals()
    server = serve_door(layout.port("chaos"), os.environ[CHAOS_PASSWORD], show.look, show.begin)
    for work in (server.serve_forever, show.follow, show.judge_recent, show.judge_whole):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    while not stop:
        stop.wait(1)
    server.shutdown()


if __name__ == "__main__":
    main()
