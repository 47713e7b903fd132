import "./browser";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ladderOf } from "../src/views/orders/book";
import { brief, decimals, money, plain, price, shares, signed, upTo } from "../src/ui/numbers";
import { plainWords, reasonInWords, refusalInWords, sideInWords } from "../src/words/reasons";
import { fieldInWords } from "../src/words/fields";
import { draft, set, take } from "../src/views/orders/draft";
import { EMPTY, orderOf, SIDES, type Draft } from "../src/views/orders/order";
import { timeOf, uuid7 } from "../src/api/ids";
import type { Book } from "../src/api/types";

test("no field of the ticket is called as programs call it", () => {
  const wrong: Partial<Draft> = {
    quantity: "x", limitPrice: "x", stopPrice: "x", pegOffset: "x", minQuantity: "x", displayQty: "x", startAt: "x", endAt: "x", participation: "x", urgency: "x", slices: "x", seed: "x", until: "x",
  };
  const named = new Set<string>();
  for (const orderType of ["LIMIT", "MARKET", "STOP", "STOP_LIMIT", "PEGGED"] as const)
    for (const algo of ["", "TWAP", "POV", "IS"] as const)
      for (const timeInForce of ["DAY", "GTD"] as const)
        for (const filled of [{}, wrong]) {
          const made = orderOf({ ...EMPTY, orderType, algo, timeInForce, ...filled });
          for (const field of [...made.missing, ...Object.keys(made.problems)]) named.add(field);
        }
  assert.ok(named.size > 12);
  for (const field of named) assert.match(fieldInWords(field), /^[a-z][a-z ]*$/, field);
});

test("a field that nobody has named is called by its own words", () => {
  assert.equal(fieldInWords("tickSize"), "tick size");
  assert.equal(fieldInWords("parameters.quantity_max"), "parameters quantity max");
  assert.equal(fieldInWords("orders[3].limitPrice"), "orders[3] limit");
});

test("a denial is a sentence with its figures, other text stays as it is", () => {
  assert.equal(reasonInWords("ORDER_QTY_EXCEEDS_MAX: quantity=10000000, limit=500000"), "More shares than may be ordered at once (quantity 10,000,000, limit 500,000).");
  assert.equal(reasonInWords("ACCOUNT_UNKNOWN"), "No such account.");
  assert.equal(reasonInWords("<b>too much</b>"), "<b>too much</b>");
  assert.equal(reasonInWords(""), "");
});

test("what a kill switch stops is told by its scope and why, at the door as by risk", () => {
  const told = "switch=01a221a3-5a5f-7000-93cc-0fccc98f9625, scope=account=ACC-INST-001, reason=news is pending";
  const words = "A kill switch stops new orders of a scope that this one is in; cancels are taken (scope account ACC-INST-001, reason news is pending).";
  assert.equal(reasonInWords(`KILLED: ${told}`), words);
  assert.equal(refusalInWords(`stopped by a kill switch: ${told}`), words);
  assert.equal(refusalInWords("no such page"), "no such page");
});

test("numbers have separators, ticks and signs", () => {
  assert.deepEqual([shares(1234567), shares(null)], ["1,234,567", "–"]);
  assert.deepEqual([price("227.1", "0.01"), price("227.13653", "0.01"), price("0.5", "0.0001"), price(null)], ["227.10", "227.13653", "0.5000", "–"]);
  assert.deepEqual([money("9999.5"), money("1234567.8"), brief("2500000"), signed(-1.5), signed(1.5)], ["9,999.50", "1,234,568", "2.5 m", "−1.50", "+1.50"]);
});

test("a figure that rounds to zero has no sign, however it is written", () => {
  for (const tiny of [-0.0001, 0.0001, -0, 0])
    assert.deepEqual([signed(tiny), decimals(tiny, 2), decimals(String(tiny), 0), upTo(tiny, 2), money(tiny), price(tiny, "0.01", 2), brief(tiny), shares(Math.round(tiny))],
      ["0.00", "0.00", "0", "0", "0.00", "0.00", "0", "0"], String(tiny));
  assert.deepEqual([plain("-0.0000"), plain("-0"), plain("-0.10"), decimals("-0.005", 2)], ["0", "0", "-0.1", "-0.01"]);
});

test("every number that is shown is written in one place", () => {
  const folder = `${process.cwd()}/src`;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(name => /\.tsx?$/.test(name) && name !== "ui/numbers.ts");
  assert.ok(files.length > 80);
  for (const name of files) assert.doesNotMatch(readFileSync(`${folder}/${name}`, "utf8"), /toFixed|toLocaleString|NumberFormat|toPrecision/, name);
});

test("a sale of what is borrowed is never called only a sale", () => {
  assert.deepEqual(SIDES.map(sideInWords), ["Buy", "Sell", "Sell short", "Sell short exempt"]);
});

test("a price of the book is bought or sold to, and who sells short goes on selling short", () => {
  const taken = (before: (typeof SIDES)[number], side: "BUY" | "SELL") => {
    set({ side: before, orderType: "MARKET" });
    take(side, "9.99");
    return [draft.value.side, draft.value.orderType, draft.value.limitPrice];
  };
  assert.deepEqual(SIDES.map(side => taken(side, "SELL")[0]), ["SELL", "SELL", "SELL_SHORT", "SELL_SHORT_EXEMPT"]);
  assert.deepEqual(SIDES.map(side => taken(side, "BUY")), SIDES.map(() => ["BUY", "LIMIT", "9.99"]));
});

test("an id says when it was made", () => {
  const at = Date.UTC(2026, 10, 27, 12, 0, 0, 123);
  assert.equal(timeOf(uuid7(at)), "2026-11-27T12:00:00.123Z");
  assert.match(uuid7(at), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("a ladder adds up venues at a price, both sides meeting in the middle", () => {
  const book = { symbol: "A", sequence: 1, bid: "9", ask: "10", quotedAt: "", venues: [
    { venueId: "X", bids: [{ price: "9", size: 100 }, { price: "8", size: 5 }], asks: [{ price: "10", size: 20 }] },
    { venueId: "Y", bids: [{ price: "9", size: 300 }], asks: [{ price: "11", size: 50 }] },
  ] } as Book;
  const ladder = ladderOf(book, 5);
  assert.deepEqual(ladder.asks.map(rung => [rung.price, rung.size]), [["11", 50], ["10", 20]]);
  assert.deepEqual(ladder.bids.map(rung => [rung.price, rung.size, rung.venues[0]?.venueId]), [["9", 400, "Y"], ["8", 5, "X"]]);
  assert.equal(ladder.most, 400);
});

test("what the router says has separators in its numbers and no codes, and names stay as they are", () => {
  assert.equal(plainWords("Buy 1500 AAPL market DAY: nothing placed, NO_QUOTE: symbol=AAPL."), "Buy 1,500 AAPL market DAY: nothing placed, no quote: symbol AAPL.");
  assert.equal(plainWords("stale quote, STALE_QUOTE: age_ms=21845, age_ms_max=2000."), "stale quote, stale quote: age ms 21,845, age ms max 2,000.");
  assert.equal(plainWords("12000 to XNYS at 1234.5678, ACC-INST-0001 waits"), "12,000 to XNYS at 1,234.5678, ACC-INST-0001 waits");
});
