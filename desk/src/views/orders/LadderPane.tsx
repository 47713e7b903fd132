// Every venue's displayed book of one symbol as a ladder, and what the market and we have just traded of it. A click takes a price.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { Book } from "../../api/types";
import { instruments } from "../../store/desk";
import { Empty, Pane } from "../../ui/parts";
import { price, shares } from "../../ui/numbers";
import { clock } from "../../ui/time";
import { ladderOf, type Rung } from "./book";
import { draft, take } from "./draft";
import { Trades } from "./Trades";

const BOOK_MS = 500;
// As many prices a side as a usual screen has place for, more on a tall one.
const DEPTH = innerHeight > 1200 ? 10 : 5;
const book = signal<{ readonly book: Book | null; readonly problem: string }>({ book: null, problem: "" });

function useBook(symbol: string): void {
  useEffect(() => {
    book.value = { book: null, problem: "" };
    if (!instruments.value.has(symbol)) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      try {
        if (!document.hidden) book.value = { book: await call("get", "/api/v1/quotes/{symbol}/book", { path: { symbol }, signal: stop.signal }), problem: "" };
      } catch (problem) {
        if (!stop.signal.aborted) book.value = { ...book.value, problem: inWords(problem) };
      }
      if (!stop.signal.aborted) timer = setTimeout(() => void read(), BOOK_MS);
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [symbol]);
}

function Step({ rung, side, most, tick }: { rung: Rung; side: "ask" | "bid"; most: number; tick: string }) {
  const who = rung.venues.map(venue => `${venue.venueId} ${shares(venue.size)}`).join(", ");
  const words = `${side === "ask" ? "Buy" : "Sell"} at ${price(rung.price, tick)}: ${who}`;
  return (
    <tr>
      <td class="number bar">{side === "bid" ? <><meter min={0} max={most} value={rung.size} class="sell" aria-hidden="true" /><span>{shares(rung.size)}</span></> : null}</td>
      <td class="number"><button type="button" class={`quiet rung ${side === "ask" ? "buy" : "sell"}`} title={words} aria-label={words} onClick={() => take(side === "ask" ? "BUY" : "SELL", rung.price)}>{price(rung.price, tick)}</button></td>
      <td class="number bar">{side === "ask" ? <><meter min={0} max={most} value={rung.size} class="buy" aria-hidden="true" /><span>{shares(rung.size)}</span></> : null}</td>
      <td class="soft who" title={who}>{rung.venues.map(venue => venue.venueId).join(" ")}</td>
    </tr>
  );
}

/** Lines that keep the middle where it is while a side has fewer prices. */
const blank = (count: number) => Array.from({ length: Math.max(0, count) }, (_, place) => <tr key={`blank ${place}`}><td colSpan={4} /></tr>);

export function LadderPane() {
  const { symbol } = draft.value;
  useBook(symbol);
  const tick = instruments.value.get(symbol)?.tickSize ?? "0.01";
  const { book: now, problem } = book.value;
  const ladder = now ? ladderOf(now, DEPTH) : null;
  const spread = now?.bid && now.ask ? Number(now.ask) - Number(now.bid) : null;
  return (
    <Pane title={symbol ? `Book of ${symbol}` : "Book"} class={`ladder ${problem ? "stale" : ""}`} tools={<span class="soft">{problem || (now ? clock(now.quotedAt) : "")}</span>}>
      <div class="scroll" tabIndex={0} role="region" aria-label="Book and trades">
        {ladder ? (
          <table class="plain">
            <thead><tr><th class="number">Bids</th><th class="number">Price</th><th class="number">Offers</th><th>Venues</th></tr></thead>
            <tbody>
              {blank(DEPTH - ladder.asks.length)}
              {ladder.asks.map((rung, place) => <Step key={`ask ${ladder.asks.length - place}`} rung={rung} side="ask" most={ladder.most} tick={tick} />)}
              <tr class="middle"><td colSpan={4} class="soft">{spread === null ? "one side is not displayed" : `spread ${price(spread, tick)}${spread < 0 ? ", crossed" : spread === 0 ? ", locked" : ""}`}</td></tr>
              {ladder.bids.map((rung, place) => <Step key={`bid ${place}`} rung={rung} side="bid" most={ladder.most} tick={tick} />)}
              {blank(DEPTH - ladder.bids.length)}
            </tbody>
          </table>
        ) : <Empty>{symbol ? problem || "No book yet." : "Choose a symbol."}</Empty>}
        <Trades symbol={symbol} tick={tick} />
      </div>
    </Pane>
  );
}
