// The card of an order: why each venue got shares or was passed over, then as a picture, then otherwise; its executions and events.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { Child, Execution, OrderEventView, Route } from "../../api/types";
import { instruments } from "../../store/desk";
import { isOpen, orders } from "../../store/orders";
import { withKeys } from "../../ui/hotkeys";
import { Badge, Button, Empty } from "../../ui/parts";
import { decimals, money, plain, price, shares } from "../../ui/numbers";
import { clock, clockMs } from "../../ui/time";
import { isBuy, plainWords, reasonInWords, sideInWords, statusInWords } from "../../words/reasons";
import { eventInWords } from "./moments";
import { Picture } from "./Picture";
import { planOf, ranked, type Plan, type VenueConsidered } from "./plan";
import { chosen } from "./state";
import { TimeMachine } from "./TimeMachine";
import { WhatIf } from "./WhatIf";

const READ_MS = 400;
const AGE_MS = 3_000;
const TABS = [["why", "Why"], ["picture", "Picture"], ["whatif", "What if"], ["venues", "At venues"], ["fills", "Executions"], ["events", "Events"], ["time", "Time machine"]] as const;
type Tab = (typeof TABS)[number][0];
/** What of the order is shown. */
export const tab = signal<Tab>("why");

interface Told {
  readonly orderId: string;
  readonly routes: readonly Route[];
  readonly fills: readonly Execution[];
  readonly events: readonly OrderEventView[];
  readonly problem: string;
}

/** Read what is told of an order: when it is chosen, when it changes, and while it is open each AGE_MS, for what venues say of children is no event. */
function useTold(orderId: string): Told | null {
  const [told, setTold] = useState<Told | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isReading = false;
    let isDue = false;
    const path = { orderId };
    const read = async () => {
      isReading = true;
      try {
        const asked = { path, signal: stop.signal };
        const [routes, fills, events] = await Promise.all([
          call("get", "/api/v1/orders/{orderId}/routes", asked), call("get", "/api/v1/orders/{orderId}/executions", asked), call("get", "/api/v1/orders/{orderId}/events", asked),
        ]);
        setTold({ orderId, routes: routes.routes, fills: fills.executions, events: events.events, problem: "" });
      } catch (problem) {
        if (!stop.signal.aborted) setTold(now => ({ orderId, routes: now?.routes ?? [], fills: now?.fills ?? [], events: now?.events ?? [], problem: inWords(problem) }));
      }
      isReading = false;
      if (isDue && !stop.signal.aborted) soon();
    };
    const soon = () => {
      isDue = isReading;
      if (isReading || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        void read();
      }, READ_MS);
    };
    void read();
    const unlisten = orders.onFrame(changed => {
      if (changed.has(orderId)) soon();
    });
    const aging = setInterval(() => {
      const order = orders.get(orderId);
      if (order && isOpen(order) && !document.hidden) soon();
    }, AGE_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
      clearInterval(aging);
      unlisten();
    };
  }, [orderId]);
  return told?.orderId === orderId ? told : null;
}

function arithmetic(venue: VenueConsidered): string {
  const terms = (venue.terms ?? []).map(term => `${term.name} ${plain(term.weight)} · ${plain(term.value)} = ${plain(term.contribution)}`);
  return terms.length ? `score ${plain(venue.score ?? "0")} = ${terms.join(" + ")}` : "it was not scored";
}

