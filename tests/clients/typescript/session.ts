// Places, lists, gets and cancels an order with the generated types; what it finds goes out as JSON.
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./contract.js";

// A list is also there as CSV: without these two its answer could be a text.
type Media = "application/json" | "application/problem+json";
const client = createClient<paths, Media>({
  baseUrl: process.env["OMS_URL"]!,
  headers: { Authorization: `Bearer ${process.env["OMS_TOKEN"]}` },
});

function answered<T>(answer: { data?: T; error?: components["schemas"]["Problem"]; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${answer.error?.detail}`);
  return answer.data;
}

const order: components["schemas"]["OrderRequest"] = {
  clientOrderId: `ts-${randomUUID()}`,
  accountId: "ACC-INST-001",
  symbol: "AAPL",
  side: "BUY",
  orderType: "LIMIT",
  quantity: 100,
  limitPrice: process.env["OMS_LIMIT_PRICE"]!,
};
const placed = answered(await client.POST("/api/v1/orders", { body: order }));
const again = answered(await client.POST("/api/v1/orders", { body: order }));
if (again.created) throw new Error("expected the same order, found another one");
const query = { clientOrderId: order.clientOrderId, side: "BUY", open: true } as const;
const page = answered(await client.GET("/api/v1/orders", { params: { query } }));
const path = { orderId: placed.orderId };
const found = answered(await client.GET("/api/v1/orders/{orderId}", { params: { path } }));
const canceled = answered(await client.DELETE("/api/v1/orders/{orderId}", { params: { path } }));
const unknown = await client.GET("/api/v1/orders/{orderId}", { params: { path: { orderId: randomUUID() } } });
console.log(
  JSON.stringify({
    orderId: placed.orderId,
    listed: page.orders.map((one) => one.orderId),
    limitPrice: found.limitPrice,
    canceled: canceled.orderId,
    refused: unknown.error?.code,
  }),
);
