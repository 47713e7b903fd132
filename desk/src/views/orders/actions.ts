// What is asked about orders that are there: cancel, suspend, resume, change; each request once.
//
// The law of this file: a request has an id of its own, so that however often it is sent it is done once. What is asked of
// orders names those orders, and no others that have come since.
import { call, type AnswerOf } from "../../api/client";
import { inWords } from "../../api/problems";
import { uuid7 } from "../../api/ids";
import type { ReplaceRequest, RequestedMany, RiskVerdict } from "../../api/types";
import { may } from "../../store/desk";
import { isOpen, orders, type OrderRow } from "../../store/orders";
import { ask } from "../../ui/ask";
import { shares } from "../../ui/numbers";
import { say } from "../../ui/toasts";
import { sideInWords } from "../../words/reasons";

export type Wish = "cancel" | "suspend" | "resume";

// As many as an address may name.
const NAMED_MAX = 100;
const WORDS: Readonly<Record<Wish, { readonly asked: string; readonly right: string; readonly fits: (order: OrderRow) => boolean }>> = {
  cancel: { asked: "Cancel", right: "cancel", fits: order => isOpen(order) && order.status !== "PENDING_CANCEL" },
  suspend: { asked: "Suspend", right: "cancel", fits: order => isOpen(order) && order.status !== "SUSPENDED" && order.status !== "PENDING_CANCEL" },
  resume: { asked: "Resume", right: "trade", fits: order => order.status === "SUSPENDED" },
};
const busy = new Set<Wish>();

/** Return those of these orders to which a wish can be put. */
export const fitting = (wish: Wish, ids: Iterable<string>): readonly OrderRow[] =>
  [...ids].map(id => orders.get(id)).filter(order => order !== undefined).filter(order => WORDS[wish].fits(order));

export const mayAsk = (wish: Wish): boolean => may(WORDS[wish].right);

/** Put a wish to orders, after asking whether several are meant. */
export async function put(wish: Wish, ids: Iterable<string>): Promise<void> {
  if (busy.has(wish)) return;
  const meant = fitting(wish, ids);
  const { asked } = WORDS[wish];
  if (!meant.length) {
    say(`${asked}: none of these orders can be asked that now`);
    return;
  }
  if (meant.length > 1) {
    const open = meant.reduce((sum, order) => sum + order.leavesQty, 0);
    const named = meant.slice(0, 5).map(order => `${sideInWords(order.side)} ${shares(order.quantity)} ${order.symbol}, ${order.accountId}`);
    const rest = meant.length > 5 ? [`and ${shares(meant.length - 5)} more`] : [];
    if (!(await ask(`${asked} ${shares(meant.length)} orders?`, [`${shares(open)} shares are open.`, ...named, ...rest], `${asked} them`))) return;
  }
  busy.add(wish);
  try {
    await send(wish, meant.map(order => order.orderId));
  } finally {
    busy.delete(wish);
  }
}

async function send(wish: Wish, ids: readonly string[]): Promise<void> {
  const { asked } = WORDS[wish];
  let done = 0;
  const problems = new Map<string, number>();
  for (let first = 0; first < ids.length; first += NAMED_MAX) {
    const some = ids.slice(first, first + NAMED_MAX);
    try {
      for (const line of (await one(wish, some)).orders)
        if (line.error) problems.set(line.error.message, (problems.get(line.error.message) ?? 0) + 1);
        else done += 1;
    } catch (problem) {
      problems.set(inWords(problem), (problems.get(inWords(problem)) ?? 0) + some.length);
    }
  }
  if (done) say(`${asked} requested of ${shares(done)} order${done === 1 ? "" : "s"}`, "good");
  for (const [why, count] of problems) say(`${asked}: not done of ${shares(count)}: ${why}`, "bad");
}

function one(wish: Wish, orderId: readonly string[]): Promise<RequestedMany> {
  const asked = { query: { orderId: [...orderId] }, headers: { "Idempotency-Key": uuid7() }, repeats: true };
  switch (wish) {
    case "cancel": return call("delete", "/api/v1/orders", asked);
    case "suspend": return call("post", "/api/v1/orders/suspend", asked);
    case "resume": return call("post", "/api/v1/orders/resume", asked);
  }
}

/** Ask for an order to be changed. key: of this change, the same for each time it is sent. Returns what the gateway says. */
export async function replace(order: OrderRow, change: ReplaceRequest, key: string): Promise<string> {
  const answer = await call("patch", "/api/v1/orders/{orderId}", {
    path: { orderId: order.orderId }, body: change, headers: { "Idempotency-Key": key }, repeats: true,
  });
  return answer.message;
}

/** Return what risk would say of a change. */
export async function verdictOf(order: OrderRow, change: ReplaceRequest, signal: AbortSignal): Promise<RiskVerdict> {
  type Answer = AnswerOf<import("../../api/schema").paths["/api/v1/orders/{orderId}/replace/preview"]["post"]>;
  const answer: Answer = await call("post", "/api/v1/orders/{orderId}/replace/preview", { path: { orderId: order.orderId }, body: change, signal });
  return answer.risk;
}