function Why({ plan, symbol, problem }: { plan: Plan; symbol: string; problem: string }) {
  const tick = instruments.value.get(symbol)?.tickSize ?? "0.01";
  const why = plan.explanation;
  if (!why) return <p class={problem ? "bad" : "soft"}>{problem || plan.reason || "This route has no explanation."}</p>;
  const quoted = (px: string | null | undefined, size: number | undefined) => (px ? `${price(px, tick)} × ${shares(size ?? 0)}` : "not quoted");
  return (
    <>
      <p class="summary">{plainWords(why.summary ?? "")}</p>
      <ul class="venues">
        {ranked(plan).map(venue => (
          <li key={venue.venueId} class={venue.chosen ? "chosen" : "passed"}>
            <div class="line">
              <b class="name">{venue.venueId}</b>
              {venue.chosen ? <Badge tone="good">gets {shares(venue.allocated ?? 0)}</Badge> : <Badge tone="soft">passed over</Badge>}
              <span class="reason">{plainWords(venue.reason)}</span>
            </div>
            <div class="below">
              <span>bid {quoted(venue.bidPrice, venue.bidSize)} · offer {quoted(venue.askPrice, venue.askSize)} · fee {plain(venue.feePerShare ?? "0").replace("-", "−")}{venue.allInPrice ? ` · all in ${price(venue.allInPrice, tick, 4)}` : ""}</span>
              <details><summary>Arithmetic</summary><p class="arithmetic">{arithmetic(venue)}</p></details>
            </div>
          </li>
        ))}
      </ul>
      <p class="soft">
        {why.strategy ? `${why.strategy}${why.stage && why.stage !== why.strategy ? `, ${why.stage}` : ""}` : ""} by profile {why.profile} (version {why.profileVersion ?? 0}); best bid {price(why.nationalBestBid, tick)}, offer {price(why.nationalBestOffer, tick)}
        {why.expectedQuantity ? `; takes ${shares(why.expectedQuantity)} at once for ${money(why.expectedNotional)}, fees ${money(why.expectedFee)}` : ""}
        {why.expectedCostBps ? `, ${decimals(why.expectedCostBps, 2)} bps beyond the middle` : ""}{why.decisionUs ? `; decided in ${shares(why.decisionUs)} µs` : ""}.
      </p>
    </>
  );
}

function Children({ children, tick }: { children: readonly Child[]; tick: string }) {
  if (!children.length) return <Empty>Nothing was sent to a venue.</Empty>;
  return (
    <table class="plain"><thead><tr><th>Sent</th><th>Venue</th><th class="number">Shares</th><th class="number">Limit</th><th>Status</th><th class="number">Filled</th><th>Acknowledged</th><th>Id</th></tr></thead>
      <tbody>{children.map(child => <tr key={child.clOrdId}><td>{clockMs(child.createdAt)}</td><td>{child.venueId}</td><td class="number">{shares(child.quantity)}</td><td class="number">{price(child.limitPrice, tick)}</td><td>{statusInWords(child.status)}</td><td class="number">{shares(child.cumQty)}</td><td>{clockMs(child.ackedAt)}</td><td>{child.clOrdId}</td></tr>)}</tbody></table>
  );
}

function Fills({ fills, tick }: { fills: readonly Execution[]; tick: string }) {
  if (!fills.length) return <Empty>Nothing was traded.</Empty>;
  return (
    <table class="plain"><thead><tr><th>Time</th><th>Venue</th><th class="number">Shares</th><th class="number">Price</th><th class="number">Fee</th><th>Settles</th><th>Execution</th></tr></thead>
      <tbody>{fills.map(fill => <tr key={fill.sequence}><td>{clockMs(fill.transactTime)}</td><td>{fill.venueId}</td><td class="number">{shares(fill.lastQty)}</td><td class="number">{price(fill.lastPx, tick)}</td><td class="number">{decimals(fill.fee, 4)}</td><td>{fill.settlesOn}</td><td>{fill.execId}</td></tr>)}</tbody></table>
  );
}

function Events({ events }: { events: readonly OrderEventView[] }) {
  return (
    <table class="plain"><thead><tr><th class="number">#</th><th>Time</th><th>Event</th><th>Status</th><th>Text</th></tr></thead>
      <tbody>{events.map(event => <tr key={event.sequence}><td class="number">{event.sequence}</td><td>{clockMs(event.occurredAt)}</td><td title={event.eventType}>{eventInWords(event.eventType)}</td><td>{statusInWords(event.status)}</td><td>{reasonInWords(String((event.payload as Record<string, unknown>)["text"] ?? ""))}</td></tr>)}</tbody></table>
  );
}

