"""What FIX 4.4 says of fields and messages, in the simulator's format, from the file of QuickFIX's package.

`python -m tests.unit.simulators.fix44_dictionary` writes oms_platform/fix/fix44.txt anew.
"""

import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from oms_platform.fix.dictionary import FIX44

# The FIX 4.4 dictionary that QuickFIX's package installs.
QUICKFIX_XML: Final = Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"


def dictionary_text() -> str:
    """Return the dictionary, a line for each field, component and message."""
    root = ElementTree.parse(QUICKFIX_XML).getroot()
    numbers = {field.attrib["name"]: field.attrib["number"] for field in root.iterfind("fields/field")}

    def items(element: ElementTree.Element) -> str:
        found = []
        for child in element:
            name = child.attrib["name"]
            mark = "!" if child.attrib.get("required") == "Y" else ""
            text = f"@{name}{mark}" if child.tag == "component" else f"{numbers[name]}{mark}"
            found.append(f"{text} ( {items(child)} )" if child.tag == "group" else text)
        return " ".join(found)

    lines = []
    for field in sorted(root.iterfind("fields/field"), key=lambda one: int(one.attrib["number"])):
        values = [value.attrib["enum"] for value in field.iterfind("value")]
        lines.append(" ".join(["field", field.attrib["number"], field.attrib["type"], *values]))
    lines += [f"component {one.attrib['name']} {items(one)}" for one in root.iterfind("components/component")]
    lines += [f"{part} {items(one)}" for part in ("header", "trailer") for one in root.iterfind(part)]
    lines += [f"message {one.attrib['msgtype']} {items(one)}" for one in root.iterfind("messages/message")]
    return "".join(f"{line.rstrip()}\n" for line in lines)


if __name__ == "__main__":
    FIX44.write_text(dictionary_text())
