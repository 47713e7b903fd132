"""The broker simulator's sessions against acceptance definitions of FIX 4.4, where a folder of them is given.

OMS_FIX_DEFINITIONS names a folder of `*.def` files, such as QuickFIX's `test/definitions/server/fix44`. None
is kept here. 19a and 19b are of QuickFIX's test application (it drops a PossResend that it has seen): a venue
answers it with the order's state.
"""

import os
from pathlib import Path

import pytest

from simulators.broker.config import COUNTERPARTY, VENUES
from tests.acceptance.definitions import Definition
from tests.venue_in_process import running_venue

FOLDER = os.environ.get("OMS_FIX_DEFINITIONS", "")
OTHERS = ("19a_", "19b_")
FILES = (
    sorted(path for path in Path(FOLDER).glob("*.def") if not path.name.startswith(OTHERS)) if FOLDER else []
)


@pytest.mark.skipif(not FOLDER, reason="OMS_FIX_DEFINITIONS names no folder of definitions")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_session_does_what_the_definition_says(path: Path, tmp_path: Path) -> None:
    with running_venue(tmp_path / "broker") as venue:
        Definition(path, venue.port, [(venue_id, COUNTERPARTY) for venue_id in VENUES]).play()
