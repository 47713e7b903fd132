"""A Kafka broker in memory (librdkafka's mock cluster) for one laptop: on TCP, and nothing survives it.

The broker keeps a partition's batches in a list that every fetch walks, and librdkafka sends each partition's
batch in a request of its own: the fewer partitions a topic has, the less an order costs.
"""

import ctypes
import signal
import sys
from pathlib import Path
from typing import Final

from confluent_kafka import cimpl

from oms_platform.kafka.topics import topic_names

_PRODUCER: Final = 0
_ERROR_LENGTH: Final = 512


class MemoryKafkaError(RuntimeError):
    """librdkafka could not make the broker."""


class MemoryKafka:
    """A broker with every topic of the platform, by rdkafka_mock.h of the librdkafka that the clients use.

    Raises MemoryKafkaError.
    """

    def __init__(self, partitions: int) -> None:
        library = ctypes.CDLL(cimpl.__file__)
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(library, name).restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(_ERROR_LENGTH)
        settings = ctypes.c_void_p(library.rd_kafka_conf_new())
        owner = library.rd_kafka_new(_PRODUCER, settings, error, ctypes.c_size_t(_ERROR_LENGTH))
        if not owner:
            raise MemoryKafkaError(error.value.decode())
        cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(ctypes.c_void_p(owner), 1))
        if not cluster:
            raise MemoryKafkaError("rd_kafka_mock_cluster_new made no broker")
        for name in topic_names():
            failed = library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1)
            if failed:
                raise MemoryKafkaError(f"topic {name}: error {failed}")
        self.address = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()


def main() -> None:
    """Start the broker, write `host:port` to a file, and stay until SIGTERM.

    Arguments: the file, and how many partitions a topic has. An earlier broker's address stays in the file
    until this one's is there: whoever reads it meanwhile must find one.
    """
    address_file, partitions = Path(sys.argv[1]), int(sys.argv[2])
    # Waited for, not handled: a handler that came while the main thread begins to wait could end nothing. The
    # broker's threads, made from here on, leave them to this one.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    broker = MemoryKafka(partitions)
    partial = address_file.with_suffix(".partial")
    partial.write_text(broker.address)
    partial.rename(address_file)
    signal.sigwait(ends)


if __name__ == "__main__":
    main()
