"""What every service shares: messages, ids, settings, Kafka, Postgres, telemetry, health. No trading rule."""
