// What a grid shows of a table: filtered, sorted, in groups, with details unfolded, without a browser.
//
// The law of this file: `entries` is what is shown, line by line. The same rows, filter, order and groups give the same entries.

export type Cell = string | number | null;

export interface Group {
  readonly kind: "group";
  readonly id: string;
  readonly title: string;
  readonly count: number;
  readonly sums: Readonly<Record<string, number>>;
  readonly isFolded: boolean;
}
export interface Line<T> {
  readonly kind: "row";
  readonly id: string;
  readonly row: T;
  readonly isUnfolded: boolean;
}
/** What is unfolded below a row: texts by column. */
export interface Detail {
  readonly kind: "detail";
  readonly id: string;
  readonly of: string;
  readonly texts: Readonly<Record<string, string>>;
}
export type Entry<T> = Group | Line<T> | Detail;

export interface Source<T> {
  values(): Iterable<T>;
}

export interface Shape<T> {
  readonly idOf: (row: T) => string;
  /** The value of a column, to sort by. */
  readonly valueOf: (row: T, column: string) => Cell;
  /** Columns whose values a group adds up. */
  readonly summed: readonly string[];
}

export class RowModel<T> {
  entries: Entry<T>[] = [];
  /** How many rows passed the filter. */
  count = 0;
  sort: { column: string; ascending: boolean } | null = null;
  filter: ((row: T) => boolean) | null = null;
  groupOf: ((row: T) => string) | null = null;
  private readonly folded = new Set<string>();
  private readonly unfolded = new Map<string, readonly Detail[]>();
  private places = new Map<string, number>();
  private readonly source: Source<T>;
  private readonly shape: Shape<T>;

  constructor(source: Source<T>, shape: Shape<T>) {
    this.source = source;
    this.shape = shape;
  }

  /** Return where an entry is, undefined if it is not shown. */
  placeOf(id: string): number | undefined {
    return this.places.get(id);
  }

  isUnfolded(id: string): boolean {
    return this.unfolded.has(id);
  }

  /** The rows that are unfolded. */
  get open(): readonly string[] {
    return [...this.unfolded.keys()];
  }

  /** Unfold a row, or replace what is below it. */
  unfold(id: string, details: readonly Omit<Detail, "kind" | "of">[]): void {
    this.unfolded.set(id, details.map(one => ({ ...one, kind: "detail", of: id })));
  }

  fold(id: string): void {
    this.unfolded.delete(id);
  }

  toggleGroup(title: string): void {
    if (!this.folded.delete(title)) this.folded.add(title);
  }

  /** Work out the entries anew. */
  refresh(): void {
    const rows: T[] = [];
    for (const row of this.source.values()) if (!this.filter || this.filter(row)) rows.push(row);
    this.count = rows.length;
    this.order(rows);
    const entries: Entry<T>[] = [];
    if (this.groupOf) this.inGroups(rows, this.groupOf, entries);
    else for (const row of rows) this.line(row, entries);
    this.entries = entries;
    this.places = new Map(entries.map((entry, place) => [entry.id, place]));
  }

  private order(rows: T[]): void {
    if (!this.sort) return;
    const { column, ascending } = this.sort;
    const { idOf, valueOf } = this.shape;
    const keys = new Map<T, Cell>(rows.map(row => [row, valueOf(row, column)]));
    const sign = ascending ? 1 : -1;
    rows.sort((one, other) => sign * compare(keys.get(one) ?? null, keys.get(other) ?? null) || (idOf(one) < idOf(other) ? -sign : sign));
  }

  private inGroups(rows: readonly T[], groupOf: (row: T) => string, entries: Entry<T>[]): void {
    const groups = new Map<string, T[]>();
    for (const row of rows) {
      const title = groupOf(row);
      const found = groups.get(title);
      if (found) found.push(row);
      else groups.set(title, [row]);
    }
    for (const title of [...groups.keys()].sort()) {
      const members = groups.get(title) ?? [];
      const sums: Record<string, number> = {};
      for (const column of this.shape.summed) sums[column] = members.reduce((sum, row) => sum + Number(this.shape.valueOf(row, column) ?? 0), 0);
      const isFolded = this.folded.has(title);
      entries.push({ kind: "group", id: `group ${title}`, title, count: members.length, sums, isFolded });
      if (!isFolded) for (const row of members) this.line(row, entries);
    }
  }

  private line(row: T, entries: Entry<T>[]): void {
    const id = this.shape.idOf(row);
    const details = this.unfolded.get(id);
    entries.push({ kind: "row", id, row, isUnfolded: details !== undefined });
    if (details) entries.push(...details);
  }
}

/** Compare two values: numbers by size, texts by their letters, what is not there last. */
export function compare(one: Cell, other: Cell): number {
  if (one === other) return 0;
  if (one === null) return 1;
  if (other === null) return -1;
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one) < String(other) ? -1 : 1;
}

/** Whether two entries look the same. */
export function isSame<T>(one: Entry<T> | undefined, other: Entry<T> | undefined): boolean {
  if (one === other) return true;
  if (!one || !other || one.id !== other.id || one.kind !== other.kind) return false;
  if (one.kind === "row" && other.kind === "row") return one.row === other.row && one.isUnfolded === other.isUnfolded;
  if (one.kind === "group" && other.kind === "group")
    return one.count === other.count && one.isFolded === other.isFolded && Object.keys(one.sums).every(name => one.sums[name] === other.sums[name]);
  return false;
}
