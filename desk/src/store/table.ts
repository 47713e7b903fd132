// Rows by id, and who wants to know which of them have changed.
//
// The law of this file: a row is replaced, never changed; listeners are told the ids of what is another, once a frame.
import { signal } from "@preact/signals";
import { withNextFrame } from "./frame";

export type Changed = ReadonlySet<string>;

// Components that read `version` are drawn again so often at most; grids listen to frames instead.
const VERSION_MS = 200;

export class Table<T> {
  private readonly map = new Map<string, T>();
  private changed = new Set<string>();
  private readonly listeners = new Set<(changed: Changed) => void>();
  private isVersionDue = false;
  /** Another number when something has changed: what reads it in a component is drawn again. */
  readonly version = signal(0);

  get size(): number {
    return this.map.size;
  }

  get(id: string): T | undefined {
    return this.map.get(id);
  }

  values(): IterableIterator<T> {
    return this.map.values();
  }

  ids(): IterableIterator<string> {
    return this.map.keys();
  }

  set(id: string, row: T): void {
    this.map.set(id, row);
    this.note(id);
  }

  delete(id: string): void {
    if (this.map.delete(id)) this.note(id);
  }

  clear(): void {
    for (const id of this.map.keys()) this.note(id);
    this.map.clear();
  }

  /** Be told what has changed, once a frame. Returns how to stop. */
  onFrame(listener: (changed: Changed) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private note(id: string): void {
    this.changed.add(id);
    withNextFrame(this.tell);
  }

  private readonly tell = (): void => {
    const changed = this.changed;
    this.changed = new Set();
    if (!changed.size) return;
    for (const listener of this.listeners) listener(changed);
    if (this.isVersionDue) return;
    this.isVersionDue = true;
    setTimeout(() => {
      this.isVersionDue = false;
      this.version.value += 1;
    }, VERSION_MS);
  };
}
