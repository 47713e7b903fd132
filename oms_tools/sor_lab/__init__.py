"""The proof: routing strategies, naive routers and an oracle on the same seeded flow and books.

The law of this package: it stands alone. It imports the routing domain and no other room of any service, no
simulator and no platform; what a router is told, it could have known.
"""
