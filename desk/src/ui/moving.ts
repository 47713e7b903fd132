// SlickGrid, with rows that can move.
//
// The law of this file: a row that has only come to stand elsewhere keeps its elements, and with them the keyboard. SlickGrid itself
// knows rows by their places alone: it makes every row anew below one that has come, though none of them has changed.
import { SlickGrid } from "slickgrid";

type PlaceNow = (place: number) => number | undefined;

export class MovingGrid extends SlickGrid {
  /** Whether there is an active cell, and its row has no place any more. */
  isActiveGone(placeNow: PlaceNow): boolean {
    const active = this.getActiveCell()?.row;
    return active !== undefined && placeNow(active) === undefined;
  }

  /**
   * Move the rows that are in the document to their places of now, and take those out that have none.
   * Returns the places of now of those that look otherwise.
   */
  moveRows(placeNow: PlaceNow, isSame: (place: number, now: number) => boolean): readonly number[] {
    const others: number[] = [];
    const moved: [number, (typeof this.rowsCache)[number]][] = [];
    const active = this.getActiveCell()?.row;
    for (const [key, row] of Object.entries(this.rowsCache)) {
      const place = Number(key);
      const now = placeNow(place);
      if (now === undefined) {
        this.removeRowFromCache(place);
        continue;
      }
      if (!isSame(place, now)) others.push(now);
      if (now === place) continue;
      delete this.rowsCache[place];
      moved.push([now, row]);
    }
    for (const [now, row] of moved) {
      this.rowsCache[now] = row;
      for (const element of row.rowNode ?? []) {
        element.dataset["row"] = String(now);
        element.style.transform = `translateY(${this.getRowTop(now)}px)`;
      }
    }
    if (active !== undefined) this.activeRow = this.activePosY = placeNow(active) ?? active;
    return others;
  }

  /** Take rows out of the document: those in sight are made anew when it is drawn. */
  takeOut(places: readonly number[]): void {
    for (const place of places) this.removeRowFromCache(place);
  }

  /** Scroll along with rows that have moved: whoever scrolls goes on in his direction, in which rows are made ahead. */
  scrollAlong(top: number): void {
    const direction = this.vScrollDir;
    this.scrollTo(top);
    this.vScrollDir = direction;
  }
}
