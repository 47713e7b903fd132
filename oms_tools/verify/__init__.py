"""`oms verify`: the outside judge. It reads Postgres, Kafka and the venue's files, no service's code."""
