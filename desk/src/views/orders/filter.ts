// Which orders the list shows: of a kind, and with every word of the search in them. Without a browser.
import { isOpen, type OrderRow } from "../../store/orders";

export type Which = "all" | "open" | "filled" | "refused";
export const PICKS: Readonly<Record<Which, { readonly title: string; readonly fits: (order: OrderRow) => boolean }>> = {
  all: { title: "All", fits: () => true },
  open: { title: "Open", fits: isOpen },
  filled: { title: "Filled", fits: order => order.cumQty > 0 },
  refused: { title: "Rejected", fits: order => order.status === "REJECTED" },
};

/** Return the words of a search. */
export const wordsOf = (text: string): readonly string[] => text.trim().toLowerCase().split(/\s+/).filter(Boolean);

/** Whether an order is of a kind and has every word somewhere. */
export function passes(order: OrderRow, which: Which, words: readonly string[]): boolean {
  if (!PICKS[which].fits(order)) return false;
  if (!words.length) return true;
  const all = [order.symbol, order.accountId, order.side, order.status, order.text, order.basketId, order.clientOrderId, order.principal, order.orderId].join(" ").toLowerCase();
  return words.every(word => all.includes(word));
}
