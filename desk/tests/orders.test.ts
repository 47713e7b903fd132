import assert from "node:assert/strict";
import { test } from "node:test";
import type { Order } from "../src/api/types";
import { apply, belongTo, CLOSED_MAX, executions, EXECUTIONS_MAX, forgetAccounts, forgetOrders, hasUnread, inDoubt, merge, nothingIsSure, orders, sending, sent, unreadOrders } from "../src/store/orders";
import type { OrderRow } from "../src/store/orders";
import type { OrderEvent } from "../src/stream/messages";

// What has changed is told with the next frame; there is none here.
Object.assign(globalThis, { document: { hidden: true } });

const idOf = (place: number): string => `01900000-0000-7000-8000-${place.toString(16).padStart(12, "0")}`;
const listed = (place: number, status = "ACKNOWLEDGED", sequence = 2, more: Partial<Order> = {}) =>
  ({ orderId: idOf(place), accountId: "A", symbol: "DIS", side: "BUY", quantity: 10, status, cumQty: 0, leavesQty: 10, avgPx: null, text: "", sequence, createdAt: "", updatedAt: "", orderType: "LIMIT", principal: "other", ...more }) as Order;
const ticket = (place: number) =>
  ({ orderId: idOf(place), clientOrderId: `desk-${place}`, accountId: "A", symbol: "DIS", side: "BUY", quantity: 10, status: "NEW", cumQty: 0, leavesQty: 10, avgPx: null, text: "", sequence: 0, createdAt: "", updatedAt: "", orderType: "LIMIT", limitPrice: "9" }) as OrderRow & { clientOrderId: string };
const told = (place: number, status: string, sequence: number, more: Partial<OrderEvent> = {}) =>
  ({ eventId: `e${place}`, orderId: idOf(place), accountId: "A", clientOrderId: "c", sequence, streamSequence: sequence, type: "x", status: `ORDER_STATUS_${status}`, symbol: "DIS", side: "SIDE_BUY", quantity: 10, occurredAt: "", ...more }) as OrderEvent;

test("of what has closed the newest are held, and every open order", () => {
  forgetOrders();
  const open = 50;
  for (let place = 0; place < open; place += 1) merge(listed(place), true);
  const count = CLOSED_MAX * 2;
  // The oldest close last.
  for (let place = 0; place < count; place += 1) {
    const one = open + count - 1 - place;
    merge(listed(one), true);
    apply(told(one, place % 3 ? "FILLED" : "CANCELED", 3));
    assert.ok(orders.size <= open + CLOSED_MAX * 1.1 + 1, `${orders.size} orders are held`);
  }
  assert.ok(orders.size >= open + CLOSED_MAX);
  for (let place = 0; place < open; place += 1) assert.ok(orders.get(idOf(place)), "an open order is forgotten");
  for (let place = count - CLOSED_MAX; place < count; place += 1) assert.ok(orders.get(idOf(open + place)), `of the newest ${place} is forgotten`);
  assert.deepEqual(inDoubt(), []);
});

test("of executions the newest are held", () => {
  forgetOrders();
  merge(listed(1), true);
  const trade = (place: number) => ({ venueId: "V", execId: `x${place}`, clOrdId: "c", lastQty: 1, lastPxMicros: 1_000_000 });
  for (let place = 0; place < EXECUTIONS_MAX * 3; place += 1) {
    apply(told(1, "PARTIALLY_FILLED", 3 + place, { tradeApplied: trade(place) }));
    assert.ok(executions.size <= EXECUTIONS_MAX * 1.1);
  }
  assert.ok(executions.size >= EXECUTIONS_MAX);
  assert.ok([...executions.values()].some(one => one.execId === `x${EXECUTIONS_MAX * 3 - 1}`));
});

test("trades that are taken back go, corrected ones change, and one of no shares is none", () => {
  forgetOrders();
  merge(listed(1), true);
  const trade = (execId: string, more: object = {}) => ({ venueId: "V", execId, clOrdId: "c", lastQty: 4, lastPxMicros: 9_100_000, feeMicros: 3_000, ...more });
  const held = () => [...executions.values()].map(one => [one.venueId, one.execId, one.lastQty, one.lastPx, one.fee]);
  apply(told(1, "PARTIALLY_FILLED", 3, { tradeApplied: trade("x1") }));
  apply(told(1, "PARTIALLY_FILLED", 4, { tradeApplied: trade("x1", { venueId: "W" }) }));
  apply(told(1, "PARTIALLY_FILLED", 5, { tradeApplied: trade("x2", { lastQty: 0 }) }));
  assert.deepEqual(held(), [["V", "x1", 4, "9.1", "0.003"], ["W", "x1", 4, "9.1", "0.003"]]);
  // Another venue's execution of the same name is another one.
  apply(told(1, "PARTIALLY_FILLED", 6, { tradeCorrected: { ...trade("x3", { lastQty: 2, feeMicros: -1_500 }), execRefId: "x1" } }));
  assert.deepEqual(held(), [["V", "x1", 2, "9.1", "-0.0015"], ["W", "x1", 4, "9.1", "0.003"]]);
  apply(told(1, "ACKNOWLEDGED", 7, { tradeCorrected: { ...trade("x4", { lastQty: 0 }), execRefId: "x1" } }));
  assert.deepEqual(held(), [["W", "x1", 4, "9.1", "0.003"]]);
});

