// A figure of several lines, or several of one: where each is, and how far chance reaches.
import { upTo } from "../../ui/numbers";
import { inBps, toneOf, type Row } from "./figures";

const WIDTH = 760;
const NAME = 150;
const VALUE = 130;
const ROW = 24;
const TOP = 26;

/** Return a round step of an axis that has about five of them. */
function stepOf(span: number): number {
  const rough = span / 5 || 1;
  const size = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(one => one * size).find(one => one >= rough) ?? rough;
}

export interface Bar {
  readonly name: string;
  readonly row: Row;
}

export function Intervals({ title, bars }: { title: string; bars: readonly Bar[] }) {
  const rows = bars.filter(({ row }) => row.bps !== null);
  if (!rows.length) return <p class="empty">Nothing is known of this figure yet.</p>;
  const ends = rows.flatMap(({ row }) => [row.bps, row.bpsLow, row.bpsHigh]).filter(one => one !== null).map(Number);
  const low = Math.min(0, ...ends);
  const high = Math.max(0, ...ends);
  const span = high - low || 1;
  const step = stepOf(span);
  const left = NAME;
  const right = WIDTH - VALUE;
  const x = (value: number) => left + ((value - low) / span) * (right - left);
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1000; tick += step) ticks.push(tick);
  const height = TOP + rows.length * ROW + 6;
  const isGain = rows[0]?.row.gain ?? false;
  return (
    <figure class="intervals">
      <figcaption>{title}, basis points, with 95 % intervals. {isGain ? "To the right is good for us." : "To the left is good for us."}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={`${title}: ${rows.map(({ name, row }) => `${name} ${inBps(row)}`).join("; ")}`}>
        {ticks.map(tick => (
          <g key={tick}>
            <line x1={x(tick)} x2={x(tick)} y1={TOP - 4} y2={height} class={Math.abs(tick) < step / 1000 ? "zero" : "tick"} />
            <text x={x(tick)} y={TOP - 9} text-anchor="middle">{upTo(tick, 6)}</text>
          </g>
        ))}
        {rows.map(({ name, row }, place) => {
          const y = TOP + place * ROW + ROW / 2;
          return (
            <g key={name} class={toneOf(row)}>
              <text x={4} y={y + 4} class="name">{name}</text>
              {row.bpsLow !== null && row.bpsHigh !== null ? <line x1={x(Number(row.bpsLow))} x2={x(Number(row.bpsHigh))} y1={y} y2={y} class="reach" /> : null}
              <circle cx={x(Number(row.bps))} cy={y} r={4} />
              <text x={right + 12} y={y + 4}>{inBps(row)}</text>
            </g>
          );
        })}
      </svg>
    </figure>
  );
}
