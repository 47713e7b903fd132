// What a ticket holds, and the order that it makes, without a browser.
//
// The law of this file: fields that do not belong to the kind of order are left out of it, whatever was entered before.
import type { Order, OrderRequest, PreviewRequest, ReplaceRequest } from "../../api/types";
import { money } from "../../ui/numbers";

export const SIDES = ["BUY", "SELL", "SELL_SHORT", "SELL_SHORT_EXEMPT"] as const;
export const ORDER_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_LIMIT", "PEGGED"] as const;
export const TIMES_IN_FORCE = ["DAY", "GTC", "GTD", "IOC", "FOK", "OPG", "CLO"] as const;
export const PEG_TYPES = ["PRIMARY", "MIDPOINT", "MARKET"] as const;
export const ALGOS = ["TWAP", "VWAP", "POV", "IS"] as const;
export const CAPACITIES = ["AGENCY", "PRINCIPAL", "RISKLESS_PRINCIPAL"] as const;

export interface Draft {
  readonly accountId: string;
  readonly symbol: string;
  readonly side: (typeof SIDES)[number];
  readonly orderType: (typeof ORDER_TYPES)[number];
  readonly quantity: string;
  readonly limitPrice: string;
  readonly stopPrice: string;
  readonly timeInForce: (typeof TIMES_IN_FORCE)[number];
  /** Of a GTD order: a date, or a local time. */
  readonly until: string;
  readonly profile: string;
  readonly avoid: string;
  readonly prefer: string;
  readonly minQuantity: string;
  readonly displayQty: string;
  readonly postOnly: boolean;
  readonly pegType: (typeof PEG_TYPES)[number];
  readonly pegOffset: string;
  readonly algo: "" | (typeof ALGOS)[number];
  readonly startAt: string;
  readonly endAt: string;
  readonly participation: string;
  readonly urgency: string;
  readonly slices: string;
  readonly seed: string;
  readonly capacity: (typeof CAPACITIES)[number];
  readonly locateId: string;
  readonly basketId: string;
}

export const EMPTY: Draft = {
  accountId: "", symbol: "", side: "BUY", orderType: "LIMIT", quantity: "", limitPrice: "", stopPrice: "", timeInForce: "DAY", until: "", profile: "",
  avoid: "", prefer: "", minQuantity: "", displayQty: "", postOnly: false, pegType: "PRIMARY", pegOffset: "", algo: "", startAt: "", endAt: "",
  participation: "", urgency: "", slices: "", seed: "", capacity: "AGENCY", locateId: "", basketId: "",
};

/** Which fields a draft shows beside those that every order has. */
export function fieldsOf(draft: Draft): { readonly limit: boolean; readonly stop: boolean; readonly peg: boolean; readonly algo: boolean; readonly until: boolean; readonly locate: boolean; readonly forces: readonly Draft["timeInForce"][] } {
  const { orderType } = draft;
  const mayAlgo = orderType === "MARKET" || orderType === "LIMIT";
  const booked = ["DAY", "GTC", "GTD"] as const;
  const forces: readonly Draft["timeInForce"][] = mayAlgo ? (draft.algo ? ["DAY", "GTC"] : TIMES_IN_FORCE) : booked;
  return {
    limit: orderType === "LIMIT" || orderType === "STOP_LIMIT" || orderType === "PEGGED",
    stop: orderType === "STOP" || orderType === "STOP_LIMIT",
    peg: orderType === "PEGGED",
    algo: mayAlgo,
    until: draft.timeInForce === "GTD",
    locate: draft.side === "SELL_SHORT" || draft.side === "SELL_SHORT_EXEMPT",
    forces,
  };
}

/** Return a draft with a change, mended where what it had does not go with that. */
export function changed(draft: Draft, change: Partial<Draft>): Draft {
  const next = { ...draft, ...change };
  const shown = fieldsOf(next);
  const forced = shown.algo ? next : { ...next, algo: "" as const };
  return fieldsOf(forced).forces.includes(forced.timeInForce) ? forced : { ...forced, timeInForce: "DAY" };
}