test("an event that comes again is no other row", () => {
  forgetOrders();
  merge(listed(1), true);
  apply(told(1, "ACKNOWLEDGED", 3));
  const row = orders.get(idOf(1));
  apply(told(1, "ACKNOWLEDGED", 3));
  assert.equal(orders.get(idOf(1)), row);
});

test("what a change took away of an order's terms is gone", () => {
  forgetOrders();
  merge(listed(1, "ACKNOWLEDGED", 2, { limitPrice: "9", stopPrice: "8.5", displayQty: 5 }), true);
  apply(told(1, "ACKNOWLEDGED", 3, { orderReplaced: { terms: { limitPriceMicros: 9_250_000, stopPriceMicros: 8_750_000, displayQuantity: 7 } } }));
  const terms = () => { const row = orders.get(idOf(1)); return [row?.orderType, row?.limitPrice, row?.stopPrice, row?.displayQty, row?.expireAt]; };
  assert.deepEqual(terms(), ["LIMIT", "9.25", "8.75", 7, null]);
  apply(told(1, "ACKNOWLEDGED", 4, { orderReplaced: { terms: { orderType: "ORDER_TYPE_MARKET" } } }));
  assert.deepEqual(terms(), ["MARKET", null, null, null, null]);
});

test("terms are missing of what only events told of, until they are read or the order is forgotten", () => {
  forgetOrders();
  apply(told(1, "ACKNOWLEDGED", 2));
  apply(told(2, "FILLED", 2));
  assert.deepEqual(unreadOrders(), [idOf(1), idOf(2)]);
  merge(listed(1, "ACKNOWLEDGED", 1), false);
  assert.deepEqual(unreadOrders(), [idOf(2)]);
  // What nobody reads in time is not asked about for ever.
  for (let place = 3; place < CLOSED_MAX * 1.2; place += 1) merge(listed(place, "FILLED"), true);
  assert.equal(orders.get(idOf(2)), undefined);
  assert.equal(hasUnread(), false);
});

test("what is older by its sequence changes nothing, whichever way it comes", () => {
  forgetOrders();
  apply(told(1, "FILLED", 5));
  merge(listed(1, "ACKNOWLEDGED", 4), false);
  assert.equal(orders.get(idOf(1))?.status, "FILLED");
  assert.equal(orders.get(idOf(1))?.orderType, "LIMIT");
  apply(told(1, "ACKNOWLEDGED", 4));
  assert.equal(orders.get(idOf(1))?.sequence, 5);
});

test("an order of the ticket has its terms of the list, however far the stream is ahead of that", () => {
  // Whichever of the answer, the events and the list comes first, and however old the list is.
  const steps = {
    sent: () => sent(ticket(1), true),
    told: () => apply(told(1, "ACKNOWLEDGED", 2)),
    toldMore: () => apply(told(1, "ACKNOWLEDGED", 4)),
    listed: () => merge(listed(1, "ACKNOWLEDGED", 2, { basketId: "b", limitPrice: "9" }), false),
  };
  const orderings = (left: readonly (keyof typeof steps)[]): (keyof typeof steps)[][] =>
    left.length ? left.flatMap(one => orderings(left.filter(other => other !== one)).map(rest => [one, ...rest])) : [[]];
  for (const ordering of orderings(["sent", "told", "toldMore", "listed"])) {
    forgetOrders();
    for (const step of ordering) steps[step]();
    const order = orders.get(idOf(1));
    assert.equal(order?.principal, "other", ordering.join());
    assert.equal(order?.basketId, "b", ordering.join());
    assert.equal(order?.limitPrice, "9", ordering.join());
    assert.equal(order?.sequence, 4, ordering.join());
    assert.equal(order?.status, "ACKNOWLEDGED", ordering.join());
    assert.equal(hasUnread(), false, ordering.join());
  }
});

test("an event is of an order that is being sent only when all that both say is the same", () => {
  const limit = (more: Partial<OrderEvent>) => {
    forgetOrders();
    sending({ accountId: "A", clientOrderId: "desk-1", symbol: "DIS", side: "SELL_SHORT", quantity: 10, limitPrice: "9" });
    apply(told(1, "ACKNOWLEDGED", 2, { clientOrderId: "desk-1", side: "SIDE_SELL_SHORT", ...more }));
    assert.deepEqual(unreadOrders(), [idOf(1)], "the list still has to say its terms");
    return orders.get(idOf(1))?.limitPrice;
  };
  assert.equal(limit({}), "9");
  for (const other of [{ clientOrderId: "desk-2" }, { accountId: "B" }, { symbol: "HD" }, { side: "SIDE_SELL" }, { quantity: 11 }]) assert.equal(limit(other), undefined, JSON.stringify(other));
  // Neither what was answered nor the oldest of very many is waited for.
  forgetOrders();
  sending({ ...ticket(1), side: "BUY" });
  sent(ticket(1), true);
  for (let place = 10; place < 1_011; place += 1) sending(ticket(place));
  for (const place of [10, 11]) apply(told(place, "ACKNOWLEDGED", 2, { clientOrderId: `desk-${place}` }));
  apply(told(2, "ACKNOWLEDGED", 2, { clientOrderId: "desk-1" }));
  assert.deepEqual([10, 11, 2].map(place => orders.get(idOf(place))?.limitPrice), [undefined, "9", undefined]);
});

