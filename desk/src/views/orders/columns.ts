// The columns of the list of orders.
import { instruments } from "../../store/desk";
import { isOpen, type OrderRow } from "../../store/orders";
import type { GridColumn } from "../../ui/grid";
import { NONE, percent, plain, price, shares } from "../../ui/numbers";
import { clock, whole } from "../../ui/time";
import { isBuy, reasonInWords, sideInWords, statusInWords } from "../../words/reasons";

const tickOf = (order: OrderRow): string => instruments.value.get(order.symbol)?.tickSize ?? "0.01";

/** Return an order's type and price as a desk says it: "228.10", "Market", "Stop 229.00", "Peg primary −0.02". */
export function priceInWords(order: OrderRow): string {
  const tick = tickOf(order);
  switch (order.orderType) {
    case undefined: return "";
    case "MARKET": return "Market";
    case "LIMIT": return price(order.limitPrice, tick);
    case "STOP": return `Stop ${price(order.stopPrice, tick)}`;
    case "STOP_LIMIT": return `Stop ${price(order.stopPrice, tick)} limit ${price(order.limitPrice, tick)}`;
    default: {
      const peg = order.peg as Record<string, string> | null | undefined;
      return `Peg ${(peg?.["type"] ?? "").toLowerCase()}${peg?.["offset"] && Number(peg["offset"]) ? ` ${plain(peg["offset"])}` : ""}`;
    }
  }
}

/** Return how an order is worked: its algo, or its routing profile. */
export function strategyOf(order: OrderRow): string {
  const algo = order.algo as Record<string, unknown> | null | undefined;
  const routing = order.routing as Record<string, unknown> | null | undefined;
  return String(algo?.["strategy"] ?? routing?.["profile"] ?? "");
}

const TONES: Readonly<Record<string, string>> = { FILLED: "good", PARTIALLY_FILLED: "good", REJECTED: "bad", CANCELED: "soft", EXPIRED: "soft", PENDING_CANCEL: "warn", PENDING_REPLACE: "warn", SUSPENDED: "warn" };

export const COLUMNS: readonly GridColumn<OrderRow>[] = [
  { id: "time", title: "Time", width: 84, value: order => order.createdAt, text: order => clock(order.createdAt), tip: order => whole(order.createdAt) },
  { id: "symbol", title: "Symbol", width: 62, value: order => order.symbol, tone: () => "strong" },
  { id: "side", title: "Side", width: 78, value: order => order.side, text: order => sideInWords(order.side), tip: order => sideInWords(order.side), tone: order => (isBuy(order.side) ? "buy" : "sell") },
  { id: "quantity", title: "Quantity", width: 70, value: order => order.quantity, text: order => shares(order.quantity), isNumber: true, isSummed: true },
  { id: "price", title: "Price", width: 84, value: order => (order.limitPrice ? Number(order.limitPrice) : null), text: priceInWords, isNumber: true },
  { id: "status", title: "Status", width: 84, value: order => order.status, text: order => statusInWords(order.status), tone: order => TONES[order.status] ?? "" },
  { id: "filled", title: "Filled", width: 62, value: order => order.cumQty, text: order => shares(order.cumQty), isNumber: true, isSummed: true },
  { id: "average", title: "Average", width: 74, value: order => (order.avgPx ? Number(order.avgPx) : null), text: order => (order.avgPx ? price(order.avgPx, tickOf(order), 4) : NONE), isNumber: true },
  { id: "reason", title: "Reason", width: 240, grows: true, value: order => order.text, text: order => reasonInWords(order.text), tip: order => reasonInWords(order.text), tone: order => (order.status === "REJECTED" ? "bad" : "") },
  { id: "account", title: "Account", width: 104, value: order => order.accountId },
  { id: "tif", title: "Good", width: 48, value: order => order.timeInForce ?? null },
  { id: "strategy", title: "Worked by", width: 76, value: strategyOf },
  { id: "leaves", title: "Open", width: 62, value: order => order.leavesQty, text: order => (isOpen(order) ? shares(order.leavesQty) : ""), isNumber: true, isSummed: true },
  { id: "done", title: "Done", width: 54, value: order => percent(order.cumQty, order.quantity), text: order => `${Math.round(percent(order.cumQty, order.quantity))} %`, isNumber: true },
  { id: "basket", title: "Basket", width: 90, value: order => order.basketId ?? null },
  { id: "trader", title: "Trader", width: 80, value: order => order.principal ?? null },
  { id: "channel", title: "Door", width: 60, value: order => order.channel ?? null, isHidden: true },
  { id: "client", title: "Client's id", width: 150, value: order => order.clientOrderId ?? null, isHidden: true },
  { id: "updated", title: "Changed", width: 84, value: order => order.updatedAt, text: order => clock(order.updatedAt), tip: order => whole(order.updatedAt) },
  { id: "sequence", title: "Event", width: 50, value: order => order.sequence, isNumber: true, isHidden: true },
  { id: "id", title: "Order", width: 90, value: order => order.orderId, text: order => order.orderId.slice(-8), tip: order => order.orderId },
];

/** What the list can be grouped by. */
export const GROUPS: Readonly<Record<string, { readonly title: string; readonly of: (order: OrderRow) => string }>> = {
  symbol: { title: "symbol", of: order => order.symbol },
  account: { title: "account", of: order => order.accountId },
  basket: { title: "basket", of: order => order.basketId ?? "no basket" },
  status: { title: "status", of: order => statusInWords(order.status) },
  trader: { title: "trader", of: order => order.principal ?? "?" },
};
