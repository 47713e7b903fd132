// The time machine: an order through its moments, with the book that its route stood on and its orders at venues; where its time went; an algo's plan against what was done.
import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { components } from "../../api/schema";
import type { OrderRow } from "../../store/orders";
import { instruments } from "../../store/desk";
import { useRead } from "../../ui/read";
import { decimals, drawnAt, price, shares } from "../../ui/numbers";
import { clock, clockMs } from "../../ui/time";
import { statusInWords } from "../../words/reasons";
import { at, hopsOf, momentsOf, type Hop, type Story } from "./moments";
import { planOf, ranked } from "./plan";

type Progress = components["schemas"]["AlgoProgress"];
const PROGRESS_MS = 1_000;
const WIDTH = 560;
const NAME = 190;
const VALUE = 70;
const ROW = 20;
const GRAPH = 120;

function Waterfall({ hops }: { hops: readonly Hop[] }) {
  const end = Math.max(0.001, hops.at(-1)?.to ?? 0);
  const x = (ms: number) => NAME + (ms / end) * (WIDTH - NAME - VALUE);
  return (
    <figure>
      <figcaption>Where the time went, {decimals(end, 1)} ms until here</figcaption>
      <svg class="picture waterfall" viewBox={`0 0 ${WIDTH} ${hops.length * ROW}`} role="img" aria-label={hops.map(hop => `${hop.name} ${decimals(hop.to - hop.from, 1)} ms`).join("; ")}>
        {hops.map((hop, place) => (
          <g key={hop.name} transform={`translate(0 ${place * ROW})`}>
            <text x={NAME - 6} y={ROW / 2 + 4} text-anchor="end">{hop.name}</text>
            <rect x={x(hop.from)} y={4} width={Math.max(1.5, x(hop.to) - x(hop.from))} height={ROW - 8} class="allocated" />
            <text x={x(hop.to) + 5} y={ROW / 2 + 4}>{decimals(hop.to - hop.from, 1)} ms</text>
          </g>
        ))}
      </svg>
    </figure>
  );
}

/** An algo's plan, what it released and what of it was done, against the time. */
function Worked({ progress }: { progress: Progress }) {
  const slices = progress.slices;
  if (!slices.length) return <p class="soft">It has no plan yet{progress.held ? `: ${progress.held}` : ""}.</p>;
  const times = slices.map(slice => Date.parse(slice.dueAt));
  const first = Math.min(...times);
  const span = Math.max(1, Math.max(...times) - first);
  const most = Math.max(1, progress.quantity);
  const x = (ms: number) => ((ms - first) / span) * (WIDTH - 20) + 10;
  const y = (quantity: number) => GRAPH - 6 - (quantity / most) * (GRAPH - 12);
  const line = (of: (slice: Progress["slices"][number]) => number | null): string => {
    let sum = progress.baseQty;
    const points: string[] = [];
    slices.forEach((slice, place) => {
      const more = of(slice);
      if (more === null) return;
      points.push(`${drawnAt(x(times[place] ?? first))},${drawnAt(y(sum))}`);
      sum += more;
      points.push(`${drawnAt(x(times[place] ?? first))},${drawnAt(y(sum))}`);
    });
    return points.join(" ");
  };
  return (
    <figure>
      <figcaption>Plan (line), released (dashes) and done (bold): {shares(progress.cumQty)} done of {shares(progress.releasedQty)} released, {shares(progress.quantity)} in all{progress.held ? `. ${progress.held}` : ""}</figcaption>
      <svg class="picture worked" viewBox={`0 0 ${WIDTH} ${GRAPH}`} role="img" aria-label={`${shares(progress.cumQty)} shares done, ${shares(progress.releasedQty)} released, ${shares(progress.quantity)} planned, from ${clock(slices[0]?.dueAt)} to ${clock(slices.at(-1)?.dueAt)}`}>
        <polyline points={line(slice => slice.plannedQty)} class="planned" />
        <polyline points={line(slice => slice.releasedQty)} class="released" />
        <polyline points={line(slice => slice.doneQty)} class="done" />
      </svg>
    </figure>
  );
}

