// Orders and executions: what is newer by its sequence wins, whichever way it came.
//
// The law of this file: what is held has a bound. Every open order is; of what has closed the newest CLOSED_MAX, of executions the
// newest EXECUTIONS_MAX, each by a tenth more before the oldest go.
import type { Execution, Order } from "../api/types";
import { timeOf } from "../api/ids";
import type { EventTerms, OrderEvent } from "../stream/messages";
import { Table } from "./table";

type Known = "orderId" | "accountId" | "symbol" | "side" | "quantity" | "status" | "cumQty" | "leavesQty" | "avgPx" | "text" | "sequence" | "createdAt" | "updatedAt";
/** An order as far as it is known: events carry no terms, so that of one that only they told of the list says the rest. */
export type OrderRow = Pick<Order, Known> & Partial<Omit<Order, Known>>;

export const CLOSED: readonly string[] = ["FILLED", "CANCELED", "REJECTED", "EXPIRED"];
export const EXECUTIONS_MAX = 5_000;
export const CLOSED_MAX = 20_000;

export const orders = new Table<OrderRow>();
export const executions = new Table<Execution>();
// Orders whose every further change the present stream brings.
let sure = new Set<string>();
// Of these no list has said the terms yet.
const unread = new Set<string>();
const closed = new Set<string>();

export const isOpen = (order: Pick<OrderRow, "status">): boolean => !CLOSED.includes(order.status);
const short = (name: string): string => name.replace(/^(ORDER_STATUS_|SIDE_|ORDER_TYPE_|TIME_IN_FORCE_)/, "");
const dollars = (micros: number | string): string => (Number(micros) / 1e6).toFixed(6).replace(/\.?0+$/, "");

function put(order: OrderRow): void {
  orders.set(order.orderId, order);
  if (order.orderType === undefined) unread.add(order.orderId);
  else unread.delete(order.orderId);
  if (isOpen(order)) closed.delete(order.orderId);
  else closed.add(order.orderId);
  if (closed.size > CLOSED_MAX * 1.1)
    // Ids are in the order in which they were given.
    for (const orderId of [...closed].sort().slice(0, closed.size - CLOSED_MAX)) forget(orderId);
}

function forget(orderId: string): void {
  orders.delete(orderId);
  sure.delete(orderId);
  unread.delete(orderId);
  closed.delete(orderId);
}

/** Take an order from a list or a snapshot. isSure: the stream tells what follows. */
export function merge(order: OrderRow, isSure: boolean): void {
  const known = orders.get(order.orderId);
  if (isSure) sure.add(order.orderId);
  const isNewer = !known || order.sequence >= known.sequence;
  const merged: OrderRow = isNewer ? { ...known, ...order } : { ...order, ...known };
  if (!known || isNewer || known.orderType === undefined) put(merged);
}

function replaced(terms: EventTerms): Partial<OrderRow> {
  return {
    ...(terms.orderType === undefined ? {} : { orderType: short(terms.orderType) as Order["orderType"] }),
    ...(terms.timeInForce === undefined ? {} : { timeInForce: short(terms.timeInForce) as Order["timeInForce"] }),
    limitPrice: terms.limitPriceMicros === undefined ? null : dollars(terms.limitPriceMicros),
    stopPrice: terms.stopPriceMicros === undefined ? null : dollars(terms.stopPriceMicros),
    displayQty: terms.displayQuantity || null,
    expireAt: terms.expireAt ?? null,
  };
}

/** Take an event of the stream. */
export function apply(event: OrderEvent): void {
  const known = orders.get(event.orderId);
  sure.add(event.orderId);
  if (!known || event.sequence > known.sequence) {
    put({
      createdAt: timeOf(event.orderId),
      ...known,
      ...(event.orderReplaced ? replaced(event.orderReplaced.terms) : {}),
      orderId: event.orderId,
      accountId: event.accountId,
      symbol: event.symbol,
      side: short(event.side) as Order["side"],
      status: short(event.status) as Order["status"],
      quantity: event.quantity,
      cumQty: event.cumQty ?? 0,
      leavesQty: event.leavesQty ?? 0,
      avgPx: event.avgPx ?? null,
      text: event.text ?? "",
      sequence: event.sequence,
      updatedAt: event.occurredAt,
    });
  }
  executed(event);
}

function executed(event: OrderEvent): void {
  const trade = event.tradeApplied ?? event.tradeCorrected;
  if (!trade) return;
  const row: Execution = {
    orderId: event.orderId, sequence: event.sequence, accountId: event.accountId, venueId: trade.venueId, execId: trade.execId,
    clOrdId: trade.clOrdId, symbol: event.symbol, side: short(event.side) as Execution["side"], lastQty: trade.lastQty ?? 0,
    lastPx: dollars(trade.lastPxMicros ?? 0), transactTime: trade.transactTime ?? event.occurredAt,
    receivedAt: trade.receivedAt ?? event.occurredAt, recordedAt: event.occurredAt, fee: dollars(trade.feeMicros ?? 0),
    settlesOn: trade.settlesOn ?? null, lastLiquidity: trade.lastLiquidity ?? 0,
  };
  if (event.tradeCorrected) {
    const { execRefId } = event.tradeCorrected;
    for (const one of executions.values())
      if (one.orderId === event.orderId && one.venueId === trade.venueId && one.execId === execRefId) {
        if (row.lastQty === 0) executions.delete(keyOf(one));
        else executions.set(keyOf(one), { ...row, sequence: one.sequence, execId: one.execId });
      }
  } else if (row.lastQty > 0) keep(row);
}

const keyOf = (execution: Pick<Execution, "orderId" | "sequence">): string => `${execution.orderId} ${execution.sequence}`;

/** Take an execution. */
export function keep(execution: Execution): void {
  executions.set(keyOf(execution), execution);
  if (executions.size > EXECUTIONS_MAX * 1.1)
    // The map keeps the order in which they came.
    for (const id of [...executions.ids()].slice(0, executions.size - EXECUTIONS_MAX)) executions.delete(id);
}

/** Take that another connection begins: nobody vouches for anything until its snapshots are there. */
export function nothingIsSure(): void {
  sure = new Set();
}

/** Forget what is known of accounts: without a stream of theirs it would be old. */
export function forgetAccounts(accounts: readonly string[]): void {
  const gone = new Set(accounts);
  for (const order of [...orders.values()]) if (gone.has(order.accountId)) forget(order.orderId);
  for (const execution of [...executions.values()]) if (gone.has(execution.accountId)) executions.delete(keyOf(execution));
}

/** Forget everything. */
export function forgetOrders(): void {
  orders.clear();
  executions.clear();
  unread.clear();
  closed.clear();
  nothingIsSure();
}

/** Return the orders that are shown as open and for which nobody vouches: they have closed meanwhile, or are just being placed. */
export function inDoubt(): readonly string[] {
  return [...orders.values()].filter(order => isOpen(order) && !sure.has(order.orderId)).map(order => order.orderId);
}

/** The orders whose terms are not known yet. */
export const unreadOrders = (): readonly string[] => [...unread];
/** Whether there are such. */
export const hasUnread = (): boolean => unread.size > 0;
/** Take that an order's terms cannot be read. */
export const unreadable = (orderId: string): void => void unread.delete(orderId);
