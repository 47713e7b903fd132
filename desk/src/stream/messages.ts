// What is said on the WebSocket, as docs/asyncapi.yaml has it.
import type { Execution, Order, Quote } from "../api/types";

/** The terms of an order as events carry them: prices in micros. */
export interface EventTerms {
  readonly orderType?: string;
  readonly timeInForce?: string;
  readonly quantity?: number;
  readonly limitPriceMicros?: number | string;
  readonly stopPriceMicros?: number | string;
  readonly displayQuantity?: number;
  readonly expireAt?: string;
}

interface TradeBody {
  readonly venueId: string;
  readonly execId: string;
  readonly clOrdId: string;
  readonly lastQty?: number;
  readonly lastPxMicros?: number | string;
  readonly transactTime?: string;
  readonly receivedAt?: string;
  readonly lastLiquidity?: number;
  readonly feeMicros?: number | string;
  readonly settlesOn?: string;
}

/** One state change of an order; what is 0 or empty is left out. */
export interface OrderEvent {
  readonly eventId: string;
  readonly orderId: string;
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly sequence: number;
  readonly streamSequence: number;
  readonly type: string;
  readonly status: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: number;
  readonly cumQty?: number;
  readonly leavesQty?: number;
  readonly avgPx?: string;
  readonly text?: string;
  readonly occurredAt: string;
  readonly requestId?: string;
  readonly orderReplaced?: { readonly terms: EventTerms };
  readonly tradeApplied?: TradeBody;
  readonly tradeCorrected?: TradeBody & { readonly execRefId: string };
}

export interface StreamedPosition {
  readonly accountId: string;
  readonly symbol: string;
  readonly quantity: number;
  readonly cost: string;
  readonly realizedPnl: string;
  readonly netCash: string;
  readonly updatedAt: string;
  readonly fees: string;
  readonly opened: string;
  readonly mark: string | null;
  readonly markSource: string;
  readonly markAt: string | null;
  readonly markReason: string;
  readonly stale: boolean;
  readonly unrealizedPnl: string | null;
  readonly totalPnl: string | null;
}

export interface Alert {
  readonly alertId: string;
  readonly kind: string;
  readonly open: boolean;
  readonly accountId: string | null;
  readonly venueId: string | null;
  readonly symbol: string | null;
  readonly raisedAt: string;
  readonly text: string;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly fields: readonly { readonly field: string; readonly message: string }[];
}

export interface Snapshot {
  readonly type: "snapshot";
  readonly accountId: string;
  readonly streamSequence: number;
  readonly epoch: string;
  readonly orders: readonly Order[] | null;
  readonly executions: readonly Execution[] | null;
}

export type ServerMessage =
  | { readonly type: "authenticated"; readonly expiresAt: string }
  | { readonly type: "subscribed"; readonly channels: readonly string[]; readonly accounts: readonly string[]; readonly symbols: readonly string[]; readonly epoch: string }
  | { readonly type: "unsubscribed"; readonly channels: readonly string[]; readonly accounts: readonly string[]; readonly symbols: readonly string[] }
  | Snapshot
  | { readonly type: "resync"; readonly accounts: readonly string[]; readonly epoch: string }
  | { readonly type: "events"; readonly events: readonly OrderEvent[] }
  | { readonly type: "positions"; readonly snapshot: boolean; readonly accounts?: readonly string[]; readonly positions: readonly StreamedPosition[] }
  | { readonly type: "quotes"; readonly snapshot: boolean; readonly live: boolean; readonly symbols?: readonly string[]; readonly quotes: readonly Quote[] }
  | { readonly type: "alerts"; readonly snapshot: boolean; readonly alerts: readonly Alert[] }
  | { readonly type: "heartbeat"; readonly timestamp: string }
  | { readonly type: "pong" }
  | { readonly type: "error"; readonly error: Refusal };

export type ClientMessage =
  | { readonly type: "auth"; readonly token: string }
  | { readonly type: "ping" }
  | { readonly type: "subscribe"; readonly channels: readonly string[]; readonly accounts?: readonly string[]; readonly symbols?: readonly string[]; readonly snapshot?: boolean }
  | { readonly type: "unsubscribe"; readonly channels: readonly string[]; readonly accounts?: readonly string[]; readonly symbols?: readonly string[] };