export function TimeMachine({ order, story }: { order: OrderRow; story: Story }) {
  const moments = momentsOf(story);
  const [place, setPlace] = useState<number | null>(null);
  const isWorked = Boolean(order.algo);
  const progress = useRead(() => (isWorked ? call("get", "/api/v1/orders/{orderId}/algo", { path: { orderId: order.orderId } }) : Promise.resolve(null)), isWorked ? PROGRESS_MS : 0, order.orderId);
  useEffect(() => setPlace(null), [order.orderId]);
  const last = moments.length - 1;
  // Nobody has moved it: the newest.
  const shown = Math.min(place ?? last, last);
  const moment = moments[shown];
  if (!moment) return <p class="soft">Nothing is told of it yet.</p>;
  const then = at(story, moment.at);
  const plan = planOf(then.route?.plan);
  const tick = instruments.value.get(order.symbol)?.tickSize ?? "0.01";
  const step = (by: number) => setPlace(Math.min(last, Math.max(0, shown + by)));
  return (
    <div class="machine">
      <div class="row">
        <button type="button" aria-label="The moment before" disabled={shown === 0} onClick={() => step(-1)}>◀</button>
        <input type="range" aria-label="Moment" min={0} max={last} value={shown} aria-valuetext={`${clockMs(moment.at)}: ${moment.what}`} onInput={event => setPlace(Number(event.currentTarget.value))} />
        <button type="button" aria-label="The moment after" disabled={shown === last} onClick={() => step(1)}>▶</button>
        <b class="moment">{shown + 1} of {moments.length}: {clockMs(moment.at)} {moment.what}</b>
      </div>
      <p>{statusInWords(then.status)}, {shares(then.filled)} of {shares(order.quantity)} filled{then.route ? `, by route ${then.route.attempt}` : ", not routed yet"}.</p>
      <div class="then">
        <table class="plain">
          <caption>At venues then</caption>
          <thead><tr><th>Venue</th><th class="number">Shares</th><th class="number">Limit</th><th>State</th><th class="number">Filled</th></tr></thead>
          <tbody>
            {then.children.map(one => (
              <tr key={one.child.clOrdId}>
                <td>{one.child.venueId}</td><td class="number">{shares(one.child.quantity)}</td><td class="number">{price(one.child.limitPrice, tick)}</td>
                <td>{one.filled >= one.child.quantity ? "filled" : one.isOver ? "over" : one.isAcknowledged ? "acknowledged" : "sent"}</td><td class="number">{shares(one.filled)}</td>
              </tr>
            ))}
            {then.children.length ? null : <tr><td colSpan={5} class="soft">nothing</td></tr>}
          </tbody>
        </table>
        <table class="plain">
          <caption>The book that its route stood on</caption>
          <thead><tr><th>Venue</th><th class="number">Bid</th><th class="number">Size</th><th class="number">Offer</th><th class="number">Size</th><th class="number">Got</th></tr></thead>
          <tbody>
            {ranked(plan).map(venue => (
              <tr key={venue.venueId}>
                <td>{venue.venueId}</td><td class="number">{price(venue.bidPrice, tick)}</td><td class="number">{shares(venue.bidSize)}</td><td class="number">{price(venue.askPrice, tick)}</td><td class="number">{shares(venue.askSize)}</td><td class="number">{venue.allocated ? shares(venue.allocated) : ""}</td>
              </tr>
            ))}
            {plan.explanation ? null : <tr><td colSpan={6} class="soft">no route was decided yet</td></tr>}
          </tbody>
        </table>
      </div>
      {progress.value ? <Worked progress={progress.value} /> : null}
      {hopsOf(story).length ? <Waterfall hops={hopsOf(story)} /> : null}
    </div>
  );
}
