// The watch list: live bid and offer, last trade and volume of the symbols that somebody wants to see, and where their middle came from.
import { effect, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { instruments, me } from "../../store/desk";
import { isUp, middlesOf, quotes, quotesLive, showTape } from "../../store/market";
import { unwantQuotes, wantQuotes } from "../../stream/connection";
import { Button, Empty, Pane } from "../../ui/parts";
import { brief, drawnAt, price, shares, signed } from "../../ui/numbers";
import { Direction } from "./Direction";
import { draft, look } from "./draft";

const KEY = "oms-watch:";
const AT_FIRST = 20;
const WATCHED_MAX = 200;
const FOUND_MAX = 30;

const watched = signal<readonly string[]>([]);
let keptFor = "";
// The symbols that were asked for on the stream.
let asked = new Set<string>();

effect(() => {
  const who = me.value?.subject ?? "";
  if (who && who !== keptFor) {
    keptFor = who;
    const kept = JSON.parse(localStorage.getItem(KEY + who) ?? "null") as string[] | null;
    watched.value = kept ?? [...instruments.value.keys()].slice(0, AT_FIRST);
  }
});
effect(() => {
  // Something is looked at from the first moment.
  const first = watched.value.find(symbol => instruments.value.has(symbol));
  if (first !== undefined && !draft.peek().symbol) look(first);
});
effect(() => {
  if (keptFor) localStorage.setItem(KEY + keptFor, JSON.stringify(watched.value));
  const wanted = new Set(watched.value);
  const shown = draft.value.symbol;
  if (instruments.value.has(shown)) wanted.add(shown);
  // A quote that is not followed may be of long ago, and what was traded since would be told as of now.
  showTape(shown, asked.has(shown) && quotesLive.peek() ? quotes.get(shown) : undefined);
  unwantQuotes([...asked].filter(symbol => !wanted.has(symbol)));
  wantQuotes([...wanted].filter(symbol => instruments.value.has(symbol)));
  asked = wanted;
});

/** A line of a symbol's middles, as wide as its place. */
export function Sparkline({ symbol, width = 44, height = 16 }: { symbol: string; width?: number; height?: number }) {
  void quotes.version.value;
  const points = middlesOf(symbol);
  const box = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", height, "aria-hidden": true } as const;
  if (points.length < 2) return <svg class="spark" {...box} />;
  const prices = points.map(point => point.price);
  const least = Math.min(...prices);
  const reach = Math.max(...prices) - least || 1;
  const line = points.map((point, place) => `${drawnAt((place * width) / (points.length - 1))},${drawnAt(height - 2 - ((point.price - least) / reach) * (height - 4))}`).join(" ");
  const isUp = (prices.at(-1) ?? 0) >= (prices[0] ?? 0);
  return <svg class={`spark ${isUp ? "good" : "bad"}`} {...box}><polyline points={line} fill="none" stroke="currentColor" stroke-width="1.2" vector-effect="non-scaling-stroke" /></svg>;
}

function Line({ symbol }: { symbol: string }) {
  void quotes.version.value;
  const quote = quotes.get(symbol);
  const instrument = instruments.value.get(symbol);
  const points = middlesOf(symbol);
  const first = points[0]?.price;
  const last = points.at(-1)?.price;
  const change = first && last ? (100 * (last - first)) / first : null;
  const isShown = draft.value.symbol === symbol;
  return (
    <tr role="row" class={isShown ? "shown" : ""} onClick={() => look(symbol)}>
      <th scope="row" role="rowheader" class="name"><button type="button" class="quiet name" aria-pressed={isShown} title={instrument?.haltReason ? `halted: ${instrument.haltReason}` : instrument?.name}>{symbol}{instrument?.haltReason ? <span class="bad"> halt</span> : null}</button></th>
      <td role="cell" class="number last" title={`last trade, of ${shares(quote?.lastSize)} shares`}><Direction isUp={isUp(symbol)} />{price(quote?.lastPrice, instrument?.tickSize)}</td>
      <td role="cell" class="number bid sell" title={`${shares(quote?.bidSize)} shares`}>{price(quote?.bid, instrument?.tickSize)}</td>
      <td role="cell" class="number ask buy" title={`${shares(quote?.askSize)} shares`}>{price(quote?.ask, instrument?.tickSize)}</td>
      <td role="cell" class={`number change ${change === null ? "" : change >= 0 ? "good" : "bad"}`} title="change of the middle since this page was opened">{change === null ? "" : signed(change)}</td>
      <td role="cell" class="number volume" title={`${shares(quote?.volume)} shares were traded since the feed began to count`}>{brief(quote?.volume)}</td>
      <td role="cell" class="trend"><Sparkline symbol={symbol} /></td>
    </tr>
  );
}

export function Watch() {
  const [text, setText] = useState("");
  const [isEditing, setEditing] = useState(false);
  const words = text.trim().toLowerCase();
  const all = [...instruments.value.values()];
  const found = words ? all.filter(one => one.symbol.toLowerCase().startsWith(words) || one.name.toLowerCase().includes(words)).slice(0, FOUND_MAX).map(one => one.symbol) : null;
  const shown = found ?? watched.value.filter(symbol => instruments.value.has(symbol));
  useEffect(() => {
    if (!found) return undefined;
    wantQuotes(found);
    return () => unwantQuotes(found.filter(symbol => !asked.has(symbol)));
  }, [words]);
  const flip = (symbol: string) => {
    watched.value = watched.value.includes(symbol) ? watched.value.filter(one => one !== symbol) : [...watched.value, symbol].slice(-WATCHED_MAX);
  };
  return (
    <Pane title="Watch" class={`watch ${quotesLive.value ? "" : "stale"}`} tools={<>
      <input type="search" aria-label="Find a symbol" placeholder="Find a symbol" value={text} onInput={event => setText(event.currentTarget.value)}
        onKeyDown={event => { if (event.key === "Enter" && shown[0]) { look(shown[0]); setText(""); } }} />
      <Button run={() => setEditing(!isEditing)} aria-pressed={isEditing} title="Choose what is watched">Edit</Button>
    </>}>
      <div class="scroll" tabIndex={0} role="region" aria-label={quotesLive.value ? "Watch list" : "Watch list, old: quotes do not come in"}>
        {isEditing ? (
          <ul class="columns">{(found ?? all.slice(0, 200).map(one => one.symbol)).map(symbol => (
            <li key={symbol}><label class="check"><input type="checkbox" checked={watched.value.includes(symbol)} onChange={() => flip(symbol)} />{symbol} <span class="soft">{instruments.value.get(symbol)?.name}</span></label></li>
          ))}</ul>
        ) : shown.length ? (
          // The roles are said since a table that is laid out as lines of two is none for every reader.
          <table class="plain" role="table">
            <thead role="rowgroup"><tr role="row">
              <th role="columnheader" class="name">Symbol</th><th role="columnheader" class="number last">Last</th><th role="columnheader" class="number bid">Bid</th>
              <th role="columnheader" class="number ask">Offer</th><th role="columnheader" class="number change">%</th><th role="columnheader" class="number volume">Volume</th>
              <th role="columnheader" class="trend"><span class="hidden">Trend</span></th>
            </tr></thead>
            <tbody role="rowgroup">{shown.map(symbol => <Line key={symbol} symbol={symbol} />)}</tbody>
          </table>
        ) : <Empty>{words ? "No such symbol." : "Nothing is watched: Edit."}</Empty>}
      </div>
    </Pane>
  );
}
