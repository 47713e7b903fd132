// What the market has traded of a symbol since it is shown, and what we have: side by side, or one of them where there is no place for both.
import { quotesLive, traded } from "../../store/market";
import { executions } from "../../store/orders";
import { NO_QUOTES, type TapeLine, type Trade } from "../../store/tape";
import { kept } from "../../ui/kept";
import { price, shares } from "../../ui/numbers";
import { Choice, Empty } from "../../ui/parts";
import { clock, clockMs } from "../../ui/time";
import { isBuy, sideInWords } from "../../words/reasons";
import { Direction } from "./Direction";

const OURS_MAX = 8;
const WHOSE = [{ value: "market", title: "Market's trades" }, { value: "ours", title: "Our trades" }] as const;
const whose = kept("trades-of", "market", value => WHOSE.some(one => one.value === value));

/** Return of how many trades a line is and what is not known of them. */
function inWords(trade: Trade, px: string): string {
  const between = `between the quotes of ${clockMs(trade.since)} and ${clockMs(trade.at)}`;
  if (trade.trades === "1") return `one trade ${between}`;
  const many = trade.trades === "1+" ? "one trade or more" : "two trades or more";
  const last = trade.trades === "2+" ? `the last of them of ${shares(trade.lastSize)} shares at ${px}` : `the last of them at ${px}`;
  return `${many} ${between}, ${last}; of the others only these shares are told`;
}

function Row({ line, tick }: { line: TapeLine; tick: string }) {
  if (line.kind === "gap") return <tr class="soft"><td>{clock(line.at)}</td><td colSpan={3}>{line.why}</td></tr>;
  const px = price(line.price, tick);
  return (
    <tr title={inWords(line, px)}>
      <td>{clock(line.at)}</td>
      <td class="number">{shares(line.shares)}</td>
      <td class="number"><Direction isUp={line.isUp} />{px}</td>
      <td class="number">{line.trades}</td>
    </tr>
  );
}

function MarketsTrades({ symbol, tick }: { symbol: string; tick: string }) {
  const { symbol: of, lines, counts } = traded.value;
  const isLive = quotesLive.value;
  if (of !== symbol || !lines.length) return <Empty>{!symbol ? "" : counts === false ? "Not known: the feed tells no volume of this symbol." : `None since ${symbol} was chosen.`}</Empty>;
  const now: TapeLine = { kind: "gap", at: "", why: `old: ${NO_QUOTES}` };
  return (
    <table class={`plain ${isLive ? "" : "stale"}`}>
      <thead><tr><th>Time</th><th class="number">Shares</th><th class="number">Price</th><th class="number" title="trades since the quote before; 2+ is two or more, at the price of the last">Trades</th></tr></thead>
      {/* By place: what has come changes texts, and moves no line. */}
      <tbody>{(isLive ? lines : [now, ...lines]).map((line, place) => <Row key={place} line={line} tick={tick} />)}</tbody>
    </table>
  );
}

function OurTrades({ symbol, tick }: { symbol: string; tick: string }) {
  void executions.version.value;
  const trades = [...executions.values()].filter(one => one.symbol === symbol).sort((one, other) => (one.transactTime < other.transactTime ? 1 : -1)).slice(0, OURS_MAX);
  if (!trades.length) return <Empty>None yet.</Empty>;
  return (
    <table class="plain">
      <thead><tr><th>Time</th><th class="number">Shares</th><th class="number">Price</th><th>Venue</th></tr></thead>
      <tbody>{trades.map(one => <tr key={`${one.orderId} ${one.sequence}`}><td>{clock(one.transactTime)}</td><td class={`number ${isBuy(one.side) ? "buy" : "sell"}`}>{sideInWords(one.side)} {shares(one.lastQty)}</td><td class="number">{price(one.lastPx, tick)}</td><td>{one.venueId}</td></tr>)}</tbody>
    </table>
  );
}

export function Trades({ symbol, tick }: { symbol: string; tick: string }) {
  return (
    <div class={`trades of-${whose.value}`}>
      <Choice label="Whose trades" value={whose.value} choices={WHOSE} onChange={value => { whose.value = value; }} />
      <section class="market"><h3>Market's trades</h3><MarketsTrades symbol={symbol} tick={tick} /></section>
      <section class="ours"><h3>Our trades</h3><OurTrades symbol={symbol} tick={tick} /></section>
    </div>
  );
}
