// Orders that the types must refuse: each line without its error is one itself.
import type { components } from "./contract.js";

type Order = components["schemas"]["OrderRequest"];
const order: Order = {
  clientOrderId: "c", accountId: "A", symbol: "S", side: "BUY", orderType: "MARKET", quantity: 1,
};
// @ts-expect-error a side is BUY or SELL
export const side: Order = { ...order, side: "HOLD" };
// @ts-expect-error a quantity is a number
export const quantity: Order = { ...order, quantity: "1" };
// @ts-expect-error an order has no such field
export const field: Order = { ...order, stopLimit: "1.00" };
// @ts-expect-error an order has a symbol
export const missing: Order = { clientOrderId: "c", accountId: "A", side: "BUY", orderType: "MARKET", quantity: 1 };
