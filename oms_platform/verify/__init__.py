"""`oms verify`: the outside judge. It reads Postgres, Kafka and the venue's files, and none of the services' code."""
