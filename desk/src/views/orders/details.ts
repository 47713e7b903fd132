// What is below an order in the list: its orders at venues, and its executions.
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import { instruments } from "../../store/desk";
import type { OrderRow } from "../../store/orders";
import type { Detail } from "../../ui/rows";
import { decimals, price, shares } from "../../ui/numbers";
import { clock } from "../../ui/time";
import { statusInWords } from "../../words/reasons";

type Below = Omit<Detail, "kind" | "of">;

/** Return the lines below an order, in the columns of the list. */
export async function detailsOf(order: OrderRow): Promise<readonly Below[]> {
  const path = { orderId: order.orderId };
  const tick = instruments.value.get(order.symbol)?.tickSize ?? "0.01";
  try {
    const [routes, fills] = await Promise.all([
      call("get", "/api/v1/orders/{orderId}/routes", { path }),
      call("get", "/api/v1/orders/{orderId}/executions", { path }),
    ]);
    const children: Below[] = routes.routes.flatMap(route => route.children).map(child => ({
      id: `${order.orderId} child ${child.clOrdId}`,
      texts: {
        time: `   ${clock(child.createdAt)}`, symbol: child.venueId, side: "child", quantity: shares(child.quantity), price: price(child.limitPrice, tick), status: statusInWords(child.status),
        filled: shares(child.cumQty), reason: `venue order ${child.venueOrderId || "not acknowledged"}, ${child.clOrdId}`, tif: child.timeInForce,
      },
    }));
    const executions: Below[] = fills.executions.map(fill => ({
      id: `${order.orderId} fill ${fill.sequence}`,
      texts: {
        time: `   ${clock(fill.transactTime)}`, symbol: fill.venueId, side: "fill", filled: shares(fill.lastQty), average: price(fill.lastPx, tick, 4),
        reason: `execution ${fill.execId}, fee ${decimals(fill.fee, 4)}`,
      },
    }));
    const found = [...children, ...executions];
    return found.length ? found : [{ id: `${order.orderId} none`, texts: { reason: "nothing was sent to a venue" } }];
  } catch (problem) {
    return [{ id: `${order.orderId} problem`, texts: { reason: `cannot be read: ${inWords(problem)}` } }];
  }
}
