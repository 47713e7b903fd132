import "./browser";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { OrderRow } from "../src/store/orders";
import { changeInWords, keyInWords } from "../src/views/admin/changes";
import { draftOf, effects, enteredOf, inWords, sharesOf } from "../src/views/admin/profile";
import { scopeFields } from "../src/views/controls/closings";
import { beyond, STAGES } from "../src/views/controls/stages";
import { stopOf } from "../src/views/controls/stop";
import { GROUPS } from "../src/views/orders/columns";
import { passes, PICKS, wordsOf } from "../src/views/orders/filter";
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
  assert.deepEqual([row({}), row({ bpsLow: null }), row({ missingShares: 5 }), row({ bps: null }), row({ bps: "-2" })].map(inBps), ["+1.50 ± 0.50", "+1.50", "+1.50 ± 0.50 *", "–", "−2.00 ± 0.50"]);
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
  // An end of an interval that rounds to zero has no sign either.
  assert.match(sentencesOf(of(saved("saved_best_quote", { bpsLow: "-0.001", bpsHigh: "0.3" })))[0] ?? "", /95 % interval 0\.00 to 0\.30/);
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
  assert.deepEqual([ofMillion(913606), milliseconds({ meanUs: 15209, count: 3 }), basisPoints({ perShare: "0.001", fills: 3, cbps: -109 })], ["91.4 %", "15.2 ms", "−1.09 bp"]);
});

test("a change is said by the fields that are another", () => {
  assert.equal(changeInWords({ stage: "BLOCK", by: "a" }, { stage: "CANCEL", by: "a" }), "stage: block → cancel");
  assert.equal(changeInWords({ scope: { symbol: "AAPL" }, at: null }, { scope: { symbol: "AAPL" }, at: "now" }), "at: nothing → now");
  assert.equal(changeInWords(null, { stage: "BLOCK", raised: [], at: null }), "stage block");
  assert.equal(changeInWords({ kind: "HEDGE_FUND", parameters: { quantity_max: 10, of: { symbol: "V", venues: ["XNYS", "EDGX"] } } }, { kind: "RETAIL", parameters: { quantity_max: 20, of: { symbol: "V", venues: [] } } }),
    "kind: hedge fund → retail; parameters: quantity max 10, of (symbol V, venues (XNYS, EDGX)) → quantity max 20, of (symbol V, venues (none))");
  assert.equal(changeInWords({ parameters: { gross_max: "510789.00" }, change_id: 12345 }, { parameters: { gross_max: "1510789.50" }, change_id: 12346 }), "parameters: gross max 510,789.00 → gross max 1,510,789.50; change id: 12345 → 12346");
  // A time has its zone, a name in capitals stays a name, and a rule is called as everywhere.
  assert.match(changeInWords(null, { at: "2026-11-28T06:00:00.5+00:00", symbol: "ON", active: true }), /^at 28 Nov 2026, .+; symbol ON; active yes$/);
  assert.equal(keyInWords({ rule: "ORDER_QTY_EXCEEDS_MAX", version: 3 }).includes("_"), false);
  assert.equal(changeInWords({ stage: "BLOCK" }, null), "removed");
});

const SETTINGS = { strategy: "staged", weights: { price: "0.5", cost: "0.5" }, staged: { dark_ms: 300, then: "sweep" }, aggression_bps: 5 };

test("a profile is entered as it is stored, without what says nothing any more, and goes back as the router takes it", () => {
  assert.deepEqual(enteredOf(draftOf(SETTINGS)), { strategy: "staged", weights: { price: "0.5", cost: "0.5" }, staged: { dark_ms: 300, then: "sweep" } });
  assert.deepEqual(enteredOf({ strategy: "best", "weights.price": " 1 ", "staged.dark_ms": "1,500", "dark.rounds": "", fill_rate_prior: "1", split_venues_max: "six", market_collar_bps: "-5" }),
    { strategy: "best", weights: { price: "1" }, staged: { dark_ms: 1500 }, fill_rate_prior: "1", split_venues_max: "six", market_collar_bps: -5 });
});

test("a weight counts by its share of the sum, and weights that say nothing count nothing", () => {
  assert.deepEqual(sharesOf({ "weights.price": "0.6", "weights.cost": "0.2" }), { price: 75, liquidity: 0, fill_rate: 0, latency: 0, cost: 25 });
  for (const price of ["0", "", "much", "-1"]) assert.deepEqual(sharesOf({ "weights.price": price, "weights.cost": price === "-1" ? "2" : "0" }), {});
});

