// Every view of the page, once: its name in the address, its title, its key, and the right that it takes.
import type { ComponentType } from "preact";
import { OrdersView } from "./orders/OrdersView";

export interface View {
  /** In the address, after #. */
  readonly name: string;
  readonly title: string;
  readonly hotkey: string;
  /** A right of docs/log-in.md, without which the view is not offered. */
  readonly right: string;
  readonly component: ComponentType;
}

export const VIEWS: readonly View[] = [
  { name: "orders", title: "Orders", hotkey: "Alt+1", right: "read", component: OrdersView },
];
