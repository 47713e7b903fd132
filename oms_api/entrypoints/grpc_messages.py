"""What goes over gRPC, in protobuf's own classes of the published contract.

betterproto takes milliseconds of the gateway's loop for what these do in microseconds.
"""

import enum
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any
from uuid import UUID

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from oms_api.ports import OrderView, PnlView, RiskView, View
from oms_platform.vocabulary import (
    AlgoStrategy,
    Message,
    OrderCapacity,
    OrderStatus,
    OrderType,
    PegType,
    RiskOutcome,
    Side,
    TimeInForce,
)


class Contract:
    """The published .proto files, as `make proto` compiled them."""

    def __init__(self) -> None:
        raw = resources.files("proto.gen").joinpath("descriptors.binpb").read_bytes()
        self.pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(raw).file:
            self.pool.Add(file)

    def kind(self, name: str) -> Any:
        """Return protobuf's class of a message of oms.v1. Raises KeyError."""
        return GetMessageClass(self.pool.FindMessageTypeByName(f"oms.v1.{name}"))


def values_of(struct: Message) -> dict[str, Any]:
    """Return what protobuf's class of the same message is made from."""
    return {
        name: _value(value)
        for name in struct.__struct_fields__
        if (value := getattr(struct, name)) is not None
    }


def _value(value: Any) -> Any:
    match value:
        case enum.Enum():
            return value.value
        case Message():
            return values_of(value)
        case tuple():
            return [_value(item) for item in value]
        case Decimal() | UUID():
            return str(value)
        case _:
            return value


def _algo_values(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an Algo is made from, of what REST shows of it."""
    times = {name: view.get(key) for name, key in (("start_at", "startAt"), ("end_at", "endAt"))}
    return {
        "strategy": AlgoStrategy[view["strategy"]].value,
        **{name: datetime.fromisoformat(text) for name, text in times.items() if text is not None},
        "participation_bps": view.get("participationBps", 0),
        "urgency": view.get("urgency", 0),
        "slices": view.get("slices", 0),
        **({"seed": view["seed"]} if "seed" in view else {}),
    }


def order_values(view: OrderView) -> dict[str, Any]:
    """Return what an Order is made from: every field that REST gives."""
    return {
        "order_id": str(view.order_id),
        "account_id": view.account_id,
        "channel": view.channel,
        "client_order_id": view.client_order_id,
        "symbol": view.symbol,
        "side": Side[view.side].value,
        "order_type": OrderType[view.order_type].value,
        "quantity": view.quantity,
        "limit_price": None if view.limit_price is None else str(view.limit_price),
        "stop_price": None if view.stop_price is None else str(view.stop_price),
        "time_in_force": TimeInForce[view.time_in_force].value,
        "expire_at": view.expire_at,
        "status": OrderStatus[view.status].value,
        "cum_qty": view.cum_qty,
        "leaves_qty": view.leaves_qty,
        "avg_px": None if view.avg_px is None else str(view.avg_px),
        "text": view.text,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "min_quantity": view.min_quantity or 0,
        "routing": view.routing,
        "algo": None if view.algo is None else _algo_values(view.algo),
        "peg": None if view.peg is None else {**view.peg, "type": PegType[view.peg["type"]].value},
        "basket_id": view.basket_id or "",
        "principal": view.principal,
        "closed": view.closed,
        "filled_notional": str(view.filled_notional),
        "sequence": view.sequence,
        "capacity": OrderCapacity[view.capacity].value,
        "tags": [{"name": name, "text": text} for name, text in (view.tags or {}).items()],
        "locate_id": view.locate_id or "",
        "display_qty": view.display_qty or 0,
        "post_only": view.post_only,
    }


def risk_values(view: RiskView) -> dict[str, Any]:
    """Return what a RiskVerdict is made from."""
    return {
        "accepted": view.accepted,
        "denial": view.denial,
        "checks": [_check_values(check) for check in view.checks],
    }


def _check_values(check: Mapping[str, object]) -> dict[str, Any]:
    values = {name: value for name, value in check.items() if name != "overriddenBy"}
    return {**values, "outcome": _outcome(check["outcome"]), "overridden_by": check.get("overriddenBy", "")}


def _outcome(name: object) -> int:
    return int(RiskOutcome[name].value) if isinstance(name, str) else 0


def pnl_values(view: PnlView) -> dict[str, Any]:
    """Return what an AccountPnl is made from: every field that REST gives."""
    return _view_values(view)


def _view_values(view: View) -> dict[str, Any]:
    """Return the fields of an answer in protobuf's forms; what is not known is left out."""
    return {
        name: _view_value(value)
        for name in view.__struct_fields__
        if (value := getattr(view, name)) is not None
    }


def _view_value(value: Any) -> Any:
    match value:
        case View():
            return _view_values(value)
        case list():
            return [_view_value(one) for one in value]
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value
        case date():
            return value.isoformat()
        case _:
            return value
