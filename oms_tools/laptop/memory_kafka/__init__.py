"""A Kafka broker in memory for one laptop: on TCP, one process, and nothing survives it."""
