import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, isSame, RowModel } from "../src/ui/rows";

interface Row { readonly id: string; readonly symbol: string; readonly shares: number | null }
const rows: Row[] = [
  { id: "1", symbol: "MSFT", shares: 30 }, { id: "2", symbol: "AAPL", shares: null }, { id: "3", symbol: "AAPL", shares: 10 }, { id: "4", symbol: "MSFT", shares: 20 },
];
const model = (of: Row[] = rows) => new RowModel<Row>({ values: () => of }, { idOf: row => row.id, valueOf: (row, column) => (column === "shares" ? row.shares : row.symbol), summed: ["shares"] });
const shown = (one: RowModel<Row>) => one.entries.map(entry => entry.id);

test("rows are sorted either way, equal ones by their id", () => {
  const one = model();
  one.sort = { column: "symbol", ascending: true };
  one.refresh();
  assert.deepEqual(shown(one), ["2", "3", "1", "4"]);
  one.sort = { column: "shares", ascending: true };
  one.refresh();
  assert.deepEqual(shown(one), ["3", "4", "1", "2"]);
});

test("a filter counts what passes, and groups add up what they hold", () => {
  const one = model();
  one.filter = row => row.symbol === "MSFT" || row.shares === null;
  one.groupOf = row => row.symbol;
  one.refresh();
  assert.equal(one.count, 3);
  assert.deepEqual(shown(one), ["group AAPL", "2", "group MSFT", "1", "4"]);
  const group = one.entries[2];
  assert.ok(group?.kind === "group");
  assert.deepEqual(group.sums, { shares: 50 });
  one.toggleGroup("MSFT");
  one.refresh();
  assert.deepEqual(shown(one), ["group AAPL", "2", "group MSFT"]);
});

test("what is unfolded stays below its row, wherever that goes", () => {
  const one = model();
  one.sort = { column: "shares", ascending: true };
  one.unfold("1", [{ id: "1 child", texts: {} }]);
  one.refresh();
  assert.deepEqual(shown(one), ["3", "4", "1", "1 child", "2"]);
  assert.equal(one.placeOf("1 child"), 3);
  one.fold("1");
  one.refresh();
  assert.deepEqual(shown(one), ["3", "4", "1", "2"]);
});

test("a row that was replaced does not look the same, one that was not does", () => {
  const one = model();
  one.refresh();
  const [before] = one.entries;
  one.refresh();
  assert.ok(isSame(before, one.entries[0]));
  const other = model([{ ...(rows[0] as Row) }]);
  other.refresh();
  assert.ok(!isSame(before, other.entries[0]));
});

test("ten thousand rows are sorted", () => {
  const many = Array.from({ length: 10_000 }, (_, place): Row => ({ id: String(place), symbol: `S${place % 50}`, shares: (place * 7919) % 1000 }));
  const one = model(many);
  one.sort = { column: "shares", ascending: false };
  one.refresh();
  assert.equal(one.entries.length, 10_000);
  assert.ok(compare(one.entries[0]?.kind === "row" ? one.entries[0].row.shares : null, 999) === 0);
});
