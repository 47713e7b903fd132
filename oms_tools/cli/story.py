"""An order's story on the terminal: its events, its route card with the arithmetic, its fills."""

from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from oms_tools.cli.client import ApiClient


def print_story(console: Console, client: ApiClient, order_id: str) -> None:
    """Print everything that is known of an order."""
    order = client.get(f"/api/v1/orders/{order_id}")
    price = f"limit {order['limitPrice']}" if order.get("limitPrice") else "market"
    console.rule(f"order {order_id}")
    minimum = f", at least {order['minQuantity']:,} at once" if order.get("minQuantity") else ""
    console.print(
        f"[bold]{order['side']} {order['quantity']:,} {order['symbol']} {price} {order['timeInForce']}[/]"
        f"{minimum} for {order['accountId']}  →  [bold]{order['status']}[/], {order['cumQty']:,} done"
        + (f" at {order['avgPx']} on average" if order.get("avgPx") else ""),
        highlight=False,
    )
    _print_events(console, client.get(f"/api/v1/orders/{order_id}/events"))
    for route in client.get(f"/api/v1/orders/{order_id}/routes")["routes"]:
        print_route(console, route["plan"], route.get("explanationProblem", ""))
    _print_fills(console, order, client.get(f"/api/v1/orders/{order_id}/executions")["executions"])


def _print_events(console: Console, answer: dict[str, Any]) -> None:
    table = Table(
        "#", "time (UTC)", "event", "status", "what", box=None, title="What happened", title_justify="left"
    )
    for event in answer["events"]:
        table.add_row(
            str(event["sequence"]),
            event["occurredAt"][11:23],
            event["eventType"],
            event["status"],
            _what(event["eventType"], event["payload"]),
        )
    console.print(table)


def short_name(value: str) -> str:
    """Return an enum's value as people say it: FILLED of ORDER_STATUS_FILLED."""
    for prefix in ("ORDER_STATUS_", "SIDE_"):
        value = value.removeprefix(prefix)
    return value


def _what(kind: str, payload: dict[str, Any]) -> str:
    """Tell an OrderEvent, or the SubmitOrder that it began with, in a few words."""
    body = payload.get(kind[:1].lower() + kind[1:]) or {}
    if kind == "OrderReceived":
        terms = payload["terms"]
        return f"by {terms.get('principal') or 'nobody named'} through {terms['channel']}"
    if kind in ("OrderAccepted", "OrderDenied"):
        checks = body.get("checks", [])
        last = ", ".join(f"{check['rule']} {check['value']} / {check['bound']}" for check in checks[-3:])
        verdict = body.get("denial") or f"{len(checks)} risk checks passed"
        return f"{verdict} in {body.get('riskUs', 0)} µs (… {last})"
    if kind == "RoutePlaced":
        children = ", ".join(
            f"{child['quantity']} to {child['venueId']} at {_dollars(child['limitPriceMicros'])}"
            for child in body.get("children", [])
        )
        return children or str(body.get("reason", ""))
    if kind == "TradeApplied":
        return f"{body['lastQty']} @ {_dollars(body['lastPxMicros'])} on {body['venueId']}"
    if kind == "TradeCorrected":
        was = f"{body['wasQty']} @ {_dollars(body['wasPxMicros'])} on {body['venueId']}"
        now = f"{body['lastQty']} @ {_dollars(body['lastPxMicros'])}" if body.get("lastQty") else "taken back"
        return f"{was} (trade {body['execRefId']}) is now {now}"
    if kind == "ChildRestated":
        return f"{body['clOrdId']} has {body['quantity']} shares now, says {body['venueId']}"
    if kind == "RouteRequested":
        return f"attempt {body['attempt']}, {body['quantity']} shares"
    return str(body.get("text") or body.get("reason") or payload.get("text") or "")


