// What the router saved against naive ones, in a sentence each: how much, how sure, of how many, and what is left out.
import { decimals, shares } from "../../ui/numbers";
import type { Line, Row } from "./figures";

export interface Against {
  /** What the bar of the picture is called. */
  readonly name: string;
  readonly row: Row;
}

const ROUTERS = [
  { figure: "saved_best_quote", goes: "to the best displayed price", bar: "best quote" },
  { figure: "saved_listing_venue", goes: "to the venue where its symbol is listed", bar: "listing venue" },
] as const;

/** Return the bars of the picture: each naive router, by price and with fees; those of which nothing is known are not there. */
export function barsOf(line: Line | undefined): readonly Against[] {
  return ROUTERS.flatMap(({ figure, bar }) => [[figure, bar], [`${figure}_all_in`, `${bar}, with fees`]] as const).flatMap(([figure, name]) => {
    const row = line?.figures.get(figure);
    return row && row.bps !== null ? [{ name, row }] : [];
  });
}

/** Say how much more, or less, a naive router's fills would have cost. */
function amount(row: Row): string {
  const bps = Number(row.bps);
  if (bps === 0) return "the same";
  return Math.abs(bps) < 0.005 ? "the same to a hundredth of a bp" : `${decimals(Math.abs(bps), 2)} bps ${bps > 0 ? "more" : "less"}`;
}

function sureness(row: Row): string {
  if (row.bpsLow === null || row.bpsHigh === null) return "too few orders to say how far chance reaches";
  const reach = `95 % interval ${decimals(row.bpsLow, 2)} to ${decimals(row.bpsHigh, 2)}`;
  return Number(row.bpsLow) <= 0 && Number(row.bpsHigh) >= 0 ? `${reach}: it may be chance` : reach;
}

function leftOut(row: Row): string {
  const others = row.missingShares - row.shortShares;
  const parts = [
    ...(row.shortShares ? [`${shares(row.shortShares)} shares of which that venue did not display enough`] : []),
    ...(others ? [`${shares(others)} shares with nothing to compare (no book kept, an auction, post-only, or asked for later)`] : []),
  ];
  return parts.length ? ` Left out: ${parts.join(", and ")}.` : "";
}

/** Return a sentence for each naive router. */
export function sentencesOf(line: Line | undefined): readonly string[] {
  return ROUTERS.flatMap(({ figure, goes }) => {
    const row = line?.figures.get(figure);
    const allIn = line?.figures.get(`${figure}_all_in`);
    if (!row) return [];
    if (row.bps === null) return [`Sent whole ${goes}: nothing is known yet.${leftOut(row)}`];
    const fees = allIn && allIn.bps !== null ? `, ${amount(allIn)} with fees` : ", with fees not known";
    const orders = `${shares(row.ordersKnown)} order${row.ordersKnown === 1 ? "" : "s"}, ${shares(row.shares)} shares`;
    return [`Sent whole ${goes}, these fills would have cost ${amount(row)} by price (${sureness(row)})${fees}: ${orders}.${leftOut(row)}`];
  });
}
