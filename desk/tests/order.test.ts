import assert from "node:assert/strict";
import { test } from "node:test";
import { changed, EMPTY, fieldsOf, intentOf, orderOf, quantityOf, type Draft } from "../src/views/orders/order";

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
