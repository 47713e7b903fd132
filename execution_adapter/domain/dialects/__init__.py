"""The dialects that venues may be spoken to in, by the name that their settings have."""

from collections.abc import Mapping
from typing import Final

from execution_adapter.domain.dialects import fix42, fix44
from execution_adapter.domain.dialects.dialect import Dialect

DIALECTS: Final[Mapping[str, Dialect]] = {fix44.BEGIN_STRING: fix44, fix42.BEGIN_STRING: fix42}
