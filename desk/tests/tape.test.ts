import "./browser";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Quote } from "../src/api/types";
import { forgetMarket, isUp, quotesLive, showTape, takeQuote, traded } from "../src/store/market";
import { flush } from "../src/store/frame";
import { ANEW, NO_QUOTES, TAPE_MAX, Tape, type Gap, type Trade, type Traded } from "../src/store/tape";

/** A quote of a second of the minute; by then so many shares were traded, the last of them at a price. */
const at = (second: number, volume: number | null, lastSize: number | null = 100, lastPrice: string | null = "10.01"): Traded & { sequence: number } =>
  ({ sequence: second, quotedAt: `2026-03-02T15:00:${String(second).padStart(2, "0")}Z`, volume, lastSize, lastPrice });
const trades = (tape: Tape): Trade[] => tape.lines.filter(line => line.kind === "trade");
const gaps = (tape: Tape): string[] => tape.lines.filter((line): line is Gap => line.kind === "gap").map(line => line.why);

function taped(...quotes: Traded[]): Tape {
  const tape = new Tape();
  tape.show("A");
  for (const quote of quotes) tape.take(quote, null);
  return tape;
}

test("a line is what was traded since the quote before, and the first quote is no trade", () => {
  const tape = taped(at(1, 5_000), at(2, 5_100, 100), at(3, 5_100, 100), at(4, 5_400, 300, "10.02"));
  assert.deepEqual(
    tape.lines.map(line => line.kind === "trade" && [line.shares, line.price, line.trades, line.since.slice(-3), line.at.slice(-3)]),
    [[300, "10.02", "1", "03Z", "04Z"], [100, "10.01", "1", "01Z", "02Z"]],
  );
});

test("more shares than the last trade had are two trades or more, and of a size that is not told nothing is said", () => {
  const of = (lastSize: number | null): string | undefined => trades(taped(at(1, 0), at(2, 500, lastSize)))[0]?.trades;
  assert.equal(of(500), "1");
  assert.equal(of(499), "2+");
  assert.equal(of(null), "1+");
  // It is not among what was counted.
  assert.equal(of(501), "1+");
});

test("of two trades of the same size between two quotes none is lost: the same size and price again is another trade", () => {
  const tape = taped(at(1, 100), at(2, 200), at(3, 300));
  assert.deepEqual(trades(tape).map(line => line.shares), [100, 100]);
});

test("a volume that falls begins anew, says so, and what was traded before its quote is nobody's", () => {
  const tape = taped(at(1, 9_000), at(2, 9_100), { ...at(3, 400), sequence: 1 }, { ...at(4, 500), sequence: 2 });
  assert.deepEqual(gaps(tape), [ANEW]);
  assert.deepEqual(trades(tape).map(line => line.shares), [100, 100]);
});

test("a quote that is older than what was told is no feed that counts anew", () => {
  const tape = taped(at(1, 0), at(3, 300, 300), at(2, 100), at(3, 300, 300), at(4, 400));
  assert.deepEqual(gaps(tape), []);
  assert.deepEqual(trades(tape).map(line => line.shares), [100, 300]);
});

test("a feed that does not count has no trades, and one that begins to has none before its second quote", () => {
  const tape = taped(at(1, null), at(2, null, 300, "10.02"));
  assert.deepEqual([tape.lines, tape.counts], [[], false]);
  tape.take(at(3, 700), null);
  assert.deepEqual([tape.lines, tape.counts], [[], true]);
  tape.take(at(4, 800), null);
  assert.deepEqual(trades(tape).map(line => line.shares), [100]);
});

test("after quotes did not come in the tape says so and begins with the next one", () => {
  const tape = taped(at(1, 0), at(2, 100));
  tape.interrupt();
  tape.interrupt();
  tape.take(at(30, 50_000, 200), null);
  tape.take(at(31, 50_200, 200), null);
  assert.deepEqual(tape.lines.map(line => (line.kind === "gap" ? line.why : line.shares)), [200, NO_QUOTES, 100]);
});

test("another symbol has a tape of its own, which begins with the quote that it is followed from", () => {
  const tape = taped(at(1, 0), at(2, 100));
  tape.show("B", at(2, 40_000));
  assert.deepEqual([tape.lines, tape.counts], [[], true]);
  tape.take(at(3, 40_100), null);
  tape.show("B");
  assert.deepEqual(trades(tape).map(line => line.shares), [100]);
  tape.show("A");
  tape.take(at(9, 70_000), null);
  assert.deepEqual(tape.lines, []);
});

test("only the newest lines are kept", () => {
  const tape = taped(...Array.from({ length: 2 * TAPE_MAX }, (_, place) => ({ ...at(1, 100 * place), sequence: place })));
  assert.equal(tape.lines.length, TAPE_MAX);
});

const quote = (second: number, volume: number | null, lastPrice: string | null = "10.01", symbol = "A"): Quote =>
  ({ ...at(second, volume, 100, lastPrice), symbol, bid: null, bidSize: 0, ask: null, askSize: 0 });

beforeEach(() => {
  forgetMarket();
  quotesLive.value = true;
});

test("a last price is up or down from the last other one, whatever its zeros, and nothing before there were two", () => {
  const after = (...prices: (string | null)[]): boolean | null => {
    forgetMarket();
    prices.forEach((one, place) => takeQuote(quote(place, 100 * place, one)));
    return isUp("A");
  };
  assert.equal(after(null), null);
  assert.equal(after("10.01"), null);
  assert.equal(after("9.99", "10.01"), true);
  assert.equal(after("9.99", "10.01", "10.010", null), true);
  assert.equal(after("9.99", "10.01", "10.001"), false);
  assert.equal(after("10.02"), null);
  assert.equal(isUp("B"), null);
});

test("the tape is drawn of the symbol that is shown alone, once a frame, and interrupted while quotes do not come in", () => {
  showTape("A");
  takeQuote(quote(1, 0, "10.00"));
  takeQuote(quote(2, 100, "10.01"));
  takeQuote(quote(9, 900, "7", "B"));
  takeQuote(quote(3, 200, "10.01"));
  assert.equal(traded.value.lines.length, 0);
  flush();
  assert.deepEqual(traded.value.lines.map(line => line.kind === "trade" && [line.shares, line.price, line.isUp]), [[100, "10.01", true], [100, "10.01", true]]);
  quotesLive.value = false;
  quotesLive.value = true;
  takeQuote(quote(20, 9_000));
  flush();
  assert.deepEqual(traded.value.lines.map(line => line.kind), ["gap", "trade", "trade"]);
  showTape("B");
  assert.deepEqual(traded.value, { symbol: "B", lines: [], counts: null });
});
