"""A Kafka broker in memory (librdkafka's mock cluster) for one laptop: on TCP, and nothing survives it."""

import signal
import sys
import threading
from pathlib import Path

from confluent_kafka import Producer


def main() -> None:
    """Start the broker, write `host:port` to the file named by the first argument, and stay until SIGTERM."""
    address_file = Path(sys.argv[1])
    address_file.unlink(missing_ok=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    partial = address_file.with_suffix(".partial")
    partial.write_text(",".join(f"{broker.host}:{broker.port}" for broker in brokers))
    partial.rename(address_file)
    while not stop.wait(0.5):
        producer.poll(0)


if __name__ == "__main__":
    main()
