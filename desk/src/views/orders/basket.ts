// A list of orders as text: CSV or what a spreadsheet copies, whose first line names fields as REST does. Without a browser.
//
// The law of this file: any text gives orders or problems by line, and never an exception. The cells are those of
// `oms basket` (oms_tools/cli/basket_file.py), which a test holds.
import type { OrderRequest } from "../../api/types";

export const ORDERS_MAX = 500;
type Kind = "text" | "name" | "names" | "whole" | "flag";
export const CELLS: Readonly<Record<string, Kind>> = {
  clientOrderId: "text", accountId: "text", symbol: "name", side: "name", orderType: "name", quantity: "whole", minQuantity: "whole", limitPrice: "text",
  stopPrice: "text", timeInForce: "name", expireDate: "text", expireTime: "text", "routing.profile": "text", "routing.avoid": "names", "routing.prefer": "names",
  capacity: "name", locateId: "text", displayQty: "whole", postOnly: "flag", "algo.strategy": "name", "algo.startAt": "text", "algo.endAt": "text",
  "algo.participationBps": "whole", "algo.urgency": "whole", "algo.slices": "whole", "algo.seed": "whole", "peg.type": "name", "peg.offset": "text", basketId: "text",
};
const REQUIRED = ["symbol", "side", "quantity"] as const;

export interface BasketLine {
  /** Of the text, 1 for the first. */
  readonly number: number;
  readonly order: OrderRequest;
}
export interface BasketProblem {
  readonly number: number;
  readonly message: string;
}
export interface Basket {
  readonly lines: readonly BasketLine[];
  readonly problems: readonly BasketProblem[];
}

/** Return the cells of a text by line: quoted as RFC 4180 has it, between tabs where the first line has one, else between commas. */
export function cellsOf(text: string): string[][] {
  const rows: string[][] = [];
  const end = text.indexOf("\n");
  const between = text.slice(0, end < 0 ? undefined : end).includes("\t") ? "\t" : ",";
  let row: string[] = [];
  let cell = "";
  let isQuoted = false;
  for (let place = 0; place < text.length; place += 1) {
    const letter = text[place] ?? "";
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[place + 1] === '"') {
        cell += '"';
        place += 1;
      } else isQuoted = false;
    } else if (letter === '"' && cell === "") isQuoted = true;
    else if (letter === between) {
      row.push(cell);
      cell = "";
    } else if (letter === "\n") {
      rows.push([...row, cell]);
      row = [];
      cell = "";
    } else if (letter !== "\r") cell += letter;
  }
  if (cell || row.length) rows.push([...row, cell]);
  return rows;
}

function read(kind: Kind, text: string): unknown {
  switch (kind) {
    case "text": return text;
    case "name": return text.toUpperCase();
    case "names": return text.toUpperCase().split(/[\s,]+/).filter(Boolean);
    case "whole": return /^\d{1,3}(,\d{3})+$|^\d+$/.test(text) ? Number(text.replaceAll(",", "")) : undefined;
    case "flag": return /^(true|yes|1)$/i.test(text) ? true : /^(false|no|0)$/i.test(text) ? false : undefined;
  }
}

/** Read a list. name: of the list, its basketId and the beginning of ids; account, timeInForce: where a line has none. */
export function basketOf(text: string, defaults: { readonly name: string; readonly account: string; readonly timeInForce: string }): Basket {
  const [heads = [], ...rows] = cellsOf(text.replace(/^\uFEFF/, ""));
  const fields = heads.map(head => head.trim());
  const problems: BasketProblem[] = [];
  fields.forEach((field, place) => {
    if (!(field in CELLS) && !/^tags\..+/.test(field)) problems.push({ number: 1, message: `unknown field "${field}"` });
    if (fields.indexOf(field) !== place) problems.push({ number: 1, message: `"${field}" is there twice` });
  });
  for (const field of REQUIRED) if (!fields.includes(field)) problems.push({ number: 1, message: `no column "${field}"` });
  if (problems.length) return { lines: [], problems };
  const lines: BasketLine[] = [];
  rows.forEach((row, place) => {
    const number = place + 2;
    if (row.every(cell => !cell.trim())) return;
    if (row.length > fields.length) problems.push({ number, message: `${row.length} cells, expected ${fields.length}` });
    const order: Record<string, unknown> = {};
    fields.forEach((field, column) => {
      const cell = (row[column] ?? "").trim();
      if (!cell) return;
      const value = read(CELLS[field] ?? "text", cell);
      if (value === undefined) problems.push({ number, message: `${field}: expected ${CELLS[field] === "flag" ? "true or false" : "a whole number"}, was "${cell}"` });
      const [part = "", inner] = field.split(/\.(.*)/s);
      if (inner === undefined) order[part] = value;
      else order[part] = { ...(order[part] as object | undefined), [inner]: value };
    });
    for (const field of REQUIRED) if (order[field] === undefined && !problems.some(one => one.number === number)) problems.push({ number, message: `${field} is missing` });
    order["accountId"] ??= defaults.account;
    order["timeInForce"] ??= defaults.timeInForce;
    order["orderType"] ??= order["peg"] ? "PEGGED" : order["stopPrice"] ? (order["limitPrice"] ? "STOP_LIMIT" : "STOP") : order["limitPrice"] ? "LIMIT" : "MARKET";
    order["basketId"] ??= defaults.name;
    order["clientOrderId"] ??= `${defaults.name}-${number}`;
    lines.push({ number, order: order as unknown as OrderRequest });
  });
  if (!lines.length && !problems.length) problems.push({ number: 1, message: "there is no order" });
  if (lines.length > ORDERS_MAX) problems.push({ number: lines[ORDERS_MAX]?.number ?? 0, message: `at most ${ORDERS_MAX} orders, were ${lines.length}` });
  return { lines, problems };
}
