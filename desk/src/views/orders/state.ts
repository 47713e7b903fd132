// What the view of orders is about now: a symbol, an order, which rows are selected.
import { signal } from "@preact/signals";
import type { Grid } from "../../ui/grid";
import type { OrderRow } from "../../store/orders";

/** The order whose card is shown; empty for none. */
export const chosen = signal("");
export const selection = signal<ReadonlySet<string>>(new Set());
/** The order that the ticket has sent last; empty for none. */
export const sent = signal("");
export const isBasketOpen = signal(false);
/** The order that is being amended in the list; empty for none. */
export const amending = signal("");
/** The orders that one change is made of; empty for none. */
export const changing = signal<readonly string[]>([]);
export const grid: { current: Grid<OrderRow> | null } = { current: null };
