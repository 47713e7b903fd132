"""The Dockerfile and compose.yaml on a real Docker engine."""
