"""How long tests wait for what has to come."""

from typing import Final

# As long as a machine may take that does ten other things; a test that passes waits no longer for it. What a
# service promises to do in a certain time has a bound of its own, where that is tested.
EVENTUALLY_S: Final = 60.0
