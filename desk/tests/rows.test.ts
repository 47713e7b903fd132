import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, isSame, RowModel } from "../src/ui/rows";

interface Row { readonly id: string; readonly symbol: string; readonly shares: number | null }
const rows: Row[] = [
  { id: "1", symbol: "MSFT", shares: 30 }, { id: "2", symbol: "AAPL", shares: null }, { id: "3", symbol: "AAPL", shares: 10 }, { id: "4", symbol: "MSFT", shares: 20 },
];
const model = (of: Row[] = rows) => new RowModel<Row>({ values: () => of, get: id => of.find(row => row.id === id) }, { idOf: row => row.id, valueOf: (row, column) => (column === "shares" ? row.shares : row.symbol), summed: ["shares"] });
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

test("what is worked out from changes is what is worked out anew", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const chance = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  const table = new Map<string, Row>();
  const shape = { idOf: (row: Row) => row.id, valueOf: (row: Row, column: string) => (column === "shares" ? row.shares : row.symbol), summed: ["shares"] };
  const source = { values: () => table.values(), get: (id: string) => table.get(id) };
  const kept = new RowModel<Row>(source, shape);
  const texts = (one: RowModel<Row>) => one.entries.map(entry => (entry.kind === "row" ? { ...entry.row, isUnfolded: entry.isUnfolded } : entry.kind === "group" ? { ...entry } : entry.id));
  const fresh = (): RowModel<Row> => {
    const one = new RowModel<Row>(source, shape);
    one.sort = kept.sort;
    one.filter = kept.filter;
    one.groupOf = kept.groupOf;
    for (const id of kept.open) one.unfold(id, [{ id: `${id} child`, texts: {} }]);
    one.refresh();
    return one;
  };
  kept.sort = { column: "shares", ascending: false };
  kept.refresh();
  for (let turn = 0; turn < 400; turn += 1) {
    const changed = new Set<string>();
    for (let count = chance(12); count > 0; count -= 1) {
      const id = String(chance(60));
      // A row that is told as changed may be the same, or never have been there.
      changed.add(id);
      const kind = chance(4);
      if (kind === 0) table.delete(id);
      else if (kind > 1) table.set(id, { id, symbol: `S${chance(5)}`, shares: chance(9) === 0 ? null : chance(6) });
    }
    const before = kept.entries;
    const copy = [...before];
    kept.update(changed);
    assert.deepEqual([...before], copy, `what was shown has changed (seed ${seed}, turn ${turn})`);
    const anew = fresh();
    assert.deepEqual(texts(kept), texts(anew), `seed ${seed}, turn ${turn}`);
    anew.entries.forEach((entry, place) => assert.equal(kept.placeOf(entry.id), place, `the place of ${entry.id} (seed ${seed}, turn ${turn})`));
    assert.equal(kept.count, anew.count);
    if (chance(20) > 0) continue;
    const choice = chance(4);
    if (choice === 0) kept.sort = { column: chance(2) ? "shares" : "symbol", ascending: chance(2) === 0 };
    else if (choice === 1) kept.filter = chance(2) ? row => row.shares !== null : null;
    else if (choice === 2) kept.groupOf = chance(2) ? row => row.symbol : null;
    else if (kept.isUnfolded("7")) kept.fold("7");
    else kept.unfold("7", [{ id: "7 child", texts: {} }]);
    kept.refresh();
  }
});
