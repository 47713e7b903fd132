// A venue's scorecard as it comes, and what a desk reads of it.
import type { components } from "../../api/schema";
import { decimals, NONE, signed } from "../../ui/numbers";

export type VenueRow = components["schemas"]["VenueView"];
interface Way { readonly children: number; readonly rejected: number; readonly fillPpm?: number }
interface Mean { readonly meanUs: number; readonly count: number }
interface Figure { readonly perShare: string; readonly fills: number; readonly cbps: number }
interface Scorecard {
  readonly orders?: number;
  readonly rejectPpm?: number;
  readonly take?: Way;
  readonly rest?: Way;
  readonly latency?: Mean;
  readonly priceImprovement?: Figure;
  readonly markouts?: Readonly<Record<string, Figure>>;
}

export const scorecardOf = (given: unknown): Scorecard => (given ?? {}) as Scorecard;

/** Say a share in parts of a million in percent. */
export const ofMillion = (ppm: number | undefined): string => (ppm === undefined ? NONE : `${decimals(ppm / 10_000, 1)} %`);
/** Say microseconds in milliseconds. */
export const milliseconds = (mean: Mean | undefined): string => (mean === undefined ? NONE : `${decimals(mean.meanUs / 1000, 1)} ms`);
/** Say hundredths of a basis point in basis points, with their sign. */
export const basisPoints = (figure: Figure | undefined): string => (figure === undefined ? NONE : `${signed(figure.cbps / 100)} bp`);

/** Say whether a venue takes orders now, and if not why. */
export function standingOf(venue: VenueRow): { readonly word: string; readonly tone: "good" | "bad" | "warn"; readonly why: string } {
  if (venue.status !== "ACTIVE") return { word: venue.status.toLowerCase(), tone: "warn", why: "it is not used" };
  if (venue.sessionUp === false) return { word: "session down", tone: "bad", why: venue.sessionReason };
  if (venue.closedReason) return { word: "left out", tone: "warn", why: venue.closedReason };
  if (venue.sessionUp === null) return { word: "no session yet", tone: "warn", why: "" };
  return { word: "open", tone: "good", why: "" };
}
