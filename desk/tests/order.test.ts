import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, changeOf, doubtsOf, EMPTY, fieldsOf, intentOf, orderOf, quantityOf, worthOf, type Draft, type Known } from "../src/views/orders/order";

const draft = (change: Partial<Draft>): Draft => changed({ ...EMPTY, accountId: "ACC-INST-001", symbol: "aapl", quantity: "100", limitPrice: "227.10" }, change);
const terms = (change: Partial<Draft>) => {
  const made = orderOf(draft(change));
  assert.deepEqual([made.problems, made.missing], [{}, []]);
  return made.order as unknown as Record<string, unknown>;
};

test("quantities take separators and shorthands, and nothing else", () => {
  assert.deepEqual(["100", "2,000", "2k", "1.5m", "0.5k"].map(quantityOf), [100, 2000, 2000, 1_500_000, 500]);
  assert.deepEqual(["", "0", "-5", "1.5", "2,00", "1e3", "0.0001k", "k"].map(quantityOf), Array(8).fill(null));
});

test("each kind of order has its own fields and no others, whatever was entered before", () => {
  const all = { stopPrice: "226", pegOffset: "-0.02", displayQty: "10", algo: "TWAP", endAt: "2026-11-27T15:00" } as const;
  assert.deepEqual(Object.keys(terms({ ...all, orderType: "MARKET", algo: "" })).sort(), ["accountId", "orderType", "quantity", "side", "symbol", "timeInForce"]);
  assert.equal(terms({ ...all, orderType: "STOP" })["stopPrice"], "226");
  assert.equal("limitPrice" in terms({ ...all, orderType: "STOP" }), false);
  assert.equal("algo" in terms({ ...all, orderType: "STOP_LIMIT" }), false);
  assert.deepEqual(terms({ ...all, orderType: "PEGGED" })["peg"], { type: "PRIMARY", offset: "-0.02" });
  assert.deepEqual(terms({ ...all, orderType: "PEGGED", pegType: "MIDPOINT", limitPrice: "" })["peg"], { type: "MIDPOINT" });
  assert.equal((terms(all)["algo"] as Record<string, unknown>)["strategy"], "TWAP");
});

test("a time in force that does not go with the kind becomes DAY", () => {
  assert.equal(draft({ timeInForce: "IOC", orderType: "STOP" }).timeInForce, "DAY");
  assert.equal(draft({ timeInForce: "IOC", algo: "VWAP" }).timeInForce, "DAY");
  assert.equal(draft({ timeInForce: "IOC" }).timeInForce, "IOC");
  assert.deepEqual(fieldsOf(draft({ orderType: "PEGGED" })).forces, ["DAY", "GTC", "GTD"]);
});

test("what is missing or wrong is named by the field of the contract", () => {
  assert.deepEqual(orderOf({ ...EMPTY, quantity: "1.5" }), { order: null, problems: { quantity: "a whole number above 0" }, missing: ["accountId", "symbol", "limitPrice"] });
  assert.deepEqual(orderOf(draft({ limitPrice: "abc" })).problems, { limitPrice: "dollars, up to six decimals" });
  assert.deepEqual(orderOf(draft({ algo: "POV", endAt: "2026-11-27T15:00" })).missing, ["algo.participationBps"]);
  assert.deepEqual(orderOf(draft({ algo: "IS", endAt: "2026-11-27T15:00" })).missing, ["algo.urgency"]);
});

test("percent of the volume is basis points, venues are names, a GTD order has a date or a time", () => {
  assert.equal((terms({ algo: "POV", endAt: "2026-11-27T15:00", participation: "7.5" })["algo"] as Record<string, unknown>)["participationBps"], 750);
  assert.deepEqual(terms({ avoid: "edgx, bats", prefer: "xnys", profile: "staged" })["routing"], { profile: "staged", avoid: ["EDGX", "BATS"], prefer: ["XNYS"] });
  assert.equal(terms({ timeInForce: "GTD", until: "2026-12-24" })["expireDate"], "2026-12-24");
  assert.equal(terms({ timeInForce: "GTD", until: "2026-12-24T15:00Z" })["expireTime"], "2026-12-24T15:00:00.000Z");
});

