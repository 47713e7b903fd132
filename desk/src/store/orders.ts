// Orders and executions: what is newer by its sequence wins, whichever way it came.
//
// The law of this file: what is held has a bound. Every open order is; of what has closed the newest CLOSED_MAX of the person's own
// and the newest CLOSED_MAX of others, of executions the newest EXECUTIONS_MAX, each by a tenth more before the oldest go. What others
// do takes no order of one's own out of the list.
import type { Execution, Order } from "../api/types";
import { timeOf } from "../api/ids";
import type { EventTerms, OrderEvent } from "../stream/messages";
import { Table } from "./table";

type Known = "orderId" | "accountId" | "symbol" | "side" | "quantity" | "status" | "cumQty" | "leavesQty" | "avgPx" | "text" | "sequence" | "createdAt" | "updatedAt";
/** An order as far as it is known: events carry no terms, so that of one that only they told of the list says the rest. */
export type OrderRow = Pick<Order, Known> & Partial<Omit<Order, Known>>;

/** What a person asks for as an order: its terms, as far as they say them. */
export type Asked = Pick<Order, "accountId" | "symbol" | "side" | "quantity" | "clientOrderId"> & Partial<Omit<OrderRow, Known>>;

export const CLOSED: readonly string[] = ["FILLED", "CANCELED", "REJECTED", "EXPIRED"];
export const EXECUTIONS_MAX = 5_000;
export const CLOSED_MAX = 20_000;

export const orders = new Table<OrderRow>();
export const executions = new Table<Execution>();
// Orders whose every further change the present stream brings.
let sure = new Set<string>();
// What this page is sending, as far as whoever sends it can say, by account and client order id: an event may come ahead of the answer.
const SENDING_MAX = 1_000;
const onTheirWay = new Map<string, Asked>();
// Of these the list has yet to say the terms, as they are since the event of this sequence.
const unread = new Map<string, number>();
const closedOwn = new Set<string>();
const closedOfOthers = new Set<string>();
let owner = "";

/** Say whose orders are the person's own. */
export function belongTo(principal: string): void {
  owner = principal;
}

export const isOpen = (order: Pick<OrderRow, "status">): boolean => !CLOSED.includes(order.status);
const short = (name: string): string => name.replace(/^(ORDER_STATUS_|SIDE_|ORDER_TYPE_|TIME_IN_FORCE_)/, "");
const dollars = (micros: number | string): string => String(Number(micros) / 1e6);

function put(order: OrderRow): void {
  orders.set(order.orderId, order);
  closedOwn.delete(order.orderId);
  closedOfOthers.delete(order.orderId);
  if (isOpen(order)) return;
  const closed = owner !== "" && order.principal === owner ? closedOwn : closedOfOthers;
  closed.add(order.orderId);
  if (closed.size > CLOSED_MAX * 1.1)
    // Ids are in the order in which they were given.
    for (const orderId of [...closed].sort().slice(0, closed.size - CLOSED_MAX)) forget(orderId);
}

function forget(orderId: string): void {
  orders.delete(orderId);
  sure.delete(orderId);
  unread.delete(orderId);
  closedOwn.delete(orderId);
  closedOfOthers.delete(orderId);
}

/** What events tell of an order; the rest of it are its terms. */
const stateOf = ({ status, quantity, cumQty, leavesQty, avgPx, text, sequence, updatedAt }: OrderRow) => ({ status, quantity, cumQty, leavesQty, avgPx, text, sequence, updatedAt });

/** Take an order from a list or a snapshot, which say all of its terms. isSure: the stream tells what follows. */
export function merge(order: Order, isSure: boolean): void {
  const known = orders.get(order.orderId);
  if (isSure) sure.add(order.orderId);
  const termsSince = unread.get(order.orderId);
  const isRead = termsSince !== undefined && order.sequence >= termsSince;
  if (isRead) unread.delete(order.orderId);
  if (!known || order.sequence > known.sequence) put({ ...known, ...order });
  // A list may be behind the stream in what has become of an order, and yet say what no event does.
  else if (isRead) put({ ...known, ...order, ...stateOf(known) });
  else if (termsSince !== undefined) put({ ...order, ...known });
}

const wayOf = ({ accountId, clientOrderId }: Pick<Asked, "accountId" | "clientOrderId">): string => `${accountId} ${clientOrderId}`;

/** Take that an order is being sent. */
export function sending(order: Asked): void {
  onTheirWay.set(wayOf(order), order);
  // The map keeps the order in which they came.
  if (onTheirWay.size > SENDING_MAX) for (const first of onTheirWay.keys()) return void onTheirWay.delete(first);
}

/** Return what is known of an order of which nothing but an event has come: what this page is sending as that. */
function askedAs(event: OrderEvent): Asked | undefined {
  const asked = onTheirWay.get(wayOf(event));
  return asked && asked.symbol === event.symbol && asked.side === short(event.side) && asked.quantity === event.quantity ? asked : undefined;
}

/** Take an order that was sent just now, as far as whoever sent it can say; its terms the list has yet to. */
export function sent(order: OrderRow & { readonly clientOrderId: string }, isSure: boolean): void {
  onTheirWay.delete(wayOf(order));
  const known = orders.get(order.orderId);
  if (isSure) sure.add(order.orderId);
  if (!known) unread.set(order.orderId, 0);
  else if (!unread.has(order.orderId)) return;
  put({ ...order, ...known });
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
    if (!known) unread.set(event.orderId, 0);
    // Not all that may be changed is read from the event.
    else if (event.orderReplaced) unread.set(event.orderId, event.sequence);
    put({
      createdAt: timeOf(event.orderId),
      ...(known ?? askedAs(event)),
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
  onTheirWay.clear();
  unread.clear();
  closedOwn.clear();
  closedOfOthers.clear();
  nothingIsSure();
}

/** Return the orders that are shown as open and for which nobody vouches: they have closed meanwhile, or are just being placed. */
export function inDoubt(): readonly string[] {
  return [...orders.values()].filter(order => isOpen(order) && !sure.has(order.orderId)).map(order => order.orderId);
}

/** The orders whose terms are not known yet. */
export const unreadOrders = (): readonly string[] => [...unread.keys()];
/** Whether there are such. */
export const hasUnread = (): boolean => unread.size > 0;
/** Take that an order's terms cannot be read. */
export const unreadable = (orderId: string): void => void unread.delete(orderId);
