"""Order lifecycle and risk in one process: after ingest, the only writer of an order's state."""