def _dollars(micros: int) -> str:
    whole, _, decimals = f"{Decimal(micros) / 1_000_000:.6f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def print_route(console: Console, plan: dict[str, Any], problem: str = "") -> None:
    """Print a route card, or what is known of a route whose explanation is not there."""
    card = plan["explanation"]
    if card is None:
        console.print(
            f"\n[bold]Route[/], attempt {plan['attempt']}: {plan['quantity']} shares,"
            f" not explained: {problem}",
            highlight=False,
            soft_wrap=True,
        )
        _print_children(console, plan)
        return
    age_ms = max([venue.get("quoteAgeUs", 0) for venue in card.get("venues", [])], default=0) / 1000
    console.print(
        f"\n[bold]Route card[/], attempt {plan['attempt']}: {plan['quantity']} shares,"
        f" [bold]{card.get('stage') or card.get('strategy', '')}[/],"
        f" profile {card['profile']} version {card.get('profileVersion', 0)},"
        f" NBBO {card.get('nationalBestBid')} / {card.get('nationalBestOffer')}, book {age_ms:.1f} ms old,"
        f" decided in {card.get('decisionUs', 0)} µs, seed {card.get('seed', '')}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(
        "venue", "bid", "offer", "fee/share", "all-in", "score = Σ weight × value", "shares", "why", box=None
    )
    for venue in sorted(card.get("venues", []), key=lambda item: -Decimal(item.get("score", "0"))):
        table.add_row(
            f"[bold]{venue['venueId']}[/]" if venue.get("chosen") else venue["venueId"],
            _side(venue, "bid"),
            _side(venue, "ask"),
            venue.get("feePerShare", "0"),
            venue.get("allInPrice", ""),
            _arithmetic(venue),
            str(venue.get("allocated", 0) or ""),
            venue["reason"],
        )
    console.print(table)
    console.print(
        f"  {card['summary']}" + (f" ({plan['reason']})" if plan.get("reason") else ""),
        highlight=False,
        soft_wrap=True,
    )
    _print_children(console, plan)
    _print_expectation(console, card)


def _print_children(console: Console, plan: dict[str, Any]) -> None:
    """Print what a plan sends."""
    for child in plan.get("children", []):
        minimum = f", at least {child['minQuantity']} at once" if child.get("minQuantity") else ""
        hold = f", for {child['holdMs']} ms" if child.get("holdMs") else ""
        console.print(
            f"  → {child['quantity']:,} to {child['venueId']} at {_dollars(child['limitPriceMicros'])}"
            f" {child['timeInForce'].removeprefix('TIME_IN_FORCE_')}{minimum}{hold}",
            highlight=False,
            soft_wrap=True,
        )


def _print_expectation(console: Console, card: dict[str, Any]) -> None:
    """Print what is expected to be taken at once, and that the venues' sums give it to the digit."""
    quantity = card.get("expectedQuantity", 0)
    if not quantity:
        return
    parts = [venue for venue in card.get("venues", []) if venue.get("expectedQuantity")]
    notional = sum((Decimal(venue["expectedNotional"]) for venue in parts), Decimal(0))
    fee = sum((Decimal(venue["expectedFee"]) for venue in parts), Decimal(0))
    agrees = notional == Decimal(card["expectedNotional"]) and fee == Decimal(card["expectedFee"])
    cost = (
        f", {card['expectedCost']} dollars beyond the mid with fees ({card['expectedCostBps']} basis points)"
        if "expectedCost" in card
        else ""
    )
    console.print(
        f"  Expected at once: {quantity} shares for {notional} and {fee} of fees{cost}; the venues' sums"
        f" {'agree' if agrees else 'DO NOT AGREE'}.",
        highlight=False,
        soft_wrap=True,
    )


def _side(venue: dict[str, Any], side: str) -> str:
    price = venue.get(f"{side}Price")
    return f"{price} × {venue.get(f'{side}Size', 0)}" if price else "–"


def _arithmetic(venue: dict[str, Any]) -> str:
    terms = venue.get("terms") or []
    if not terms:
        return "–"
    products = " + ".join(f"{_short(term['weight'])}×{_short(term['value'])}" for term in terms)
    return f"{products} = {venue.get('score', '0')}"


def _short(number: str) -> str:
    value = Decimal(number).normalize()
    return f"{value:f}"


def _print_fills(console: Console, order: dict[str, Any], fills: list[dict[str, Any]]) -> None:
    if not fills:
        console.print("\nNo fills.")
        return
    table = Table(
        "time (UTC)", "venue", "shares", "price", "ExecID", box=None, title="Fills", title_justify="left"
    )
    for fill in fills:
        table.add_row(
            fill["transactTime"][11:26],
            fill["venueId"],
            f"{fill['lastQty']:,}",
            str(fill["lastPx"]),
            fill["execId"],
        )
    console.print(table)
    notional = sum((fill["lastQty"] * Decimal(fill["lastPx"]) for fill in fills), Decimal(0))
    quantity = sum(fill["lastQty"] for fill in fills)
    console.print(
        f"  Σ quantity × price = {notional} over {quantity} shares = {(notional / quantity):.6f}; "
        f"the order says {order.get('avgPx')}",
        highlight=False,
    )
