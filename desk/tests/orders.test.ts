import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, CLOSED_MAX, executions, EXECUTIONS_MAX, forgetOrders, hasUnread, inDoubt, merge, orders, unreadOrders } from "../src/store/orders";
import type { OrderRow } from "../src/store/orders";
import type { OrderEvent } from "../src/stream/messages";

// What has changed is told with the next frame; there is none here.
Object.assign(globalThis, { document: { hidden: true } });

const idOf = (place: number): string => `01900000-0000-7000-8000-${place.toString(16).padStart(12, "0")}`;
const listed = (place: number, status = "ACKNOWLEDGED", sequence = 2) =>
  ({ orderId: idOf(place), accountId: "A", symbol: "DIS", side: "BUY", quantity: 10, status, cumQty: 0, leavesQty: 10, avgPx: null, text: "", sequence, createdAt: "", updatedAt: "", orderType: "LIMIT" }) as OrderRow;
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
