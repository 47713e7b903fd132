"""Print what the desk page is made of: the contract, or with --words the reasons that risk gives."""

import json
import sys
from typing import Any

from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.rest import operations
from oms_api.entrypoints.rest_chaos import chaos_operations
from oms_core.domain.denials import DenialCode
from oms_tools.cli.reasons import CHECKED, ROUTING

_served: Any = None


def contract() -> str:
    """Return the OpenAPI document as a demo's stack serves it, which has most: the page is one for all."""
    every = [*operations(_served, _served), *chaos_operations(_served)]
    return json.dumps(document(every), default=str)


def words() -> str:
    """Return the page's module of what codes of risk and routing mean."""
    means = {code.name: code.value for code in DenialCode} | {
        name: f"{text[:1].upper()}{text[1:]}." for name, text in ROUTING.items()
    }
    lines = ["// Made of the closed lists of risk and routing by `make desk`; never edited."]
    for name, table in (("MEANS", means), ("CHECKED", dict(CHECKED))):
        lines.append(f"export const {name}: Readonly<Record<string, string>> = {{")
        lines += [f"  {key}: {json.dumps(text, ensure_ascii=False)}," for key, text in table.items()]
        lines.append("};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(words() if "--words" in sys.argv else contract())
