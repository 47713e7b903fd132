"""What people run: the `oms` command, the laptop's stack, bench, verify, doctor, reports and the lab."""
