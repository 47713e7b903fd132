import assert from "node:assert/strict";
import { test } from "node:test";
import type { OrderRow } from "../src/store/orders";
import { microsOf, planOf, textOf, wrongIn, type Wanted } from "../src/views/orders/changeMany";

const order = (changes: Partial<OrderRow> = {}): OrderRow => ({
  orderId: "1", accountId: "A", symbol: "AAPL", side: "BUY", quantity: 100, status: "ACKNOWLEDGED", cumQty: 0, leavesQty: 100, avgPx: "0", text: "", sequence: 1,
  createdAt: "", updatedAt: "", limitPrice: "187.20", ...changes,
});
const wanted = (changes: Partial<Wanted>): Wanted => ({ priceRule: "leave", price: "", sharesRule: "leave", shares: "", ...changes });
const tick = (symbol: string) => ({ PENY: "0.0001", SKHY: "0.05" })[symbol] ?? "0.01";
const made = (changes: Partial<Wanted>, ...orders: OrderRow[]) => planOf(orders, wanted(changes), tick).map(one => one.change ?? one.why);

test("prices are exact, whatever floating point makes of them", () => {
  for (const [text, micros] of [["0.1", 100_000n], ["731250.01", 731_250_010_000n], ["1,000.5", 1_000_500_000n], [".25", 250_000n], ["5.", 5_000_000n], ["-3", -3_000_000n], ["−3", -3_000_000n], ["1.10000000", 1_100_000n]] as const)
    assert.equal(microsOf(text), micros);
  for (const text of ["", ".", "-", "x", "1e3", "1.2.3", "0.0000001", "NaN", "1 2", "9".repeat(13)]) assert.equal(microsOf(text), null, text);
  assert.equal(textOf(100_000n), "0.10");
  assert.equal(textOf(452_100n), "0.4521");
  assert.equal(textOf(187_000_000n), "187.00");
});

test("a limit is set, moved by ticks of its own symbol, and moved towards the market of its own side", () => {
  assert.deepEqual(made({ priceRule: "set", price: "187.3" }, order()), [{ limitPrice: "187.30" }]);
  assert.deepEqual(made({ priceRule: "up", price: "3" }, order(), order({ symbol: "PENY", limitPrice: "0.4521" })), [{ limitPrice: "187.23" }, { limitPrice: "0.4524" }]);
  const both = [order(), order({ side: "SELL" }), order({ side: "SELL_SHORT", symbol: "SKHY" })];
  assert.deepEqual(made({ priceRule: "towards", price: "2" }, ...both), [{ limitPrice: "187.22" }, { limitPrice: "187.18" }, { limitPrice: "187.10" }]);
  assert.deepEqual(made({ priceRule: "towards", price: "−2" }, ...both), [{ limitPrice: "187.18" }, { limitPrice: "187.22" }, { limitPrice: "187.30" }]);
});

test("a quantity is set, or a part of what it is, in whole shares", () => {
  assert.deepEqual(made({ sharesRule: "set", shares: "1,250" }, order()), [{ quantity: 1250 }]);
  assert.deepEqual(made({ sharesRule: "percent", shares: "33.3" }, order(), order({ quantity: 7 })), [{ quantity: 33 }, { quantity: 2 }]);
  assert.deepEqual(made({ sharesRule: "percent", shares: "1" }, order({ quantity: 7 })), ["no share would be left of it"]);
  assert.deepEqual(made({ sharesRule: "set", shares: "40" }, order({ cumQty: 40 }), order({ cumQty: 41 })), [{ quantity: 40 }, "more of it is done than that"]);
});

test("an order gets only what it can take, and what changes nothing is not sent", () => {
  const market = order();
  delete (market as { limitPrice?: string }).limitPrice;
  assert.deepEqual(made({ priceRule: "set", price: "5" }, market), ["it has no limit"]);
  assert.deepEqual(made({ priceRule: "set", price: "5", sharesRule: "set", shares: "50" }, market), [{ quantity: 50 }]);
  assert.deepEqual(made({ priceRule: "set", price: "187.2" }, order()), ["nothing is changed"]);
  assert.deepEqual(made({}, order()), ["nothing is changed"]);
  assert.deepEqual(made({ priceRule: "up", price: "-18720" }, order()), ["its limit would not be above 0"]);
  assert.deepEqual(made({ priceRule: "set", price: "187.3", sharesRule: "percent", shares: "50" }, order()), [{ limitPrice: "187.30", quantity: 50 }]);
});

test("what was entered wrong changes nothing of any order, and is named by its field", () => {
  for (const price of ["", "0", "-1", "x", "1.0000001"]) assert.deepEqual(Object.keys(wrongIn(wanted({ priceRule: "set", price }))), ["price"], price);
  for (const price of ["", "0", "0.5", "x"]) assert.deepEqual(Object.keys(wrongIn(wanted({ priceRule: "towards", price }))), ["price"], price);
  for (const shares of ["", "0", "-5", "1.5", "many"]) assert.deepEqual(Object.keys(wrongIn(wanted({ sharesRule: "set", shares }))), ["shares"], shares);
  for (const shares of ["", "0", "-5", "x"]) assert.deepEqual(Object.keys(wrongIn(wanted({ sharesRule: "percent", shares }))), ["shares"], shares);
  assert.deepEqual(wrongIn(wanted({ price: "x", shares: "y" })), {});
  assert.deepEqual(made({ priceRule: "set", price: "x", sharesRule: "set", shares: "50" }, order()), [""]);
});
