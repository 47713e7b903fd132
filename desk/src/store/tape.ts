// What the market has traded of the one symbol that is shown, as far as quotes tell it, without a browser.
//
// The law of this file: quotes are told as they stand, so a line is what was traded since the quote before, at the newest trade's price;
// what was in between is counted and never made up. Where no quote came in, and where a feed counts anew, the tape says so and
// begins again with the next quote.
import type { Quote } from "../api/types";

/** So many lines are kept. */
export const TAPE_MAX = 24;

export type Traded = Pick<Quote, "sequence" | "quotedAt" | "lastPrice" | "lastSize" | "volume">;

/** What was traded between two quotes. */
export interface Trade {
  readonly kind: "trade";
  /** When the quote before and this one were made: the trades' own times are not told. */
  readonly since: string;
  readonly at: string;
  readonly shares: number;
  /** Of the newest of the trades; null where that is not told. */
  readonly price: string | null;
  readonly lastSize: number | null;
  /** How many trades these shares were: one, or so many at least. */
  readonly trades: "1" | "1+" | "2+";
  /** Whether the price is above the last other one; null where there was none. */
  readonly isUp: boolean | null;
}
/** Where trades may be missing before a quote, and why. */
export interface Gap {
  readonly kind: "gap";
  readonly at: string;
  readonly why: string;
}
export type TapeLine = Trade | Gap;

export const NO_QUOTES = "quotes did not come in";
export const ANEW = "the feed counts anew";

export class Tape {
  symbol = "";
  /** The newest first. */
  lines: readonly TapeLine[] = [];
  /** Whether the feed counts what is traded; null before the first quote. */
  counts: boolean | null = null;
  private before: Traded | undefined;
  private interrupted = "";

  /** Show another symbol. from: its quote of now, if that is sure to be followed by the next one. */
  show(symbol: string, from?: Traded): void {
    if (symbol === this.symbol) return;
    this.symbol = symbol;
    this.lines = [];
    this.before = from;
    this.counts = from ? from.volume !== null : null;
    this.interrupted = "";
  }

  /** Note that quotes do not come in: what is traded until the next one is not known trade by trade. */
  interrupt(): void {
    this.before = undefined;
    if (this.lines.length) this.interrupted = NO_QUOTES;
  }

  /** Take the next quote of the symbol. isUp: of its price, as in a line. */
  take(quote: Traded, isUp: boolean | null): void {
    const { before } = this;
    // The answer to somebody's question may be behind what the stream has told.
    if (before && quote.sequence <= before.sequence && Date.parse(quote.quotedAt) <= Date.parse(before.quotedAt)) return;
    this.before = quote;
    this.counts = quote.volume !== null;
    if (this.interrupted) this.add({ kind: "gap", at: quote.quotedAt, why: this.interrupted });
    this.interrupted = "";
    if (quote.volume === null || !before || before.volume === null) return;
    const shares = quote.volume - before.volume;
    if (shares < 0) this.add({ kind: "gap", at: quote.quotedAt, why: ANEW });
    if (shares > 0)
      this.add({
        kind: "trade", since: before.quotedAt, at: quote.quotedAt, shares, price: quote.lastPrice, lastSize: quote.lastSize,
        trades: tradesOf(shares, quote.lastSize), isUp,
      });
  }

  private add(line: TapeLine): void {
    this.lines = [line, ...this.lines].slice(0, TAPE_MAX);
  }
}

/** Return how many trades some shares were at least, of which the last was of so many. */
function tradesOf(shares: number, lastSize: number | null): Trade["trades"] {
  if (lastSize === shares) return "1";
  // A last trade of more than was counted is not among what was counted.
  return lastSize === null || lastSize > shares ? "1+" : "2+";
}