test("the same order keeps its id until somebody knows what became of it, another one has another", () => {
  let count = 0;
  const id = () => `id-${(count += 1)}`;
  const order = orderOf(draft({})).order;
  const other = orderOf(draft({ quantity: "200" })).order;
  assert.ok(order && other);
  const first = intentOf(null, order, id);
  assert.equal(intentOf(first, { ...order }, id).order.clientOrderId, "id-1");
  assert.equal(intentOf(first, other, id).order.clientOrderId, "id-2");
  assert.equal(intentOf(null, order, id).order.clientOrderId, "id-3");
});

test("an order is asked about when it is large, the same as a moment ago, or after one that nobody has answered", () => {
  const { order } = orderOf(draft({}));
  const { order: other } = orderOf(draft({ quantity: "200" }));
  assert.ok(order && other);
  const content = JSON.stringify(order);
  const known = { worth: 22_710, confirmShares: 10_000, confirmDollars: 1_000_000, before: { content: "", at: 0 }, intent: null, now: 100_000 };
  const asks = (change: Partial<Known>) => doubtsOf(order, { ...known, ...change });
  assert.deepEqual(asks({}), []);
  assert.deepEqual([asks({ confirmShares: 100 }), asks({ confirmShares: 101 }), asks({ confirmDollars: 22_710 }), asks({ confirmDollars: 22_711 })].map(one => one.length), [1, 0, 1, 0]);
  assert.deepEqual(asks({ confirmShares: 100 }), ["It is large: about 22,710 dollars."]);
  assert.deepEqual([asks({ before: { content, at: 70_001 } }), asks({ before: { content, at: 70_000 } }), asks({ before: { content: JSON.stringify(other), at: 99_999 } })],
    [["The same order was sent a moment ago."], [], []]);
  // To send it again is to send the same order; another one may be a second.
  assert.deepEqual([asks({ intent: intentOf(null, order, () => "1") }), asks({ intent: intentOf(null, other, () => "1") })], [[], ["The order before it was not answered and may have been placed."]]);
  assert.equal(asks({ confirmShares: 1, before: { content, at: 99_999 }, intent: intentOf(null, other, () => "1") }).length, 3);
});

test("an order is worth what its own limit says, else what is quoted", () => {
  const worth = (change: Partial<Draft>, price: number) => { const { order } = orderOf(draft(change)); assert.ok(order); return worthOf(order, price); };
  assert.deepEqual([worth({}, 5), worth({ orderType: "MARKET" }, 5), worth({ orderType: "MARKET" }, 0)], [22_710, 500, 0]);
});

test("a change says what is another of an order, and nonsense is none", () => {
  const order = { quantity: 100, limitPrice: "227.10" };
  assert.deepEqual([changeOf(order, "200", "227.10"), changeOf(order, "1,200", " 1,227.20 "), changeOf(order, "100", "227.20")], [{ quantity: 200 }, { quantity: 1_200, limitPrice: "1227.20" }, { limitPrice: "227.20" }]);
  assert.equal(changeOf(order, "100", " 227.10 "), "nothing is changed yet");
  for (const text of ["", "0", "-5", "1.5", "lots", "1e", "<b>"]) assert.match(String(changeOf(order, text, "1")), /whole number of shares above 0/, text);
  // An order without a limit gets none by being changed.
  assert.deepEqual(changeOf({ quantity: 100, limitPrice: null }, "200", "5"), { quantity: 200 });
  assert.deepEqual(changeOf({ quantity: 100, stopPrice: "220.00" }, "100", "", "1,221.50"), { stopPrice: "1221.50" });
  assert.equal(changeOf({ quantity: 100, stopPrice: "220.00" }, "100", "", "220.00"), "nothing is changed yet");
});
