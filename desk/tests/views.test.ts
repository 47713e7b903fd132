import assert from "node:assert/strict";
import { test } from "node:test";
import { changeInWords } from "../src/views/admin/changes";
import { beyond, STAGES } from "../src/views/controls/stages";
import { barsOf, sentencesOf } from "../src/views/quality/against";
import { inBps, linesOf, toneOf, type Row } from "../src/views/quality/figures";
import { effectInWords, entered, valueInWords } from "../src/views/risk/limits";
import { basisPoints, milliseconds, ofMillion, standingOf, type VenueRow } from "../src/views/venues/scorecard";

const row = (change: Partial<Row>): Row => ({ name: "XNYS", figure: "fees", gain: false, bps: "1.5", bpsLow: "1.0", bpsHigh: "2.0", missingShares: 0, ...change }) as Row;
const venue = (change: Partial<VenueRow>): VenueRow => ({ status: "ACTIVE", sessionUp: true, sessionReason: "", closedReason: "", ...change }) as VenueRow;

test("what is entered of a limit goes as the contract takes it, and what cannot be read goes as it was written", () => {
  assert.deepEqual(["5,000", " 12 ", "1.5", "-3", "x", ""].map(text => entered(text, "shares")), [5000, 12, "1.5", -3, "x", undefined]);
  assert.deepEqual(["yes", "no", ""].map(text => entered(text, "yes or no")), [true, false, undefined]);
  assert.equal(entered("OPENING", "choice"), "OPENING");
  // More than a number can hold exactly stays text.
  assert.equal(entered("9007199254740993", "dollars"), "9007199254740993");
});

test("amounts are read as dollars, whole ones from ten thousand on, and what is no number stays as it is", () => {
  assert.deepEqual([["227.213", "dollars"], ["-0.5", "dollars"], ["2787419.207211", "dollars"], ["500", "basis points"], ["12", "count"], ["NOTHING", "choice"]].map(([value, unit]) => valueInWords(value, unit as string)),
    ["$227.21", "−$0.5", "$2,787,419", "500 bp", "12", "NOTHING"]);
  assert.equal(valueInWords(true, "yes or no"), "yes");
  assert.equal(valueInWords("", "dollars"), "");
});

test("a rule that is watched or off is not said to deny", () => {
  assert.deepEqual([["ON", "HARD"], ["ON", "SOFT"], ["SHADOW", "HARD"], ["OFF", "HARD"]].map(([mode, severity]) => effectInWords(mode as string, severity as string)), ["denies", "warns", "watched only", "off"]);
});

test("a stage can only be raised to one that goes further", () => {
  assert.deepEqual(beyond("BLOCK"), STAGES.slice(1));
  assert.deepEqual(beyond(STAGES.at(-1)?.value ?? ""), []);
});

test("a figure that chance could have made is neither good nor bad, and a gain is good above 0", () => {
  assert.deepEqual([row({}), row({ gain: true }), row({ bpsLow: "-1" }), row({ bpsLow: null }), row({ bps: null }), undefined].map(toneOf), ["bad", "good", "soft", "soft", "soft", "soft"]);
  assert.deepEqual([row({}), row({ bpsLow: null }), row({ missingShares: 5 }), row({ bps: null }), row({ bps: "-2" })].map(inBps), ["+1.50 ± 0.50", "+1.50", "+1.50 ± 0.50 *", "–", "-2.00 ± 0.50"]);
});

test("rows of a line stand side by side, in the order in which lines came", () => {
  const lines = linesOf([row({ name: "B" }), row({ name: "B", figure: "shortfall" }), row({ name: "A" }), row({ name: "all" })]);
  assert.deepEqual(lines.map(line => [line.name, [...line.figures.keys()]]), [["B", ["fees", "shortfall"]], ["A", ["fees"]], ["all", ["fees"]]]);
});