export function Card() {
  const orderId = chosen.value;
  const told = useTold(orderId);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => setAttempt(0), [orderId]);
  useEffect(() => withKeys([
    { keys: "Escape", what: "close the card", where: "Orders", run: () => (chosen.value = "") },
    { keys: "w", what: "what if", where: "Orders", run: () => (tab.value = "whatif") },
    { keys: "m", what: "time machine", where: "Orders", run: () => (tab.value = "time") },
  ]), []);
  void orders.version.value;
  const order = orders.get(orderId);
  if (!order) return null;
  const tick = instruments.value.get(order.symbol)?.tickSize ?? "0.01";
  const routes = told?.routes ?? [];
  const route = routes.find(one => one.attempt === attempt) ?? routes.at(-1);
  const plan = planOf(route?.plan);
  const content = () => {
    if (!told) return <p class="soft">Reading…</p>;
    switch (tab.value) {
      case "why": return route ? <Why plan={plan} symbol={order.symbol} problem={route.explanationProblem} /> : <Empty>It was not routed{order.text ? `: ${reasonInWords(order.text)}` : " yet."}</Empty>;
      case "picture": return route ? <Picture plan={plan} isBuying={isBuy(order.side)} /> : <Empty>It was not routed.</Empty>;
      case "whatif": return route && plan.explanation ? <WhatIf key={`${orderId} ${route.attempt}`} orderId={orderId} attempt={route.attempt} plan={plan} /> : <Empty>There is no decision to make again.</Empty>;
      case "venues": return <Children children={routes.flatMap(one => one.children)} tick={tick} />;
      case "fills": return <Fills fills={told.fills} tick={tick} />;
      case "events": return <Events events={told.events} />;
      case "time": return <TimeMachine order={order} story={told} />;
    }
  };
  return (
    <section class="pane card" aria-label="Card of the order" data-order={orderId}>
      <header>
        <h2><span class={isBuy(order.side) ? "buy" : "sell"}>{sideInWords(order.side)}</span> {shares(order.quantity)} {order.symbol}</h2>
        <span>{statusInWords(order.status)}, {shares(order.cumQty)} filled{order.avgPx ? ` at ${price(order.avgPx, tick, 4)}` : ""}</span>
        <div class="tools">
          {routes.length > 1 ? (
            <select aria-label="Which route" value={route?.attempt} onChange={event => setAttempt(Number(event.currentTarget.value))}>
              {routes.map(one => <option key={one.attempt} value={one.attempt}>Route {one.attempt} of {routes.length}</option>)}
            </select>
          ) : null}
          {route?.proven ? <span title="Decided again on the stored inputs it comes out the same"><Badge tone="soft">proven</Badge></span> : null}
          <Button run={() => { chosen.value = ""; }} tone="quiet" aria-label="Close the card">✕</Button>
        </div>
      </header>
      <div class="tabs" role="tablist" aria-label="What of the order">
        {TABS.map(([name, title]) => <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={tab.value === name} aria-controls="card-content" class="quiet" onClick={() => (tab.value = name)}>{title}</button>)}
      </div>
      <div class="scroll" role="tabpanel" id="card-content" aria-labelledby={`tab-${tab.value}`} tabIndex={0}>
        {order.text ? <p class={order.status === "REJECTED" ? "bad" : "soft"}>{reasonInWords(order.text)}</p> : null}
        {told?.problem ? <p class="bad">Cannot be read: {told.problem}</p> : null}
        {content()}
        <p class="soft id">{orderId} · created {clock(order.createdAt)}{order.principal ? ` · by ${order.principal}` : ""}{order.clientOrderId ? ` · ${order.clientOrderId}` : ""}</p>
      </div>
    </section>
  );
}