// The same order again within so long is asked about.
const SAME_MS = 30_000;
const WHOLE = /^\d+$|^\d{1,3}(,\d{3})+$/;
const PRICE = /^-?\d{1,12}(\.\d{1,6})?$/;

/** Return a quantity with its usual shorthands: "2,000", "2k", "1.5m"; null for what is none. */
export function quantityOf(text: string): number | null {
  const short = /^(\d+(?:\.\d+)?)\s*([km])$/i.exec(text.trim());
  if (short) {
    const count = Number(short[1]) * (short[2]?.toLowerCase() === "k" ? 1e3 : 1e6);
    return Number.isInteger(count) && count > 0 ? count : null;
  }
  const found = text.trim();
  return WHOLE.test(found) && Number(found.replaceAll(",", "")) > 0 ? Number(found.replaceAll(",", "")) : null;
}

const instant = (local: string): string => new Date(local).toISOString();
const names = (text: string): string[] => text.toUpperCase().split(/[\s,]+/).filter(Boolean);

export interface Made {
  readonly order: PreviewRequest | null;
  /** What is wrong, by the field as the contract calls it. Fields that are only missing are in `missing`. */
  readonly problems: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
}

/** Return the order that a draft makes, or what keeps it from being one. */
export function orderOf(draft: Draft): Made {
  const problems: Record<string, string> = {};
  const missing: string[] = [];
  const shown = fieldsOf(draft);
  const need = (field: string, text: string) => {
    if (!text.trim()) missing.push(field);
    return text.trim();
  };
  const whole = (field: string, text: string): number | undefined => {
    if (!text.trim()) return undefined;
    const count = quantityOf(text);
    if (count === null) problems[field] = "a whole number above 0";
    return count ?? undefined;
  };
  const dollars = (field: string, text: string): string | undefined => {
    const plain = text.trim().replaceAll(",", "").replace("−", "-");
    if (plain && !PRICE.test(plain)) problems[field] = "dollars, up to six decimals";
    return plain || undefined;
  };
  const when = (field: string, text: string): string | undefined => {
    if (!text) return undefined;
    if (Number.isNaN(new Date(text).getTime())) problems[field] = "a date and a time";
    return problems[field] ? undefined : instant(text);
  };
  const order: Record<string, unknown> = {
    accountId: need("accountId", draft.accountId).toUpperCase(), symbol: need("symbol", draft.symbol).toUpperCase(), side: draft.side,
    orderType: draft.orderType, timeInForce: draft.timeInForce,
  };
  need("quantity", draft.quantity);
  order["quantity"] = whole("quantity", draft.quantity);
  if (shown.limit) {
    order["limitPrice"] = dollars("limitPrice", draft.limitPrice);
    if (draft.orderType !== "PEGGED") need("limitPrice", draft.limitPrice);
  }
  if (shown.stop) order["stopPrice"] = dollars("stopPrice", need("stopPrice", draft.stopPrice));
  if (shown.until) {
    const until = need("expireDate", draft.until);
    if (/^\d{4}-\d{2}-\d{2}$/.test(until)) order["expireDate"] = until;
    else order["expireTime"] = when("expireTime", until);
  }
  if (shown.peg) order["peg"] = { type: draft.pegType, ...(draft.pegType !== "MIDPOINT" && draft.pegOffset.trim() ? { offset: dollars("peg.offset", draft.pegOffset) } : {}) };
  if (shown.algo && draft.algo) {
    const participation = Number(draft.participation);
    if (draft.participation && !(participation > 0 && participation <= 100)) problems["algo.participationBps"] = "percent, above 0 up to 100";
    order["algo"] = {
      strategy: draft.algo, startAt: when("algo.startAt", draft.startAt), endAt: when("algo.endAt", need("algo.endAt", draft.endAt)),
      participationBps: draft.participation ? Math.round(participation * 100) : undefined,
      urgency: draft.algo === "IS" ? whole("algo.urgency", need("algo.urgency", draft.urgency)) : undefined,
      slices: whole("algo.slices", draft.slices), seed: draft.seed.trim() ? whole("algo.seed", draft.seed) : undefined,
    };
    if (draft.algo === "POV") need("algo.participationBps", draft.participation);
  }
  const avoid = names(draft.avoid);
  const prefer = names(draft.prefer);
  if (draft.profile || avoid.length || prefer.length)
    order["routing"] = { ...(draft.profile ? { profile: draft.profile } : {}), ...(avoid.length ? { avoid } : {}), ...(prefer.length ? { prefer } : {}) };
  order["minQuantity"] = whole("minQuantity", draft.minQuantity);
  if (draft.orderType === "LIMIT" || draft.orderType === "PEGGED") {
    order["displayQty"] = whole("displayQty", draft.displayQty);
    if (draft.postOnly) order["postOnly"] = true;
  }
  if (draft.capacity !== "AGENCY") order["capacity"] = draft.capacity;
  if (shown.locate && draft.locateId.trim()) order["locateId"] = draft.locateId.trim();
  if (draft.basketId.trim()) order["basketId"] = draft.basketId.trim();
  const isWhole = !missing.length && !Object.keys(problems).length;
  return { order: isWhole ? (JSON.parse(JSON.stringify(order)) as PreviewRequest) : null, problems, missing };
}

