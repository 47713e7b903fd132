// Quotes, what they were, what was traded, positions and alerts, as the stream told them last.
import { effect, signal } from "@preact/signals";
import type { Quote } from "../api/types";
import type { Alert, StreamedPosition } from "../stream/messages";
import { withNextFrame } from "./frame";
import { Table } from "./table";
import { Tape, type Traded } from "./tape";

const POINTS_MAX = 240;
const POINT_MS = 1_000;

export const quotes = new Table<Quote>();
export const positions = new Table<StreamedPosition>();
export const alerts = new Table<Alert>();
/** Whether quotes come in at all; while they do not, what is shown is old. */
export const quotesLive = signal(false);
const middles = new Map<string, { at: number; price: number }[]>();
const lasts = new Map<string, { readonly price: number; readonly isUp: boolean | null }>();
const tape = new Tape();
/** What was traded of the symbol that is shown. */
export const traded = signal<Pick<Tape, "symbol" | "lines" | "counts">>({ symbol: "", lines: [], counts: null });

function drawTape(): void {
  const { symbol, lines, counts } = tape;
  const before = traded.peek();
  if (before.symbol !== symbol || before.lines !== lines || before.counts !== counts) traded.value = { symbol, lines, counts };
}

/** Begin the tape of a symbol. from: its quote of now, if the next one is sure to follow it. */
export function showTape(symbol: string, from?: Traded): void {
  tape.show(symbol, from);
  drawTape();
}

effect(() => {
  if (!quotesLive.value) tape.interrupt();
});

/** Return whether a symbol's last price is above the last other one, null as long as there was none. */
export const isUp = (symbol: string): boolean | null => lasts.get(symbol)?.isUp ?? null;

function takeLast({ symbol, lastPrice }: Quote): void {
  if (lastPrice === null) return;
  const price = Number(lastPrice);
  const before = lasts.get(symbol);
  if (before?.price !== price) lasts.set(symbol, { price, isUp: before ? price > before.price : null });
}

export function takeQuote(quote: Quote, nowMs: number = Date.now()): void {
  quotes.set(quote.symbol, quote);
  takeLast(quote);
  if (quote.symbol === tape.symbol) {
    tape.take(quote, isUp(quote.symbol));
    withNextFrame(drawTape);
  }
  if (quote.bid === null || quote.ask === null) return;
  const price = (Number(quote.bid) + Number(quote.ask)) / 2;
  const points = middles.get(quote.symbol) ?? [];
  if (!middles.has(quote.symbol)) middles.set(quote.symbol, points);
  const last = points.at(-1);
  if (last && nowMs - last.at < POINT_MS) last.price = price;
  else points.push({ at: nowMs, price });
  if (points.length > POINTS_MAX) points.shift();
}

/** Return the middles of a symbol's quotes since the page was opened, one a second, the oldest first. */
export const middlesOf = (symbol: string): readonly { readonly at: number; readonly price: number }[] => middles.get(symbol) ?? [];

export const positionKey = (position: Pick<StreamedPosition, "accountId" | "symbol">): string => `${position.accountId} ${position.symbol}`;

export function takePositions(isSnapshot: boolean, accounts: readonly string[], found: readonly StreamedPosition[]): void {
  if (isSnapshot) {
    const told = new Set(accounts);
    for (const one of [...positions.values()]) if (told.has(one.accountId)) positions.delete(positionKey(one));
  }
  for (const one of found) positions.set(positionKey(one), one);
}

export function takeAlerts(isSnapshot: boolean, found: readonly Alert[]): void {
  if (isSnapshot) alerts.clear();
  for (const one of found)
    if (one.open) alerts.set(one.alertId, one);
    else alerts.delete(one.alertId);
}

export function forgetMarket(): void {
  quotes.clear();
  positions.clear();
  alerts.clear();
  middles.clear();
  lasts.clear();
  showTape("");
  quotesLive.value = false;
}
