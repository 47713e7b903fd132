"""Kafka: batches of decoded records in, one flush a batch out, offsets kept by the caller in Postgres."""
