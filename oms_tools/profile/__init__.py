"""`oms profile`: what an order costs in each process, by line of work, so that a budget can be kept."""