test("what a change of a profile would do is said of all that is another, and of nothing else", () => {
  const was = draftOf(SETTINGS);
  assert.deepEqual(effects(was, was), []);
  assert.deepEqual(effects(was, { ...was, "weights.price": "0.3", "weights.cost": "0.1", "staged.dark_ms": "400", aggression_ticks: "1" }), [
    "Of a venue’s score price counts 75 %, was 50 %.", "Of a venue’s score cost counts 25 %, was 50 %.", "Rests in the dark: 400 ms, was 300.",
  ]);
  // Twice the weights are the same shares; what the new strategy does not read says nothing.
  const [strategy, ...others] = effects(was, { ...was, strategy: "best", "weights.price": "1", "weights.cost": "1", "staged.dark_ms": "9" });
  assert.match(strategy ?? "", /^Orders are routed by best \(.+\), no more by staged\.$/);
  assert.deepEqual(others, []);
  assert.deepEqual(effects(was, { ...was, "weights.price": "0", "weights.cost": "0" }), ["No weight counts yet: the router refuses a profile without one."]);
  assert.match(effects(null, was).join(" "), /routed by staged .+ price counts 50 %\. .+ Rests in the dark: 300 ms, else 250\./);
  assert.equal(inWords(SETTINGS), "staged; price 50 %, cost 50 %; rests in the dark 300 ms");
});

test("nothing is stopped for everybody because nothing was named, and nothing without a reason", () => {
  assert.deepEqual([stopOf({}, false, "so"), stopOf({ symbol: "  " }, false, "so"), stopOf({ symbol: "DIS" }, false, " "), stopOf({}, true, "")],
    ["name at least one thing, or say everything", "name at least one thing, or say everything", "say why: it is kept with the switch", "say why: it is kept with the switch"]);
  assert.deepEqual(stopOf({ symbol: " DIS ", account: "", venue: "XNYS" }, false, " news "), { names: { symbol: "DIS", venue: "XNYS" }, reason: "news" });
  // Everything is everything, whatever was named before.
  assert.deepEqual(stopOf({ symbol: "DIS" }, true, "news"), { names: {}, reason: "news" });
  assert.deepEqual([scopeFields({}), scopeFields({ symbol: "DIS", account: "A", venue: "XNYS" })], [{ everything: true }, { symbol: "DIS", accountId: "A", venueId: "XNYS" }]);
});

test("the list shows orders of a kind that have every word of the search", () => {
  const of = (status: string, cumQty = 0) => ({ orderId: "id-7", symbol: "DIS", accountId: "ACC-1", side: "SELL_SHORT", status, cumQty, text: "LOCATE_EXCEEDED", basketId: "Morning", clientOrderId: "c-9", principal: "trader1" }) as OrderRow;
  const some = [of("ACKNOWLEDGED"), of("PARTIALLY_FILLED", 5), of("FILLED", 10), of("REJECTED"), of("CANCELED", 3), of("SUSPENDED")];
  const fits = (which: keyof typeof PICKS) => some.filter(one => passes(one, which, [])).map(one => one.status);
  assert.deepEqual(fits("all").length, 6);
  assert.deepEqual(fits("open"), ["ACKNOWLEDGED", "PARTIALLY_FILLED", "SUSPENDED"]);
  assert.deepEqual(fits("filled"), ["PARTIALLY_FILLED", "FILLED", "CANCELED"]);
  assert.deepEqual(fits("refused"), ["REJECTED"]);
  const finds = (text: string) => passes(of("REJECTED"), "all", wordsOf(text));
  for (const text of ["", "  ", "dis", "DIS acc-1", "trader1 morning", "sell short", "locate", "c-9", "id-7", "rejected"]) assert.ok(finds(text), text);
  for (const text of ["aapl", "dis aapl", "trader2", "buy"]) assert.ok(!finds(text), text);
  assert.ok(!passes(of("FILLED", 1), "open", ["dis"]), "the search takes nothing in that is of another kind");
});

test("orders are grouped by what the list calls them", () => {
  const row = { symbol: "DIS", accountId: "A", status: "PARTIALLY_FILLED" } as OrderRow;
  assert.deepEqual(Object.values(GROUPS).map(one => one.of(row)), ["DIS", "A", "no basket", "Part filled", "?"]);
  assert.deepEqual(Object.values(GROUPS).map(one => one.of({ ...row, basketId: "b", principal: "trader1" })), ["DIS", "A", "b", "Part filled", "trader1"]);
});
