// What risk and routing say, as sentences: `CODE: key=value, key=value` with what the code means before it.
import { upTo } from "../ui/numbers";
import { CHECKED, MEANS } from "./denials";

const NUMBER = /^-?\d+(\.\d+)?$/;
// A switch's own id says nothing to a trader: what it stops and why do.
const SWITCH = /^switch=[0-9a-f-]{36}$/;
const STOPPED = "stopped by a kill switch: ";

function figure(text: string): string {
  return NUMBER.test(text) ? upTo(text, 6) : text;
}

/** Return a reason in words. A text without a code that is known stays as it is. */
export function reasonInWords(text: string): string {
  const [code = "", rest = ""] = text.split(/:\s*(.*)/s);
  const means = MEANS[code];
  if (means === undefined) return text;
  const figures = rest.split(/,\s+/).filter(pair => pair && !SWITCH.test(pair)).map(pair => pair.replace(/^(\w+)=(.*)$/s, (_, name: string, value: string) => `${name.replaceAll("_", " ")} ${name === "scope" ? value.replaceAll("=", " ") : figure(value)}`));
  return figures.length ? `${means.replace(/\.$/, "")} (${figures.join(", ")}).` : means;
}

/** Return what a door says of a kill switch as risk would say it, other text as it is. */
export const refusalInWords = (detail: string): string => (detail.startsWith(STOPPED) ? reasonInWords(`KILLED: ${detail.slice(STOPPED.length)}`) : detail);

/** Return what the router says with separators in its numbers, and codes and names of values as words. */
export const plainWords = (text: string | undefined): string =>
  (text ?? "").replace(/(?<![\w.,-])\d{4,}(?![\w-])/g, count => upTo(count, 0))
    .replace(/\b[A-Z]+(?:_[A-Z]+)+\b/g, code => code.toLowerCase().replaceAll("_", " "))
    .replace(/\b([a-z][a-z_]*)=/g, (_, name: string) => `${name.replaceAll("_", " ")} `);

/** Return what a rule of risk looks at. */
export const ruleInWords = (rule: string): string => CHECKED[rule] ?? rule.toLowerCase().replaceAll("_", " ");

/** Return how an order stands, in words. */
export const statusInWords = (status: string): string =>
  ({ NEW: "New", ACKNOWLEDGED: "Working", PARTIALLY_FILLED: "Part filled", FILLED: "Filled", PENDING_CANCEL: "Canceling", PENDING_REPLACE: "Changing",
    CANCELED: "Canceled", REJECTED: "Rejected", EXPIRED: "Expired", SUSPENDED: "Suspended" })[status] ?? status;

/** Return a side in words. */
export const sideInWords = (side: string): string => ({ BUY: "Buy", SELL: "Sell", SELL_SHORT: "Sell short", SELL_SHORT_EXEMPT: "Sell short exempt" })[side] ?? side;

/** Return whether a side buys. */
export const isBuy = (side: string): boolean => side === "BUY";
