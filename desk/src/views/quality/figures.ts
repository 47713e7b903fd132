// The figures of docs/execution-quality.md, in words, and how their rows are laid side by side.
import type { components } from "../../api/schema";
import { decimals, signed } from "../../ui/numbers";

export type Row = components["schemas"]["QualityRow"];
export type Cut = components["schemas"]["QualityCut"];

export const CUTS: readonly { readonly value: Cut; readonly title: string }[] = [
  { value: "venue", title: "Venue" }, { value: "strategy", title: "Strategy" }, { value: "symbol", title: "Symbol" }, { value: "side", title: "Side" }, { value: "account", title: "Account" }, { value: "order", title: "Order" },
];

export const FIGURES: Readonly<Record<string, { readonly title: string; readonly means: string }>> = {
  shortfall: { title: "Shortfall", means: "what the whole order cost against the middle when it was received, fees and what was not filled among it" },
  effective_spread: { title: "Effective spread", means: "twice the distance from the middle when the order was received to the price paid" },
  price_improvement: { title: "Improvement", means: "how much better than the other side’s best price when the order was received" },
  fees: { title: "Fees", means: "what venues charge, rebates below 0" },
  markout_1s: { title: "After 1 s", means: "where the middle went one second after a fill" },
  markout_10s: { title: "After 10 s", means: "where the middle went ten seconds after a fill" },
  markout_60s: { title: "After 60 s", means: "where the middle went a minute after a fill" },
  saved_best_quote: { title: "Saved, price", means: "how much less than by a router that sends all to the best displayed price" },
  saved_best_quote_all_in: { title: "Saved, net", means: "how much less than by a router that sends all to the best displayed price, fees and rebates of both among it" },
  saved_listing_venue: { title: "Saved v. listing, price", means: "how much less than by a router that sends all to the venue where the symbol is listed" },
  saved_listing_venue_all_in: { title: "Saved v. listing, net", means: "how much less than by a router that sends all to the venue where the symbol is listed, fees and rebates of both among it" },
  realized_spread_5s: { title: "Realized, 5 s", means: "the effective spread, against the middle five seconds after a fill" },
  realized_spread_60s: { title: "Realized, 60 s", means: "the effective spread, against the middle a minute after a fill" },
  filled_cost: { title: "Cost of fills", means: "the shortfall of what was filled" },
  unfilled_cost: { title: "Cost of the rest", means: "the shortfall of what was not filled" },
  shortfall_price: { title: "of price", means: "the part of the shortfall that prices made" },
  shortfall_fees: { title: "of fees", means: "the part of the shortfall that fees made" },
  shortfall_unfilled: { title: "of the rest", means: "the part of the shortfall that what was not filled made" },
};
/** What the table has as columns, in this order. */
export const COLUMNS: readonly string[] = ["shortfall", "effective_spread", "price_improvement", "fees", "saved_best_quote_all_in", "markout_1s", "markout_60s", "realized_spread_60s"];

export interface Line {
  readonly name: string;
  readonly first: Row;
  readonly figures: ReadonlyMap<string, Row>;
}

/** Return the rows by line, in the order in which they came: the total is the last. */
export function linesOf(rows: readonly Row[]): readonly Line[] {
  const lines = new Map<string, { name: string; first: Row; figures: Map<string, Row> }>();
  for (const row of rows) {
    const found = lines.get(row.name);
    if (found) found.figures.set(row.figure, row);
    else lines.set(row.name, { name: row.name, first: row, figures: new Map([[row.figure, row]]) });
  }
  return [...lines.values()];
}

/** Return a figure of every line that has it. */
export function barsOfFigure(lines: readonly Line[], figure: string): readonly { readonly name: string; readonly row: Row }[] {
  return lines.flatMap(line => { const row = line.figures.get(figure); return row ? [{ name: line.name, row }] : []; });
}

/** Say basis points with their sign and, where there are enough orders, half of the 95 % interval. */
export function inBps(row: Row | undefined): string {
  if (!row || row.bps === null) return "–";
  const half = row.bpsLow === null || row.bpsHigh === null ? "" : ` ± ${decimals((Number(row.bpsHigh) - Number(row.bpsLow)) / 2, 2)}`;
  return `${signed(Number(row.bps))}${half}${row.missingShares ? " *" : ""}`;
}

/** Return whether a figure is good for us, bad, or cannot be told from 0. */
export function toneOf(row: Row | undefined): "good" | "bad" | "soft" {
  if (!row || row.bps === null || row.bpsLow === null || row.bpsHigh === null) return "soft";
  if (Number(row.bpsLow) <= 0 && Number(row.bpsHigh) >= 0) return "soft";
  return Number(row.bps) > 0 === row.gain ? "good" : "bad";
}
