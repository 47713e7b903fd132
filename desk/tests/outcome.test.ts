import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf } from "../src/views/orders/outcome";
import { CLOSED } from "../src/store/orders";

const order = { status: "ACKNOWLEDGED", side: "BUY", symbol: "DIS", quantity: 300, cumQty: 0, avgPx: null, text: "" } as const;

test("an order that is open has no end", () => {
  for (const status of ["NEW", "ACKNOWLEDGED", "PARTIALLY_FILLED", "PENDING_CANCEL", "PENDING_REPLACE", "SUSPENDED"])
    assert.equal(endOf({ ...order, status } as never), null, status);
});

test("every way to end is said, with what was done and why no more", () => {
  const told = (change: object) => endOf({ ...order, ...change } as never);
  assert.deepEqual(told({ status: "FILLED", cumQty: 300, avgPx: "115.49" }), { tone: "good", text: "Filled: Buy 300 DIS at 115.49" });
  assert.deepEqual(told({ status: "CANCELED", text: "NOT_MARKETABLE: limit=115.00, best=115.46" }),
    { tone: "bad", text: "Canceled, nothing filled, Buy 300 DIS: The limit does not reach the market (limit 115, best 115.46)." });
  assert.deepEqual(told({ status: "CANCELED", cumQty: 100, avgPx: "115.49", text: "canceled on request" }),
    { tone: "soft", text: "Canceled, 100 filled at 115.49, Buy 300 DIS: canceled on request" });
  assert.deepEqual(told({ status: "EXPIRED" }), { tone: "bad", text: "Expired, nothing filled, Buy 300 DIS" });
  assert.deepEqual(told({ status: "REJECTED", text: "ACCOUNT_UNKNOWN" }), { tone: "bad", text: "Rejected: No such account." });
  for (const status of CLOSED) assert.ok(told({ status }), status);
});
