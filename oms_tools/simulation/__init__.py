"""The whole system in one thread, under a seed: services as they are, carriers and venues that go wrong."""
