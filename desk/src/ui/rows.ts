// What a grid shows of a table: filtered, sorted, in groups, with details unfolded, without a browser.
//
// The law of this file: `entries` is what is shown, line by line. The same rows, filter, order and groups give the same entries,
// whether they were worked out anew or from what has changed. What has not changed keeps its line, and is neither sorted nor made again.

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
  get(id: string): T | undefined;
}

export interface Shape<T> {
  readonly idOf: (row: T) => string;
  /** The value of a column, to sort by. */
  readonly valueOf: (row: T, column: string) => Cell;
  /** Columns whose values a group adds up. */
  readonly summed: readonly string[];
}

/** A line with what it is sorted by, and where that has put it among the lines: GONE when it is no longer one of them. */
interface Ranked<T> extends Line<T> {
  readonly key: Cell;
  rank: number;
}
const GONE = -1;

export class RowModel<T> {
  entries: readonly Entry<T>[] = [];
  sort: { column: string; ascending: boolean } | null = null;
  filter: ((row: T) => boolean) | null = null;
  groupOf: ((row: T) => string) | null = null;
  private readonly folded = new Set<string>();
  private readonly unfolded = new Map<string, readonly Detail[]>();
  // The rows that pass the filter, in their order, and by their ids.
  private lines: Ranked<T>[] = [];
  private readonly known = new Map<string, Ranked<T>>();
  // Of the entries, where they are not the lines as they are; made when somebody asks.
  private places: Map<string, number> | null = null;
  private readonly source: Source<T>;
  private readonly shape: Shape<T>;

  constructor(source: Source<T>, shape: Shape<T>) {
    this.source = source;
    this.shape = shape;
  }

  /** How many rows passed the filter. */
  get count(): number {
    return this.lines.length;
  }

  /** Return where an entry is, undefined if it is not shown. */
  placeOf(id: string): number | undefined {
    if (!this.isShaped) return this.known.get(id)?.rank;
    this.places ??= new Map(this.entries.map((entry, place) => [entry.id, place]));
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

  /** Work out the entries anew, as after another filter, order, group or detail. */
  refresh(): void {
    this.known.clear();
    for (const row of this.source.values()) this.take(row);
    this.lines = [...this.known.values()].sort(this.inOrder);
    this.rank();
    this.shown();
  }

  /** Work out the entries after these rows have come, changed or gone. */
  update(changed: Iterable<string>): void {
    const come: Ranked<T>[] = [];
    let isMoved = false;
    for (const id of changed) {
      const before = this.known.get(id);
      this.known.delete(id);
      const row = this.source.get(id);
      const now = row === undefined ? null : this.take(row);
      if (before && now && compare(before.key, now.key) === 0) {
        // It stays where it is.
        now.rank = before.rank;
        this.lines[now.rank] = now;
        continue;
      }
      if (now) come.push(now);
      if (before) before.rank = GONE;
      isMoved ||= before !== undefined || now !== null;
    }
    if (isMoved) this.move(come.sort(this.inOrder));
    this.shown();
  }

  /** Make a row's line, if it passes the filter. */
  private take(row: T): Ranked<T> | null {
    if (this.filter && !this.filter(row)) return null;
    const id = this.shape.idOf(row);
    const line: Ranked<T> = { kind: "row", id, row, isUnfolded: this.unfolded.has(id), key: this.sort ? this.shape.valueOf(row, this.sort.column) : null, rank: GONE };
    this.known.set(id, line);
    return line;
  }

  /** Take lines out that are gone, and put in those that have come, where they belong. */
  private move(come: readonly Ranked<T>[]): void {
    const lines: Ranked<T>[] = [];
    let next = 0;
    for (const line of this.lines) {
      if (line.rank === GONE) continue;
      for (let one = come[next]; one && this.inOrder(one, line) < 0; one = come[next]) {
        lines.push(one);
        next += 1;
      }
      lines.push(line);
    }
    for (const one of come.slice(next)) lines.push(one);
    this.lines = lines;
    this.rank();
  }

  private rank(): void {
    let rank = 0;
    for (const line of this.lines) line.rank = rank++;
  }

  private readonly inOrder = (one: Ranked<T>, other: Ranked<T>): number => {
    const sign = this.sort?.ascending === false ? -1 : 1;
    return sign * (compare(one.key, other.key) || (one.id < other.id ? -1 : 1));
  };

  /** Whether there is more to show than the lines as they are. */
  private get isShaped(): boolean {
    return this.groupOf !== null || this.unfolded.size > 0;
  }

  private shown(): void {
    this.places = null;
    if (!this.isShaped) {
      this.entries = this.lines.slice();
      return;
    }
    const entries: Entry<T>[] = [];
    if (this.groupOf) this.inGroups(this.groupOf, entries);
    else for (const line of this.lines) this.withDetails(line, entries);
    this.entries = entries;
  }

  private inGroups(groupOf: (row: T) => string, entries: Entry<T>[]): void {
    const groups = new Map<string, Line<T>[]>();
    for (const line of this.lines) {
      const title = groupOf(line.row);
      const found = groups.get(title);
      if (found) found.push(line);
      else groups.set(title, [line]);
    }
    for (const title of [...groups.keys()].sort()) {
      const members = groups.get(title) ?? [];
      const sums: Record<string, number> = {};
      for (const column of this.shape.summed) sums[column] = members.reduce((sum, line) => sum + Number(this.shape.valueOf(line.row, column) ?? 0), 0);
      const isFolded = this.folded.has(title);
      entries.push({ kind: "group", id: `group ${title}`, title, count: members.length, sums, isFolded });
      if (!isFolded) for (const line of members) this.withDetails(line, entries);
    }
  }

  private withDetails(line: Line<T>, entries: Entry<T>[]): void {
    entries.push(line);
    if (line.isUnfolded) entries.push(...(this.unfolded.get(line.id) ?? []));
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
