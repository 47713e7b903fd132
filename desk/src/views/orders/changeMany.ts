// One change of several orders: what it makes of each, or why it makes nothing of one. Without a browser.
//
// The law of this file: prices are counted in millionths, never in floating point, and an order gets only what was entered for it.
import type { ReplaceRequest } from "../../api/types";
import type { OrderRow } from "../../store/orders";

// As many as a desk looks through before it sends.
export const CHANGED_MAX = 100;
export const PRICE_RULES = { leave: "leave", set: "set to", up: "up by ticks (− down)", towards: "towards the market by ticks (− away)" } as const;
export const SHARES_RULES = { leave: "leave", set: "set to", percent: "percent of what it is" } as const;

/** What was entered. Each value is text; of a rule "leave" it is not looked at. */
export interface Wanted {
  readonly priceRule: keyof typeof PRICE_RULES;
  readonly price: string;
  readonly sharesRule: keyof typeof SHARES_RULES;
  readonly shares: string;
}

/** What the change makes of an order. change: null where nothing is sent of it, and `why`. */
export interface Planned {
  readonly order: OrderRow;
  readonly change: ReplaceRequest | null;
  readonly why: string;
}

const UNIT = 1_000_000n;

/** Return decimal text in millionths; null for what is none, or has more than six decimals. */
export function microsOf(text: string): bigint | null {
  const found = /^(-?)(\d{0,12})(?:\.(\d{0,6})0*)?$/.exec(text.trim().replaceAll(",", "").replace("−", "-"));
  if (!found || !(found[2] || found[3])) return null;
  const size = BigInt(found[2] || "0") * UNIT + BigInt((found[3] ?? "").padEnd(6, "0"));
  return found[1] ? -size : size;
}

/** Return millionths as decimal text with at least `least` decimals. */
export function textOf(micros: bigint, least = 2): string {
  const digits = String(micros % UNIT).padStart(6, "0").replace(/0+$/, "").padEnd(least, "0");
  return `${micros / UNIT}${digits ? `.${digits}` : ""}`;
}

const wholeOf = (text: string): bigint | null => {
  const found = microsOf(text);
  return found !== null && found % UNIT === 0n ? found / UNIT : null;
};

/** Return what is wrong with what was entered, by field; nothing for what can be asked of orders. */
export function wrongIn({ priceRule, price, sharesRule, shares }: Wanted): { price?: string; shares?: string } {
  const found: { price?: string; shares?: string } = {};
  if (priceRule === "set" && !((microsOf(price) ?? 0n) > 0n)) found.price = "a price above 0, with six decimals at most";
  if ((priceRule === "up" || priceRule === "towards") && !wholeOf(price)) found.price = "a whole number of ticks, not 0";
  if (sharesRule === "set" && !((wholeOf(shares) ?? 0n) > 0n)) found.shares = "a whole number of shares above 0";
  if (sharesRule === "percent" && !((microsOf(shares) ?? 0n) > 0n)) found.shares = "a percentage above 0";
  return found;
}

function limitOf(order: OrderRow, { priceRule, price }: Wanted, tick: string): bigint | null {
  const now = microsOf(String(order.limitPrice ?? ""));
  if (now === null || priceRule === "leave") return now;
  if (priceRule === "set") return microsOf(price);
  const isDown = priceRule === "towards" && order.side !== "BUY";
  return now + (wholeOf(price) ?? 0n) * (microsOf(tick) ?? 0n) * (isDown ? -1n : 1n);
}

function sharesOf(order: OrderRow, { sharesRule, shares }: Wanted): bigint {
  const now = BigInt(order.quantity);
  if (sharesRule === "set") return wholeOf(shares) ?? now;
  // A part of a share is none.
  return sharesRule === "percent" ? (now * (microsOf(shares) ?? 0n)) / (100n * UNIT) : now;
}

/** Return what a change makes of each order. tickOf: a symbol's tick, in dollars as text. */
export function planOf(orders: readonly OrderRow[], wanted: Wanted, tickOf: (symbol: string) => string): readonly Planned[] {
  const nothing = Object.keys(wrongIn(wanted)).length > 0;
  return orders.map(order => {
    const none = (why: string): Planned => ({ order, change: null, why });
    if (nothing) return none("");
    const change: ReplaceRequest = {};
    if (wanted.priceRule !== "leave" && !order.limitPrice && wanted.sharesRule === "leave") return none("it has no limit");
    const limit = limitOf(order, wanted, tickOf(order.symbol));
    if (limit !== null && limit <= 0n) return none("its limit would not be above 0");
    if (limit !== null && limit !== microsOf(String(order.limitPrice))) change.limitPrice = textOf(limit);
    const count = sharesOf(order, wanted);
    if (count < 1n || count < BigInt(order.cumQty)) return none(count < 1n ? "no share would be left of it" : "more of it is done than that");
    if (count !== BigInt(order.quantity)) change.quantity = Number(count);
    return Object.keys(change).length ? { order, change, why: "" } : none("nothing is changed");
  });
}
