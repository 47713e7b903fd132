// What the router explains, as JSON of proto/oms/v1/messages.proto: nothing of it is there where it is 0 or empty.

export interface Term {
  readonly name: string;
  readonly value: string;
  readonly weight: string;
  readonly contribution: string;
}

export interface VenueConsidered {
  readonly venueId: string;
  readonly chosen?: boolean;
  readonly reason: string;
  readonly bidPrice?: string | null;
  readonly bidSize?: number;
  readonly askPrice?: string | null;
  readonly askSize?: number;
  readonly feePerShare?: string;
  readonly allInPrice?: string | null;
  readonly terms?: readonly Term[];
  readonly score?: string;
  readonly allocated?: number;
  readonly hiddenSize?: number;
  readonly takenBefore?: number;
  readonly expectedQuantity?: number;
  readonly expectedNotional?: string;
  readonly expectedFee?: string;
  readonly quoteAgeUs?: number;
}

export interface Explanation {
  readonly nationalBestBid?: string | null;
  readonly nationalBestOffer?: string | null;
  readonly bookAt?: string | null;
  readonly profile: string;
  readonly profileVersion?: number;
  readonly venues?: readonly VenueConsidered[];
  readonly summary: string;
  readonly decisionUs?: number;
  readonly strategy?: string;
  readonly stage?: string;
  readonly expectedQuantity?: number;
  readonly expectedNotional?: string;
  readonly expectedFee?: string;
  readonly expectedCost?: string | null;
  readonly expectedCostBps?: string | null;
}

export interface Plan {
  readonly reason?: string;
  readonly quantity?: number;
  readonly explanation?: Explanation | null;
}

/** Read a plan as it came. */
export const planOf = (given: unknown): Plan => (given ?? {}) as Plan;

/** Return the venues, those that got shares first, then by their score. */
export function ranked(plan: Plan): readonly VenueConsidered[] {
  return [...(plan.explanation?.venues ?? [])].sort(
    (one, other) => (other.allocated ?? 0) - (one.allocated ?? 0) || Number(other.score ?? 0) - Number(one.score ?? 0) || (one.venueId < other.venueId ? -1 : 1),
  );
}

/** Return the names of all score terms, in the order in which they come. */
export function termNames(plan: Plan): readonly string[] {
  return [...new Set((plan.explanation?.venues ?? []).flatMap(venue => (venue.terms ?? []).map(term => term.name)))];
}

/** Return each term's weight; of those that venues weigh otherwise the largest. */
export function weightsOf(plan: Plan): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const venue of plan.explanation?.venues ?? []) for (const term of venue.terms ?? []) found[term.name] = Math.max(found[term.name] ?? 0, Number(term.weight));
  return found;
}