test("what was saved is said as what the naive router would have cost, how sure, and what is left out", () => {
  const saved = (figure: string, change: Partial<Row>): Row => row({ figure, gain: true, ordersKnown: 1200, shares: 5000, missingShares: 0, shortShares: 0, ...change });
  const of = (...rows: Row[]) => linesOf(rows)[0];
  assert.deepEqual(sentencesOf(of(saved("saved_best_quote", { missingShares: 300, shortShares: 250 }), saved("saved_best_quote_all_in", { bps: "-0.4" }))), [
    "Sent whole to the best displayed price, these fills would have cost 1.50 bps more by price (95 % interval 1.00 to 2.00), 0.40 bps less with fees: 1,200 orders, 5,000 shares."
    + " Left out: 250 shares of which that venue did not display enough, and 50 shares with nothing to compare (no book kept, an auction, post-only, or asked for later).",
  ]);
  assert.match(sentencesOf(of(saved("saved_listing_venue", { bps: "0.1", bpsLow: "-0.1", bpsHigh: "0.3" })))[0] ?? "", /listed, .* 0\.10 bps more by price \(95 % interval -0\.10 to 0\.30: it may be chance\), with fees not known/);
  assert.match(sentencesOf(of(saved("saved_best_quote", { bps: "0.0000", bpsLow: null, bpsHigh: null, ordersKnown: 1 })))[0] ?? "", /cost the same by price \(too few orders to say how far chance reaches\).*: 1 order, /);
  const unknown = of(saved("saved_best_quote", { bps: null, ordersKnown: 0, shares: 0, missingShares: 7, shortShares: 7 }));
  assert.deepEqual([sentencesOf(unknown), barsOf(unknown)], [["Sent whole to the best displayed price: nothing is known yet. Left out: 7 shares of which that venue did not display enough."], []]);
  assert.match(sentencesOf(of(saved("saved_best_quote", { bps: "-0.0049" })))[0] ?? "", /cost the same to a hundredth of a bp by price/);
  assert.equal(inBps(row({ bps: "-0.0049", bpsLow: null })), "0.00");
  assert.deepEqual(sentencesOf(undefined), []);
  assert.deepEqual(barsOf(of(saved("saved_best_quote_all_in", {}), saved("saved_best_quote", {}))).map(one => one.name), ["best quote", "best quote, with fees"]);
});

test("a venue is open only with a session, and says why it is not", () => {
  assert.equal(standingOf(venue({})).word, "open");
  assert.deepEqual(standingOf(venue({ sessionUp: false, sessionReason: "logged out", closedReason: "DOWN" })), { word: "session down", tone: "bad", why: "logged out" });
  assert.deepEqual(standingOf(venue({ closedReason: "SILENT: child=x" })).why, "SILENT: child=x");
  assert.equal(standingOf(venue({ sessionUp: null })).word, "no session yet");
  assert.equal(standingOf(venue({ status: "INACTIVE" })).word, "inactive");
});

test("scores that are not there are a dash, and never 0", () => {
  assert.deepEqual([ofMillion(undefined), milliseconds(undefined), basisPoints(undefined)], ["–", "–", "–"]);
  assert.deepEqual([ofMillion(913606), milliseconds({ meanUs: 15209, count: 3 }), basisPoints({ perShare: "0.001", fills: 3, cbps: -109 })], ["91.4 %", "15.2 ms", "-1.09 bp"]);
});

test("a change is said by the fields that are another", () => {
  assert.equal(changeInWords({ stage: "BLOCK", by: "a" }, { stage: "CANCEL", by: "a" }), "stage BLOCK → CANCEL");
  assert.equal(changeInWords({ scope: { symbol: "AAPL" }, at: null }, { scope: { symbol: "AAPL" }, at: "now" }), "at nothing → now");
  assert.equal(changeInWords(null, { stage: "BLOCK", raised: [], at: null }), "stage BLOCK");
  assert.equal(changeInWords({ stage: "BLOCK" }, null), "removed");
});
