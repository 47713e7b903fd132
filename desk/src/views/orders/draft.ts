// The ticket of the page: one draft, which watch list, ladder and keys fill.
import { signal } from "@preact/signals";
import { ownAccount, ownSymbol } from "../../ui/settings";
import { isBuy } from "../../words/reasons";
import { changed, EMPTY, type Draft } from "./order";

export const draft = signal<Draft>({ ...EMPTY, accountId: ownAccount.value, symbol: ownSymbol.value });

/** Change the ticket. */
export function set(change: Partial<Draft>): void {
  draft.value = changed(draft.value, change);
}

/** Look at a symbol: in the ladder, and in the ticket. */
export function look(symbol: string): void {
  if (symbol === draft.value.symbol) return;
  ownSymbol.value = symbol;
  set({ symbol, limitPrice: "", stopPrice: "" });
}

/** Take a price out of the book: an offer is bought, a bid is sold to. Who sells short goes on selling short. */
export function take(side: "BUY" | "SELL", price: string): void {
  const { orderType: kind, side: now } = draft.value;
  set({ side: side === "SELL" && !isBuy(now) ? now : side, limitPrice: price, ...(kind === "LIMIT" || kind === "STOP_LIMIT" || kind === "PEGGED" ? {} : { orderType: "LIMIT" }) });
}