test("an order of the ticket is read until the list has said its terms", () => {
  forgetOrders();
  sent(ticket(1), true);
  assert.deepEqual(unreadOrders(), [idOf(1)]);
  apply(told(1, "ACKNOWLEDGED", 2));
  assert.deepEqual(unreadOrders(), [idOf(1)]);
});

test("what a change has made of an order's terms the list says, and one from before the change does not", () => {
  forgetOrders();
  merge(listed(1, "ACKNOWLEDGED", 2, { algo: { strategy: "TWAP" } }), true);
  apply(told(1, "ACKNOWLEDGED", 5, { orderReplaced: { terms: { orderType: "ORDER_TYPE_LIMIT", limitPriceMicros: 8_000_000 } } }));
  merge(listed(1, "ACKNOWLEDGED", 4, { algo: { strategy: "TWAP" }, limitPrice: "9" }), false);
  assert.deepEqual(unreadOrders(), [idOf(1)]);
  assert.equal(orders.get(idOf(1))?.limitPrice, "8");
  merge(listed(1, "ACKNOWLEDGED", 5, { algo: { strategy: "VWAP" }, limitPrice: "8" }), false);
  assert.deepEqual(orders.get(idOf(1))?.algo, { strategy: "VWAP" });
  assert.equal(hasUnread(), false);
});

test("what the list says again is no other row", () => {
  forgetOrders();
  merge(listed(1), true);
  const row = orders.get(idOf(1));
  merge(listed(1), false);
  assert.equal(orders.get(idOf(1)), row);
});

test("one's own closed orders stay, however many of others close", () => {
  forgetOrders();
  belongTo("me");
  const own = 50;
  for (let place = 0; place < own; place += 1) merge(listed(place, "FILLED", 3, { principal: "me" }), false);
  // One that the ticket sent, and the list has not told of yet.
  sent({ ...ticket(own), principal: "me" }, true);
  apply(told(own, "FILLED", 3));
  for (let place = 0; place < CLOSED_MAX * 2; place += 1) apply(told(own + 1 + place, "FILLED", 3));
  for (let place = 0; place <= own; place += 1) assert.ok(orders.get(idOf(place)), `own order ${place} is gone`);
  assert.ok(orders.size <= own + 1 + CLOSED_MAX * 1.1 + 1);
  // One's own have a bound, too.
  for (let place = 0; place < CLOSED_MAX * 2; place += 1) merge(listed(CLOSED_MAX * 3 + place, "FILLED", 3, { principal: "me" }), false);
  assert.ok(orders.size <= 2 * (CLOSED_MAX * 1.1 + 1), `${orders.size} are held`);
  belongTo("");
});

test("in doubt is what is shown as open and nobody on this connection vouches for", () => {
  forgetOrders();
  merge(listed(1), true);
  merge(listed(2), false);
  merge(listed(3, "FILLED"), false);
  apply(told(4, "ACKNOWLEDGED", 2));
  sent(ticket(5), true);
  sent(ticket(6), false);
  assert.deepEqual(inDoubt(), [idOf(2), idOf(6)]);
  apply(told(2, "ACKNOWLEDGED", 3));
  merge(listed(6, "CANCELED", 3), false);
  assert.deepEqual(inDoubt(), []);
  // Another connection begins: a snapshot vouches for its orders, the list for none.
  nothingIsSure();
  assert.deepEqual(inDoubt(), [1, 2, 4, 5].map(idOf));
  merge(listed(1), true);
  merge(listed(2, "ACKNOWLEDGED", 3), false);
  assert.deepEqual(inDoubt(), [2, 4, 5].map(idOf));
});

test("of an account that is lost nothing stays", () => {
  forgetOrders();
  merge(listed(1), true);
  merge(listed(2, "FILLED", 3, { accountId: "B" }), true);
  apply(told(3, "PARTIALLY_FILLED", 2, { accountId: "B", tradeApplied: { venueId: "V", execId: "x", clOrdId: "c", lastQty: 1, lastPxMicros: 1 } }));
  forgetAccounts(["B"]);
  assert.deepEqual([...orders.ids()], [idOf(1)]);
  assert.equal(executions.size, 0);
  assert.equal(hasUnread(), false);
  assert.deepEqual(inDoubt(), []);
});
