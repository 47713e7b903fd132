import assert from "node:assert/strict";
import { test } from "node:test";
import { at, hopsOf, momentsOf, type Story } from "../src/views/orders/moments";

const event = (sequence: number, eventType: string, occurredAt: string, status = "ACKNOWLEDGED") => ({ eventId: String(sequence), eventType, occurredAt, payload: {}, sequence, status, streamSequence: sequence });
const child = (clOrdId: string, createdAt: string, ackedAt: string | null) => ({ clOrdId, createdAt, ackedAt, venueId: "XNYS", quantity: 100, limitPrice: "10", attempt: 1, leg: 1, cumQty: 0, leavesQty: 0, minQuantity: null, status: "NEW", timeInForce: "IOC", updatedAt: createdAt, venueOrderId: "" });
const fill = (sequence: number, clOrdId: string, receivedAt: string, lastQty: number) => ({ accountId: "A", clOrdId, execId: "E", fee: "0", lastLiquidity: 1, lastPx: "10", lastQty, orderId: "O", receivedAt, recordedAt: receivedAt, sequence, settlesOn: null, side: "BUY", symbol: "DIS", transactTime: receivedAt, venueId: "XNYS" });
const T = (ms: string) => `2026-11-27T10:00:00.${ms}Z`;
const story: Story = {
  events: [event(1, "OrderReceived", T("000000"), "NEW"), event(2, "OrderAccepted", T("004500")), event(3, "RoutePlaced", T("010000")), event(4, "TradeApplied", T("030000"), "PARTIALLY_FILLED"),
    { ...event(5, "ChildClosed", T("040000"), "PARTIALLY_FILLED"), payload: { childClosed: { clOrdId: "C2" } } }],
  routes: [{ attempt: 1, routeId: "R", decidedAt: T("009000"), explanationProblem: "", plan: {}, proven: true, children: [child("C1", T("012000"), T("015000")), child("C2", T("012000"), null)] }],
  fills: [fill(4, "C1", T("025000"), 40)],
};

test("what happened is in the order of time, events before what came with them", () => {
  assert.deepEqual(momentsOf(story).map(moment => moment.what), ["received", "risk accepted it", "routed", "100 to XNYS", "100 to XNYS", "XNYS acknowledges", "XNYS trades 40", "traded", "over at a venue"]);
});

test("an order stands at a moment as what had happened by then, to the microsecond", () => {
  const before = at(story, T("004499"));
  assert.deepEqual([before.status, before.filled, before.children.length, before.route], ["NEW", 0, 0, null]);
  const sent = at(story, T("012000"));
  assert.deepEqual([sent.status, sent.route?.attempt, sent.children.map(one => one.isAcknowledged)], ["ACKNOWLEDGED", 1, [false, false]]);
  const traded = at(story, T("025000"));
  // The trade was told before core has counted it.
  assert.deepEqual([traded.status, traded.filled, traded.children.map(one => one.filled)], ["ACKNOWLEDGED", 40, [40, 0]]);
  assert.equal(at(story, T("030000")).status, "PARTIALLY_FILLED");
  assert.deepEqual([T("039999"), T("040000")].map(time => at(story, time).children.map(one => one.isOver)), [[false, false], [false, true]]);
});

test("the way of the child that traded is cut into hops that follow each other, and no hop is below nothing", () => {
  const hops = hopsOf(story);
  assert.deepEqual(hops.map(hop => [hop.name, hop.to - hop.from]), [["received → risk", 4.5], ["risk → routed", 4.5], ["routed → sent", 3], ["sent → acknowledged", 3], ["acknowledged → trade told", 10], ["trade told → counted", 5]]);
  const skewed: Story = { ...story, routes: story.routes.map(route => ({ ...route, decidedAt: T("001000") })) };
  assert.ok(hopsOf(skewed).every(hop => hop.to >= hop.from));
  assert.deepEqual(hopsOf({ ...story, routes: [] }), []);
});
