// An order's story as moments, and how it stood at each: pure, of what REST tells of it.
import type { Child, Execution, OrderEventView, Route } from "../../api/types";
import { shares } from "../../ui/numbers";

export interface Moment {
  /** ISO 8601, to the microsecond: as text these sort like times. */
  readonly at: string;
  readonly what: string;
  readonly kind: "event" | "sent" | "acknowledged" | "traded";
}

/** How a venue's order stood. */
export interface ChildThen {
  readonly child: Child;
  readonly isAcknowledged: boolean;
  readonly isOver: boolean;
  readonly filled: number;
}

export interface Then {
  readonly status: string;
  readonly filled: number;
  readonly children: readonly ChildThen[];
  /** The newest route that was decided by then, null before the first. */
  readonly route: Route | null;
}

/** A stretch of an order's way, in milliseconds from when it was received. */
export interface Hop {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface Story {
  readonly events: readonly OrderEventView[];
  readonly routes: readonly Route[];
  readonly fills: readonly Execution[];
}

const WORDS: Readonly<Record<string, string>> = {
  OrderReceived: "received", OrderAccepted: "risk accepted it", OrderDenied: "risk denied it", RouteRequested: "a route is asked for", RoutePlaced: "routed", RouteDeferred: "not routed now", RouteHeld: "waits for a route",
  TradeApplied: "traded", TradeCorrected: "a trade was corrected", ChildClosed: "over at a venue", CancelRequested: "cancel asked for", CancelRejected: "cancel came too late", ChildCancelRejected: "a venue kept it",
  OrderCanceled: "canceled", OrderExpired: "expired", ReplaceRequested: "change asked for", OrderReplaced: "changed", ReplaceRejected: "change refused", OrderSuspended: "suspended", SuspendRejected: "suspend refused",
  OrderResumed: "resumed", ResumeRejected: "resume refused", StopTriggered: "its stop price was reached", ChildRestated: "a venue restated it", BookingRejected: "not booked", PegPriced: "its peg has a price",
  AlgoPlanned: "planned over time", SharesReleased: "shares released", AlgoHeld: "nothing released now",
};

/** Say an event. */
export const eventInWords = (type: string): string => WORDS[type] ?? type;

/** Return the children of all routes. */
export const childrenOf = (story: Story): readonly Child[] => story.routes.flatMap(route => route.children);

/** Return what happened, in the order in which it did. */
export function momentsOf(story: Story): readonly Moment[] {
  const found: Moment[] = story.events.map(event => ({ at: event.occurredAt, what: eventInWords(event.eventType), kind: "event" }));
  for (const child of childrenOf(story)) {
    found.push({ at: child.createdAt, what: `${shares(child.quantity)} to ${child.venueId}`, kind: "sent" });
    if (child.ackedAt) found.push({ at: child.ackedAt, what: `${child.venueId} acknowledges`, kind: "acknowledged" });
  }
  for (const fill of story.fills) found.push({ at: fill.receivedAt, what: `${fill.venueId} trades ${shares(fill.lastQty)}`, kind: "traded" });
  // What happened at the same time stays as it was put in: events first.
  return found.map((moment, place) => ({ moment, place })).sort((one, other) => Date.parse(one.moment.at) - Date.parse(other.moment.at) || compareText(one.moment.at, other.moment.at) || one.place - other.place).map(one => one.moment);
}

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
/** Whether a time is not after another; within a millisecond their texts decide. */
const isBy = (time: string, at: string): boolean => Date.parse(time) < Date.parse(at) || (Date.parse(time) === Date.parse(at) && time <= at);

/** Return the ClOrdID of the child that an event says is over. */
const closedChild = (event: OrderEventView): unknown => (event.payload as { readonly childClosed?: { readonly clOrdId?: string } }).childClosed?.clOrdId;

/** Return how the order stood at a time, what happened at it included. */
export function at(story: Story, time: string): Then {
  const past = story.events.filter(event => isBy(event.occurredAt, time));
  const fills = story.fills.filter(fill => isBy(fill.receivedAt, time));
  return {
    status: past.at(-1)?.status ?? "NEW",
    filled: fills.reduce((sum, fill) => sum + fill.lastQty, 0),
    children: childrenOf(story).filter(child => isBy(child.createdAt, time)).map(child => ({
      child,
      isAcknowledged: child.ackedAt !== null && isBy(child.ackedAt, time),
      isOver: past.some(event => event.eventType === "ChildClosed" && closedChild(event) === child.clOrdId),
      filled: fills.filter(fill => fill.clOrdId === child.clOrdId).reduce((sum, fill) => sum + fill.lastQty, 0),
    })),
    route: story.routes.filter(route => isBy(route.decidedAt, time)).at(-1) ?? null,
  };
}

/** Return milliseconds of an ISO time with its microseconds. */
function exactMs(iso: string): number {
  const micros = /\.\d{3}(\d{1,3})/.exec(iso)?.[1] ?? "";
  return Date.parse(iso) + (micros ? Number(micros.padEnd(3, "0")) / 1000 : 0);
}

/** Return the stretches of the way of the first child that traded, or else of the first; empty before anything was routed. */
export function hopsOf(story: Story): readonly Hop[] {
  const began = story.events[0]?.occurredAt;
  const firstFill = story.fills[0];
  const child = childrenOf(story).find(one => one.clOrdId === firstFill?.clOrdId) ?? childrenOf(story)[0];
  const route = story.routes.find(one => one.children.some(of => of === child));
  if (began === undefined || !child || !route) return [];
  const decided = story.events.find(event => event.eventType === "OrderAccepted" || event.eventType === "OrderDenied");
  const fill = story.fills.find(one => one.clOrdId === child.clOrdId);
  const applied = fill ? story.events.find(event => event.sequence === fill.sequence) : undefined;
  const stops: [string, string | null | undefined][] = [
    ["received → risk", decided?.occurredAt], ["risk → routed", route.decidedAt], ["routed → sent", child.createdAt], ["sent → acknowledged", child.ackedAt], ["acknowledged → trade told", fill?.receivedAt], ["trade told → counted", applied?.occurredAt],
  ];
  const zero = exactMs(began);
  let from = 0;
  const hops: Hop[] = [];
  for (const [name, stop] of stops) {
    if (!stop) continue;
    // Clocks of several processes: what seems to end before it began took no time that can be told.
    const to = Math.max(from, exactMs(stop) - zero);
    hops.push({ name, from, to });
    from = to;
  }
  return hops;
}
