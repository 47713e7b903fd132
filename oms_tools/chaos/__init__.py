"""The chaos door of a laptop's stack: it breaks things on purpose, and shows meanwhile what the judge finds.

offers.py says what can be broken; conductor.py begins it and follows it to its end, on the ground of
ground.py; invariants.py makes of the judge's looks what is said of each invariant; show.py runs all that, and
door.py answers the gateway.
"""