/** What somebody wants, once: an order's content and the id that all tries to send it have. */
export interface Intent {
  readonly content: string;
  readonly order: OrderRequest;
}

/** Return the intent of an order: the one before, as long as nobody knows what became of it and it is the same order. */
export function intentOf(before: Intent | null, order: PreviewRequest, makeId: () => string): Intent {
  const content = JSON.stringify(order);
  return before?.content === content ? before : { content, order: { ...order, clientOrderId: makeId() } };
}

/** Return the change that is entered of an order, or why it is none yet. */
export function changeOf(order: Pick<Order, "quantity"> & Partial<Pick<Order, "limitPrice" | "stopPrice">>, quantity: string, limit: string, stop = ""): ReplaceRequest | string {
  const count = Number(quantity.replace(/[,\s]/g, ""));
  if (!Number.isInteger(count) || count < 1) return "the quantity has to be a whole number of shares above 0";
  const found: ReplaceRequest = {};
  if (count !== order.quantity) found.quantity = count;
  if (order.limitPrice && limit.trim() !== order.limitPrice) found.limitPrice = limit.trim().replaceAll(",", "");
  if (order.stopPrice && stop.trim() !== order.stopPrice) found.stopPrice = stop.trim().replaceAll(",", "");
  return Object.keys(found).length ? found : "nothing is changed yet";
}

/** What a ticket knows when it is asked to send. before: what it sent last, and when; intent: what nobody has answered yet. */
export interface Known {
  readonly worth: number;
  readonly confirmShares: number;
  readonly confirmDollars: number;
  readonly before: { readonly content: string; readonly at: number };
  readonly intent: Intent | null;
  readonly now: number;
}

/** Return why a person is asked before an order is sent, each reason as a sentence; none is sent without. */
export function doubtsOf(order: PreviewRequest, known: Known): readonly string[] {
  const content = JSON.stringify(order);
  return [
    ...(order.quantity >= known.confirmShares || known.worth >= known.confirmDollars ? [`It is large: about ${money(known.worth)} dollars.`] : []),
    ...(known.before.content === content && known.now - known.before.at < SAME_MS ? ["The same order was sent a moment ago."] : []),
    ...(known.intent && known.intent.content !== content ? ["The order before it was not answered and may have been placed."] : []),
  ];
}

/** Return what an order is worth in dollars, at its own limit or at a price that is known; 0 where nothing is known. */
export const worthOf = (order: PreviewRequest, price: number): number => order.quantity * (Number(order.limitPrice ?? 0) || price);
