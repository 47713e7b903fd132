// A book of several venues as one ladder, without a browser.
import type { Book } from "../../api/types";

export interface Rung {
  readonly price: string;
  readonly size: number;
  /** Who shows it, the largest first. */
  readonly venues: readonly { readonly venueId: string; readonly size: number }[];
}

export interface Ladder {
  /** The highest offer first, so that both sides meet in the middle. */
  readonly asks: readonly Rung[];
  /** The highest bid first. */
  readonly bids: readonly Rung[];
  readonly most: number;
}

function side(book: Book, name: "bids" | "asks", depth: number): Rung[] {
  const byPrice = new Map<string, { venueId: string; size: number }[]>();
  for (const venue of book.venues)
    for (const level of venue[name]) {
      const found = byPrice.get(level.price) ?? [];
      if (!found.length) byPrice.set(level.price, found);
      found.push({ venueId: venue.venueId, size: level.size });
    }
  const sign = name === "asks" ? 1 : -1;
  return [...byPrice]
    .sort(([one], [other]) => sign * (Number(one) - Number(other)))
    .slice(0, depth)
    .map(([price, venues]) => ({ price, size: venues.reduce((sum, venue) => sum + venue.size, 0), venues: venues.sort((one, other) => other.size - one.size) }));
}

/** Return a ladder of so many prices a side. */
export function ladderOf(book: Book, depth: number): Ladder {
  const asks = side(book, "asks", depth);
  const bids = side(book, "bids", depth);
  return { asks: asks.reverse(), bids, most: Math.max(1, ...asks.map(rung => rung.size), ...bids.map(rung => rung.size)) };
}
