"""The `oms` command: run the laptop stack, send and watch orders, tell their story."""
