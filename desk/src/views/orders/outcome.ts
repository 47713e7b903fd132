// What became of the order that a ticket sent last, in a line.
//
// The law of this file: an order that is over says so, however it ended. "Stored" stands for one that is still worked.
import { price, shares } from "../../ui/numbers";
import { reasonInWords, sideInWords, statusInWords } from "../../words/reasons";
import { isOpen, type OrderRow } from "../../store/orders";

export interface Outcome {
  readonly tone: "good" | "bad" | "soft";
  readonly text: string;
}

/** Return how an order ended, null while it is open. Bad is what did nothing of what was asked for. */
export function endOf(order: Pick<OrderRow, "status" | "side" | "symbol" | "quantity" | "cumQty" | "avgPx" | "text">): Outcome | null {
  if (isOpen(order)) return null;
  const wanted = `${sideInWords(order.side)} ${shares(order.quantity)} ${order.symbol}`;
  const at = ` at ${price(order.avgPx, "0.01", 4)}`;
  const why = order.text ? `: ${reasonInWords(order.text)}` : "";
  if (order.status === "REJECTED") return { tone: "bad", text: `Rejected${why}` };
  if (order.status === "FILLED") return { tone: "good", text: `Filled: ${sideInWords(order.side)} ${shares(order.cumQty)} ${order.symbol}${at}` };
  const done = order.cumQty > 0 ? `${shares(order.cumQty)} filled${at}` : "nothing filled";
  return { tone: order.cumQty > 0 ? "soft" : "bad", text: `${statusInWords(order.status)}, ${done}, ${wanted}${why}` };
}
