"""What `oms verify` makes of a venue's own journal."""

import json
from pathlib import Path

from oms_tools.verify.carriers import _venue_orders


def test_an_order_goes_by_the_id_that_it_came_with_however_often_it_is_replaced(tmp_path: Path) -> None:
    lines = [
        {"record": "order", "cl_ord_id": "C", "order_qty": 200},
        {
            "record": "report",
            "exec_type": "REPLACED",
            "cl_ord_id": "C-R1",
            "orig_cl_ord_id": "C",
            "leaves_qty": 150,
        },
        {
            "record": "report",
            "exec_type": "REPLACED",
            "cl_ord_id": "C-R2",
            "orig_cl_ord_id": "C-R1",
            "leaves_qty": 100,
        },
        {
            "record": "report",
            "exec_type": "TRADE",
            "exec_id": "E1",
            "cl_ord_id": "C-R2",
            "leaves_qty": 60,
            "last_qty": 40,
            "last_px": "10.01",
        },
        {
            "record": "report",
            "exec_type": "CANCELED",
            "cl_ord_id": "C-C3",
            "orig_cl_ord_id": "C-R2",
            "leaves_qty": 0,
        },
    ]
    (tmp_path / "venue.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = _venue_orders(tmp_path)
    assert list(found) == ["C"]
    order = found["C"]
    assert (order.accepted, order.leaves_qty, list(order.fills)) == (1, 0, ["E1"])
