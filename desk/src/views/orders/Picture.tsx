// A plan as a picture: what each venue showed and what it got, and what its score is made of.
import { decimals, shares } from "../../ui/numbers";
import { ranked, termNames, type Plan, type VenueConsidered } from "./plan";

const ROW = 22;
const NAME = 58;
const BAR = 300;
const FIGURE = 130;

function Book({ venues, isBuying }: { venues: readonly VenueConsidered[]; isBuying: boolean }) {
  const shown = (venue: VenueConsidered) => (isBuying ? venue.askSize : venue.bidSize) ?? 0;
  const most = Math.max(1, ...venues.map(venue => Math.max(shown(venue), venue.allocated ?? 0)));
  return (
    <svg class="picture" viewBox={`0 0 ${NAME + BAR + FIGURE} ${venues.length * ROW}`} role="img" aria-label={`Shown and allocated: ${venues.map(venue => `${venue.venueId} shows ${shares(shown(venue))}, gets ${shares(venue.allocated ?? 0)}`).join("; ")}`}>
      {venues.map((venue, place) => (
        <g key={venue.venueId} transform={`translate(0 ${place * ROW})`}>
          <text x={NAME - 6} y={ROW / 2 + 4} text-anchor="end">{venue.venueId}</text>
          <rect x={NAME} y={4} width={(BAR * shown(venue)) / most} height={ROW - 8} class="displayed" />
          <rect x={NAME} y={8} width={(BAR * (venue.allocated ?? 0)) / most} height={ROW - 16} class="allocated" />
          <text x={NAME + BAR + 6} y={ROW / 2 + 4}>{shares(venue.allocated ?? 0)} of {shares(shown(venue))}</text>
        </g>
      ))}
    </svg>
  );
}

function Scores({ venues, names }: { venues: readonly VenueConsidered[]; names: readonly string[] }) {
  const part = (venue: VenueConsidered, name: string) => Number(venue.terms?.find(term => term.name === name)?.contribution ?? 0);
  const up = Math.max(...venues.map(venue => names.reduce((sum, name) => sum + Math.max(0, part(venue, name)), 0)), 0);
  const down = Math.max(...venues.map(venue => names.reduce((sum, name) => sum + Math.max(0, -part(venue, name)), 0)), 0);
  const scale = BAR / (up + down || 1);
  const zero = NAME + down * scale;
  return (
    <svg class="picture" viewBox={`0 0 ${NAME + BAR + FIGURE} ${venues.length * ROW}`} role="img" aria-label={`Scores: ${venues.map(venue => `${venue.venueId} ${decimals(venue.score ?? 0, 3)}`).join("; ")}`}>
      <line x1={zero} x2={zero} y1={0} y2={venues.length * ROW} class="axis" />
      {venues.map((venue, place) => {
        let left = zero;
        let right = zero;
        return (
          <g key={venue.venueId} transform={`translate(0 ${place * ROW})`}>
            <text x={NAME - 6} y={ROW / 2 + 4} text-anchor="end">{venue.venueId}</text>
            {names.map((name, term) => {
              const value = part(venue, name);
              const width = Math.abs(value) * scale;
              if (value < 0) left -= width;
              const x = value < 0 ? left : right;
              if (value >= 0) right += width;
              return <rect key={name} x={x} y={4} width={width} height={ROW - 8} class={`term t${term % 6}`}><title>{`${name}: ${value}`}</title></rect>;
            })}
            <text x={NAME + BAR + 6} y={ROW / 2 + 4}>{venue.terms?.length ? decimals(venue.score ?? 0, 3) : "not scored"}</text>
          </g>
        );
      })}
    </svg>
  );
}

export function Picture({ plan, isBuying }: { plan: Plan; isBuying: boolean }) {
  const venues = ranked(plan);
  const names = termNames(plan);
  if (!venues.length) return <p class="soft">No venue was looked at.</p>;
  return (
    <div class="pictures">
      <figure>
        <figcaption>What each venue showed <span class="key displayed" />, and what it got <span class="key allocated" /></figcaption>
        <Book venues={venues} isBuying={isBuying} />
      </figure>
      <figure>
        <figcaption>What scores are made of: {names.map((name, place) => <span key={name} class="legend"><span class={`key t${place % 6}`} />{name}</span>)}</figcaption>
        <Scores venues={venues} names={names} />
      </figure>
    </div>
  );
}
