// Every view of the page, once: its name in the address, its title, its key, and the right that it takes.
import type { ComponentType } from "preact";
import { AdminView } from "./admin/AdminView";
import { ControlsView } from "./controls/ControlsView";
import { OrdersView } from "./orders/OrdersView";
import { PositionsView } from "./positions/PositionsView";
import { QualityView } from "./quality/QualityView";
import { RiskView } from "./risk/RiskView";
import { VenuesView } from "./venues/VenuesView";

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
  { name: "positions", title: "Positions", hotkey: "Alt+2", right: "read", component: PositionsView },
  { name: "risk", title: "Risk", hotkey: "Alt+3", right: "read", component: RiskView },
  { name: "controls", title: "Controls", hotkey: "Alt+4", right: "read", component: ControlsView },
  { name: "venues", title: "Venues", hotkey: "Alt+5", right: "read", component: VenuesView },
  { name: "quality", title: "Quality", hotkey: "Alt+6", right: "read", component: QualityView },
  { name: "admin", title: "Admin", hotkey: "Alt+7", right: "read", component: AdminView },
];
