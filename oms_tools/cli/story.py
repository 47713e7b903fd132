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
    console.print(
        f"[bold]{order['side']} {order['quantity']:,} {order['symbol']} {price} {order['timeInForce']}[/]"
        f" for {order['accountId']}  →  [bold]{order['status']}[/], {order['cumQty']:,} done"
        + (f" at {order['avgPx']} on average" if order.get("avgPx") else ""),
        highlight=False,
    )
    _print_events(console, client.get(f"/api/v1/orders/{order_id}/events"))
    for route in client.get(f"/api/v1/orders/{order_id}/routes")["routes"]:
        print_route(console, route["plan"])
    _print_fills(console, order, client.get(f"/api/v1/orders/{order_id}/executions")["executions"])


def _print_events(console: Console, answer: dict[str, Any]) -> None:
    table = Table(
        "#", "time (UTC)", "event", "status", "what", box=None, title="What happened", title_justify="left"
    )
    for event in answer["events"]:
        body = event["payload"].get("data") or {}
        table.add_row(
            str(event["sequence"]),
            event["occurredAt"][11:23],
            event["eventType"],
            event["status"],
            _what(event, body),
        )
    console.print(table)


def _what(event: dict[str, Any], body: dict[str, Any]) -> str:
    kind = event["eventType"]
    if kind in ("OrderAccepted", "OrderDenied"):
        checks = ", ".join(
            f"{check['rule']} {check['value']} / {check['bound']}" for check in body["checks"][-3:]
        )
        verdict = body.get("denial") or f"{len(body['checks'])} risk checks passed"
        return f"{verdict} in {body['risk_us']} µs (… {checks})"
    if kind == "RoutePlaced":
        legs = ", ".join(
            f"{leg['quantity']} to {leg['venue_id']} at {leg['limit_price']}" for leg in body["legs"]
        )
        return legs or body["reason"]
    if kind == "TradeApplied":
        return f"{body['last_qty']} @ {body['last_px']} on {body['venue_id']}"
    if kind == "RouteRequested":
        return f"attempt {body['attempt']}, {body['quantity']} shares"
    return str(body.get("text") or body.get("reason") or "")


def print_route(console: Console, plan: dict[str, Any]) -> None:
    """Print a route card."""
    card = plan["explanation"]
    age_ms = max([venue.get("quoteAgeUs", 0) for venue in card["venues"]], default=0) / 1000
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
    for venue in sorted(card["venues"], key=lambda item: -Decimal(item.get("score", "0"))):
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
    _print_expectation(console, card)


def _print_expectation(console: Console, card: dict[str, Any]) -> None:
    """Print what is expected to be taken at once, and that the venues' sums give it to the digit."""
    quantity = card.get("expectedQuantity", 0)
    if not quantity:
        return
    parts = [venue for venue in card["venues"] if venue.get("expectedQuantity")]
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
