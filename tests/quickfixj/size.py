"""How much is traded with QuickFIX/J, by the environment: `make quickfixj` sends 10,000 orders each way."""

import os
from typing import Final

ORDERS: Final = int(os.environ.get("OMS_QUICKFIXJ_ORDERS", "400"))
SEED: Final = int(os.environ.get("OMS_QUICKFIXJ_SEED", "11"))
