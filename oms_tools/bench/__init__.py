"""`oms bench`: the stopwatch. An open-loop load on the running stack, and where its time and CPU went."""
