// What the grid of positions shows.
import type { StreamedPosition } from "../../stream/messages";
import type { GridColumn } from "../../ui/grid";
import { money, NONE, price, shares } from "../../ui/numbers";
import { whole } from "../../ui/time";

const number = (text: string | null): number | null => (text === null ? null : Number(text));
const tone = (value: number | null): string => (value === null || value === 0 ? "" : value > 0 ? "good" : "bad");
// A sign beside the colour.
const gain = (value: number | null): string => (value === null ? NONE : `${value > 0 ? "+" : ""}${money(value)}`);

export const averageOf = (row: StreamedPosition): number | null => (row.quantity ? Number(row.cost) / row.quantity : null);
export const valueOf = (row: StreamedPosition): number | null => (row.mark === null ? null : row.quantity * Number(row.mark));
const SOURCES: Readonly<Record<string, string>> = { QUOTE: "quote", STALE: "old quote", REFERENCE: "reference price", NONE: "no price" };

export const columns: readonly GridColumn<StreamedPosition>[] = [
  { id: "account", title: "Account", width: 110, value: row => row.accountId },
  { id: "symbol", title: "Symbol", width: 70, value: row => row.symbol, tone: () => "strong" },
  { id: "quantity", title: "Shares", width: 90, isNumber: true, value: row => row.quantity, text: row => shares(row.quantity), tone: row => (row.quantity < 0 ? "sell" : row.quantity > 0 ? "buy" : "soft") },
  { id: "average", title: "Average", width: 85, isNumber: true, value: averageOf, text: row => { const found = averageOf(row); return found === null ? NONE : price(found, "0.0001", 4); } },
  { id: "mark", title: "Mark", width: 85, isNumber: true, value: row => number(row.mark), text: row => `${price(row.mark, "0.001")}${row.stale ? " *" : ""}`, tone: row => (row.stale ? "warn" : ""),
    tip: row => `${SOURCES[row.markSource] ?? row.markSource}${row.markAt ? `, ${whole(row.markAt)}` : ""}${row.markReason ? `: ${row.markReason}` : ""}` },
  { id: "value", title: "Value $", width: 110, isNumber: true, isSummed: true, sumText: money, value: valueOf, text: row => money(valueOf(row)) },
  { id: "unrealized", title: "Open gain $", width: 105, isNumber: true, isSummed: true, sumText: gain, value: row => number(row.unrealizedPnl), text: row => gain(number(row.unrealizedPnl)), tone: row => tone(number(row.unrealizedPnl)) },
  { id: "realized", title: "Closed gain $", width: 110, isNumber: true, isSummed: true, sumText: gain, value: row => Number(row.realizedPnl), text: row => gain(Number(row.realizedPnl)), tone: row => tone(Number(row.realizedPnl)) },
  { id: "total", title: "Gain $", width: 105, isNumber: true, isSummed: true, sumText: gain, value: row => number(row.totalPnl), text: row => gain(number(row.totalPnl)), tone: row => tone(number(row.totalPnl)) },
  { id: "fees", title: "Fees $", width: 85, isNumber: true, isSummed: true, sumText: money, value: row => Number(row.fees), text: row => money(row.fees) },
  { id: "source", title: "Mark from", width: 105, value: row => row.markSource, text: row => SOURCES[row.markSource] ?? row.markSource, tone: row => (row.stale ? "warn" : "soft") },
  { id: "cost", title: "Cost $", width: 110, isNumber: true, isSummed: true, sumText: money, isHidden: true, value: row => Number(row.cost), text: row => money(row.cost) },
  { id: "cash", title: "Net cash $", width: 110, isNumber: true, isSummed: true, sumText: money, isHidden: true, value: row => Number(row.netCash), text: row => money(row.netCash) },
  { id: "updated", title: "Changed", width: 90, isHidden: true, value: row => row.updatedAt, text: row => whole(row.updatedAt) },
];
