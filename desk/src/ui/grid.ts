// A grid of live rows on SlickGrid: only what is seen is in the document, and it is read by keyboard and by screen readers.
//
// The law of this file: text of others is set as text, never as HTML. A row is drawn again only when it is another, no
// oftener than each DRAW_MS, and not while a mouse button is down on it; one that has only another place is moved. Only what
// somebody does scrolls: what is read stays where it is, to the pixel. What the person has set up of columns is kept.
import type { Column, CustomDataView, Formatter, ItemMetadata } from "slickgrid";
import Sortable from "sortablejs";
import type { Changed } from "../store/table";
import { MovingGrid } from "./moving";
import { nonce } from "./nonce";
import { shares, upTo } from "./numbers";
import { isSame, RowModel, type Cell, type Detail, type Entry, type Source } from "./rows";

// SlickGrid looks for what lets columns be dragged among the globals.
Object.assign(globalThis, { Sortable });

const DRAW_MS = 100;
const LAYOUT = "oms-columns:";
// Of the smallest text, for which widths of columns are given.
const TEXT_PX = 12;
const SCROLLBAR_PX = 16;
// A cell clips only what may be too wide for it: each clip is a piece of its own for the browser to lay together anew with
// every frame. No letter is wider on the average; those of writing systems that have wider ones are not counted on.
const LETTER_EM = 0.75;
const CELL_PADDING_PX = 12;
const WIDE_LETTERS = /[\u2e80-\uffff]/;

export interface GridColumn<T> {
  readonly id: string;
  readonly title: string;
  /** In pixels at the smallest size of text; it grows with that. */
  readonly width: number;
  /** What the column is sorted by, and shown as where `text` is left out. */
  readonly value: (row: T) => Cell;
  readonly text?: (row: T) => string;
  /** Classes of the cell: tones such as "buy", "sell", "good", "bad", "soft". */
  readonly tone?: (row: T) => string;
  readonly tip?: (row: T) => string;
  readonly isNumber?: boolean;
  /** Whether a group shows the column's sum, and how it is written. */
  readonly isSummed?: boolean;
  readonly sumText?: (sum: number) => string;
  readonly isHidden?: boolean;
  /** Whether it takes what place the others leave. */
  readonly grows?: boolean;
}

export interface GridSource<T> extends Source<T> {
  onFrame(listener: (changed: Changed) => void): () => void;
}

export interface GridSettings<T> {
  /** Of the layout that is kept; with the name of whoever it is kept for. */
  readonly name: string;
  /** What a screen reader calls it. */
  readonly label: string;
  readonly columns: readonly GridColumn<T>[];
  readonly source: GridSource<T>;
  readonly idOf: (row: T) => string;
  readonly sort: { readonly column: string; readonly ascending: boolean };
  readonly rowTone?: (row: T) => string;
  /** The active row is another, by mouse or keyboard. */
  readonly onActive?: (row: T | null) => void;
  /** Enter, or a double click, on a row. */
  readonly onOpen?: (row: T) => void;
  readonly onSelection?: (ids: ReadonlySet<string>) => void;
  /** A key that the grid has no use of. Returns whether it was taken. */
  readonly onKey?: (event: KeyboardEvent, row: T | null) => boolean;
  /** What is below a row when it is unfolded; without it rows do not unfold. */
  readonly details?: (row: T) => Promise<readonly Omit<Detail, "kind" | "of">[]>;
}

interface CellText {
  readonly text: string;
  readonly addClasses?: string;
  readonly toolTip?: string;
}

interface Layout {
  readonly order: readonly string[];
  readonly hidden: readonly string[];
  readonly widths: Readonly<Record<string, number>>;
  readonly sort: { column: string; ascending: boolean };
}

export class Grid<T> {
  readonly model: RowModel<T>;
  private readonly settings: GridSettings<T>;
  private readonly host: HTMLElement;
  private readonly grid: MovingGrid;
  private readonly rowHeight: number;
  private readonly textPx: number;
  private readonly scale: number;
  private readonly selected = new Set<string>();
  private readonly byId: ReadonlyMap<string, GridColumn<T>>;
  private layout: Layout;
  private anchor: string | null = null;
  private active: string | null = null;
  private shown: readonly Entry<T>[] = [];
  // Rows that are others since it was drawn.
  private changed = new Set<string>();
  // What a screen reader is told of a row is on the row as long as it is in the document and has this place.
  private readonly described = new WeakMap<Element, number>();
  private drawAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isHeld = false;
  private readonly stops: (() => void)[] = [];

  constructor(host: HTMLElement, settings: GridSettings<T>) {
    this.host = host;
    this.settings = settings;
    this.byId = new Map(settings.columns.map(column => [column.id, column]));
    this.layout = this.readLayout();
    this.textPx = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.rowHeight = Math.round(this.textPx * 1.75);
    this.scale = this.textPx / TEXT_PX;
    this.model = new RowModel<T>(settings.source, {
      idOf: settings.idOf,
      valueOf: (row, column) => this.byId.get(column)?.value(row) ?? null,
      summed: settings.columns.filter(column => column.isSummed).map(column => column.id),
    });
    this.model.sort = { ...this.layout.sort };
    this.model.refresh();
    this.shown = this.model.entries;
    const data: CustomDataView<Entry<T>> = {
      getLength: () => this.shown.length,
      getItem: place => this.shown[place] as Entry<T>,
      getItemMetadata: place => this.metadata(place),
    };
    this.grid = new MovingGrid(host, data as unknown as CustomDataView, this.slickColumns(), {
      enableCellNavigation: true,
      enableColumnReorder: true,
      enableHtmlRendering: false,
      forceFitColumns: false,
      rowHeight: this.rowHeight,
      // A row that moves so is laid out by nobody anew.
      rowTopOffsetRenderType: "transform",
      headerRowHeight: this.rowHeight,
      explicitInitialization: false,
      multiColumnSort: false,
      enableTextSelectionOnCells: true,
      nonce,
    });
    this.grid.setSortColumn(this.layout.sort.column, this.layout.sort.ascending);
    this.oneTabStop();
    this.listen();
    this.describe();
  }

  // ---- what it shows

  /** Show rows that pass a filter, null for all. */
  setFilter(filter: ((row: T) => boolean) | null): void {
    this.model.filter = filter;
    this.draw(true);
  }

  /** Show rows in groups, null for none. */
  setGroups(groupOf: ((row: T) => string) | null): void {
    this.model.groupOf = groupOf;
    this.draw(true);
  }

  /** Draw anew, as when what a formatter reads has changed. */
  redraw(): void {
    this.draw(true);
  }

  /** Draw what has changed without waiting. */
  drawNow(): void {
    if (this.changed.size) this.draw(false);
  }

  /** Take that its place has another size. */
  resize(): void {
    this.grid.resizeCanvas();
  }

  get selection(): ReadonlySet<string> {
    return this.selected;
  }

  clearSelection(): void {
    this.select(() => this.selected.clear());
  }

  /** Make a row the active one, if it is shown. isSeen: scroll to it. */
  activate(id: string, isSeen = true): void {
    const place = this.model.placeOf(id);
    if (place === undefined) return;
    if (isSeen) this.grid.scrollRowIntoView(place, false);
    this.grid.setActiveCell(place, this.grid.getActiveCell()?.cell ?? 0);
  }

  /** Give the grid the keyboard. */
  focus(): void {
    if (!this.grid.getActiveCell() && this.shown.length) this.grid.setActiveCell(0, 0);
    this.focusCell();
  }

  private focusCell(): void {
    this.grid.getActiveCellNode()?.focus({ preventScroll: true });
  }

  private get canvas(): HTMLElement | null {
    return this.host.querySelector<HTMLElement>(".grid-canvas-top.grid-canvas-left");
  }

  /**
   * Give the grid one place in the tab order: its active cell, which has the keyboard itself, so that it is what
   * screen readers read. SlickGrid has its panes in that order too, and keeps the keyboard on an element without a role.
   */
  private oneTabStop(): void {
    const { host } = this;
    for (const one of host.querySelectorAll(".slick-pane, .slick-viewport, .grid-canvas, :scope > div[tabindex]")) one.removeAttribute("tabindex");
    const canvas = this.canvas;
    if (!canvas) return;
    canvas.setAttribute("role", "rowgroup");
    canvas.tabIndex = 0;
    canvas.addEventListener("focus", () => this.focus());
    const ordered = (target: EventTarget | null, place: 0 | -1) => {
      if (target instanceof HTMLElement && target.classList.contains("slick-cell")) target.tabIndex = place;
    };
    host.addEventListener("focusin", event => {
      canvas.tabIndex = -1;
      ordered(event.target, 0);
    });
    host.addEventListener("focusout", event => {
      ordered(event.target, -1);
      if (!(event.relatedTarget instanceof Node && host.contains(event.relatedTarget))) canvas.tabIndex = 0;
    });
  }

  /** Return where the active row is within the host, for what is laid over it; null if it is out of sight. */
  placeOfActive(): { readonly top: number; readonly height: number } | null {
    const cell = this.grid.getActiveCellNode();
    if (!cell) return null;
    const own = cell.getBoundingClientRect();
    const around = this.host.getBoundingClientRect();
    return own.top < around.top || own.bottom > around.bottom ? null : { top: own.top - around.top, height: own.height };
  }

  /** Columns with their titles, in their order, and whether each is shown. */
  get columns(): readonly { readonly id: string; readonly title: string; readonly isShown: boolean }[] {
    return this.layout.order.map(id => ({ id, title: this.byId.get(id)?.title ?? id, isShown: !this.layout.hidden.includes(id) }));
  }

  /** Show columns in this order, and not those that are hidden. */
  setColumns(order: readonly string[], hidden: readonly string[]): void {
    this.keep({ ...this.layout, order, hidden });
    this.grid.setColumns(this.slickColumns());
    this.describe();
  }

  /** Forget what was set up of columns. */
  resetColumns(): void {
    localStorage.removeItem(LAYOUT + this.settings.name);
    this.layout = this.readLayout();
    this.model.sort = { ...this.layout.sort };
    this.grid.setColumns(this.slickColumns());
    this.grid.setSortColumn(this.layout.sort.column, this.layout.sort.ascending);
    this.draw(true);
  }

  destroy(): void {
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
    this.grid.destroy(true);
    this.host.replaceChildren();
  }

  // ---- columns

  private readLayout(): Layout {
    const all = this.settings.columns;
    const kept = JSON.parse(localStorage.getItem(LAYOUT + this.settings.name) ?? "{}") as Partial<Layout>;
    const known = (kept.order ?? []).filter(id => this.byId.has(id));
    const sort = kept.sort && this.byId.has(kept.sort.column) ? kept.sort : this.settings.sort;
    return {
      order: [...known, ...all.map(column => column.id).filter(id => !known.includes(id))],
      hidden: kept.hidden ?? all.filter(column => column.isHidden).map(column => column.id),
      widths: kept.widths ?? {},
      sort: { ...sort },
    };
  }

  private keep(layout: Layout): void {
    this.layout = layout;
    localStorage.setItem(LAYOUT + this.settings.name, JSON.stringify(layout));
  }

  private slickColumns(): Column[] {
    const shown = this.layout.order.filter(id => !this.layout.hidden.includes(id)).map(id => this.byId.get(id)).filter(column => column !== undefined);
    const widthOf = (column: GridColumn<T>) => Math.round((this.layout.widths[column.id] ?? column.width) * this.scale);
    const left = this.host.clientWidth - SCROLLBAR_PX - shown.reduce((sum, column) => sum + widthOf(column), 0);
    return shown
      .map(column => ({
        id: column.id,
        field: column.id,
        name: column.title,
        toolTip: column.title,
        width: widthOf(column) + (column.grows && left > 0 ? left : 0),
        minWidth: 30,
        sortable: true,
        cssClass: column.isNumber ? "number" : "",
        headerCssClass: column.isNumber ? "number" : "",
        formatter: this.format as Formatter,
      }));
  }

  private readonly format = (_row: number, cell: number, _value: unknown, column: Column, item: unknown): CellText => {
    const entry = item as Entry<T> | undefined;
    const said = entry ? this.cellText(entry, String(column.id), cell) : { text: "" };
    const mayBeCut = said.text.length * LETTER_EM * this.textPx > (column.width ?? 0) - CELL_PADDING_PX || WIDE_LETTERS.test(said.text);
    return mayBeCut ? { ...said, addClasses: `${said.addClasses ?? ""} cut` } : said;
  };

  private cellText(entry: Entry<T>, id: string, cell: number): CellText {
    if (entry.kind === "detail") return { text: entry.texts[id] ?? "", addClasses: "detail" };
    if (entry.kind === "group") {
      if (cell === 0) return { text: `${entry.isFolded ? "▸" : "▾"} ${entry.title} (${shares(entry.count)})` };
      const sum = entry.sums[id];
      return { text: sum === undefined ? "" : (this.byId.get(id)?.sumText?.(sum) ?? upTo(sum, 3)) };
    }
    const known = this.byId.get(id);
    if (!known) return { text: "" };
    const text = known.text ? known.text(entry.row) : String(known.value(entry.row) ?? "");
    const tip = known.tip?.(entry.row);
    const marker = cell === 0 && this.settings.details ? (entry.isUnfolded ? "▾ " : "▸ ") : "";
    return { text: marker + text, addClasses: known.tone?.(entry.row) ?? "", ...(tip ? { toolTip: tip } : {}) };
  }

  private metadata(place: number): ItemMetadata | null {
    const entry = this.shown[place];
    if (!entry) return null;
    if (entry.kind === "group") return { cssClasses: "group", columns: { 0: { colspan: 2 } } };
    if (entry.kind === "detail") return { cssClasses: "details" };
    const classes = [this.settings.rowTone?.(entry.row) ?? "", this.selected.has(entry.id) ? "selected" : "", entry.id === this.active ? "current" : ""];
    return { cssClasses: classes.filter(Boolean).join(" ") };
  }

  // ---- drawing

  private drawSoon(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.isHeld) this.drawSoon();
      else this.draw(false);
    }, Math.max(0, this.drawAt + DRAW_MS - performance.now()));
  }

  private draw(isWhole: boolean): void {
    this.drawAt = performance.now();
    const { grid, shown: before } = this;
    const scrolled = grid.getViewportNode()?.scrollTop ?? 0;
    if (isWhole) this.model.refresh();
    else this.model.update(this.changed);
    this.changed = new Set();
    this.shown = this.model.entries;
    const placeNow = (place: number) => this.model.placeOf(before[place]?.id ?? "");
    const down = scrolled > 0 ? this.downBy(before, placeNow) : 0;
    if (grid.isActiveGone(placeNow)) grid.resetActiveCell();
    const others = grid.moveRows(placeNow, (place, now) => !isWhole && isSame(before[place], this.shown[now]));
    if (before.length !== this.shown.length) grid.updateRowCount();
    if (down) grid.scrollAlong(scrolled + down * this.rowHeight);
    this.render(others);
    if (isWhole) this.describe();
  }

  /** Return by how many lines the first row that is in sight and has not changed has come to stand further down. */
  private downBy(before: readonly Entry<T>[], placeNow: (place: number) => number | undefined): number {
    const seen = this.grid.getViewport();
    for (let place = seen.top; place <= seen.bottom; place += 1) {
      const now = placeNow(place);
      if (now !== undefined && isSame(before[place], this.shown[now])) return now - place;
    }
    return 0;
  }

  /** Draw rows again, and leave the keyboard where it was. */
  private render(places: readonly number[]): void {
    const hadFocus = this.canvas?.contains(document.activeElement) ?? false;
    this.grid.takeOut(places);
    this.grid.render();
    if (!hadFocus || this.host.contains(document.activeElement)) return;
    this.focusCell();
    // Its row is gone.
    if (this.canvas && !this.host.contains(document.activeElement)) this.canvas.tabIndex = 0;
  }

  /** Say to screen readers what the grid cannot know: it has only a part of its rows in the document. */
  private describe(): void {
    const box = this.host;
    put(box, "role", "grid");
    put(box, "aria-label", this.settings.label);
    put(box, "aria-multiselectable", "true");
    put(box, "aria-colcount", String(this.layout.order.length - this.layout.hidden.length));
    const sort = this.model.sort;
    const heads = box.querySelector(".slick-header-columns-left");
    if (heads) {
      put(heads, "role", "row");
      put(heads, "aria-rowindex", "1");
    }
    for (const head of box.querySelectorAll<HTMLElement>(".slick-header-column")) {
      put(head, "role", "columnheader");
      put(head, "tabindex", "-1");
      const isSorted = sort !== null && head.dataset["id"] === sort.column;
      put(head, "aria-sort", isSorted ? (sort.ascending ? "ascending" : "descending") : "none");
    }
    this.describeRows();
  }

  /** Say it of the rows that have come into the document or have another place: one that is another is a new element. */
  private describeRows(): void {
    put(this.host, "aria-rowcount", String(this.shown.length + 1));
    for (const row of this.canvas?.children ?? []) {
      if (!(row instanceof HTMLElement)) continue;
      const place = Number(row.dataset["row"]);
      const entry = this.shown[place];
      if (!entry || this.described.get(row) === place) continue;
      this.described.set(row, place);
      row.setAttribute("aria-rowindex", String(place + 2));
      row.setAttribute("data-id", entry.id);
      if (entry.kind === "row") row.setAttribute("aria-selected", String(this.selected.has(entry.id)));
    }
  }

  // ---- what somebody does

  private rowAt(place: number): T | null {
    const entry = this.shown[place];
    return entry?.kind === "row" ? entry.row : null;
  }

  private listen(): void {
    const { grid, host } = this;
    grid.onSort.subscribe((_event, args) => {
      const column = String("columnId" in args ? args.columnId : this.layout.sort.column);
      this.model.sort = { column, ascending: "sortAsc" in args ? Boolean(args.sortAsc) : true };
      this.keep({ ...this.layout, sort: { ...this.model.sort } });
      this.draw(true);
    });
    grid.onColumnsResized.subscribe(() => {
      const widths: Record<string, number> = { ...this.layout.widths };
      for (const column of grid.getColumns())
        if (!this.byId.get(String(column.id))?.grows) widths[String(column.id)] = Math.round((column.width ?? TEXT_PX) / this.scale);
      this.keep({ ...this.layout, widths });
    });
    grid.onColumnsReordered.subscribe(() => {
      const order = grid.getColumns().map(column => String(column.id));
      this.keep({ ...this.layout, order: [...order, ...this.layout.order.filter(id => !order.includes(id))] });
      this.describe();
    });
    grid.onRendered.subscribe(() => this.describeRows());
    grid.onActiveCellChanged.subscribe((_event, args) => {
      const entry = this.shown[args.row ?? -1];
      const id = entry?.kind === "row" ? entry.id : null;
      if (this.host.contains(document.activeElement)) this.focusCell();
      if (id === this.active) return;
      const before = this.active;
      this.active = id;
      this.restyle([before, id]);
      this.settings.onActive?.(entry?.kind === "row" ? entry.row : null);
    });
    grid.onClick.subscribe((event, args) => this.clicked(event.getNativeEvent<MouseEvent>(), args.row, args.cell));
    grid.onDblClick.subscribe((_event, args) => {
      const row = this.rowAt(args.row);
      if (row !== null) this.settings.onOpen?.(row);
    });
    grid.onKeyDown.subscribe((event, args) => {
      if (this.pressed(event.getNativeEvent<KeyboardEvent>(), args.row)) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    });
    // SlickGrid goes from cell to cell by Tab, so that one would never leave the grid by keyboard.
    host.addEventListener("keydown", event => event.key === "Tab" && event.stopPropagation(), { capture: true });
    host.addEventListener("keydown", event => this.pressedInHead(event));
    const hold = () => (this.isHeld = true);
    const free = () => (this.isHeld = false);
    host.addEventListener("pointerdown", hold);
    addEventListener("pointerup", free);
    addEventListener("pointercancel", free);
    let width = host.clientWidth;
    const sized = new ResizeObserver(() => {
      grid.resizeCanvas();
      if (host.clientWidth === width) return;
      width = host.clientWidth;
      grid.setColumns(this.slickColumns());
      this.describe();
    });
    sized.observe(host);
    const take = (changed: Changed) => {
      for (const id of changed) this.changed.add(id);
      this.drawSoon();
    };
    this.stops.push(this.settings.source.onFrame(take), () => {
      removeEventListener("pointerup", free);
      removeEventListener("pointercancel", free);
      sized.disconnect();
    });
  }

  private clicked(event: MouseEvent, place: number, cell: number): void {
    const entry = this.shown[place];
    if (entry?.kind === "group") {
      this.model.toggleGroup(entry.title);
      this.draw(true);
    }
    if (entry?.kind !== "row") return;
    if (cell === 0 && this.settings.details && event.offsetX < 18 && !event.shiftKey) void this.toggle(entry.row);
    if (event.ctrlKey || event.metaKey) this.select(() => this.flip(entry.id));
    else if (event.shiftKey) this.select(() => this.reach(entry.id));
    else {
      this.anchor = entry.id;
      if (this.selected.size) this.clearSelection();
    }
  }

  private pressed(event: KeyboardEvent, place: number): boolean {
    const entry = this.shown[place];
    const row = this.rowAt(place);
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "ArrowUp" && place === 0 && !event.shiftKey) {
      this.host.querySelectorAll<HTMLElement>(".slick-header-column")[this.grid.getActiveCell()?.cell ?? 0]?.focus();
      return true;
    }
    if (event.key === " " && entry?.kind === "row") {
      this.select(() => this.flip(entry.id));
      return true;
    }
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      this.select(() => this.shown.forEach(one => one.kind === "row" && this.selected.add(one.id)));
      return true;
    }
    if (event.shiftKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const next = place + (event.key === "ArrowDown" ? 1 : -1);
      const target = this.shown[next];
      if (!target) return true;
      this.anchor ??= entry?.id ?? null;
      this.grid.setActiveCell(next, this.grid.getActiveCell()?.cell ?? 0);
      if (target.kind === "row") this.select(() => this.reach(target.id));
      return true;
    }
    if (event.key === "Enter" && isPlain) {
      if (entry?.kind === "group") {
        this.model.toggleGroup(entry.title);
        this.draw(true);
      } else if (row !== null) this.settings.onOpen?.(row);
      return true;
    }
    if ((event.key === "+" || event.key === "-") && isPlain && row !== null && this.settings.details) {
      void this.toggle(row);
      return true;
    }
    if (event.key === "Escape" && this.selected.size) {
      this.clearSelection();
      return true;
    }
    return this.settings.onKey?.(event, row) ?? false;
  }

  /** Unfold what is below a row, or fold it. */
  async toggle(row: T): Promise<void> {
    const id = this.settings.idOf(row);
    if (this.model.isUnfolded(id)) this.model.fold(id);
    else if (this.settings.details) {
      this.model.unfold(id, [{ id: `${id} …`, texts: {} }]);
      this.draw(true);
      const found = await this.settings.details(row);
      if (!this.model.isUnfolded(id)) return;
      this.model.unfold(id, found);
    }
    this.draw(true);
  }

  /** Read anew what is below the rows that are unfolded. */
  async refreshDetails(ids: Iterable<string>, rowOf: (id: string) => T | undefined): Promise<void> {
    for (const id of ids) {
      const row = rowOf(id);
      if (!this.model.isUnfolded(id) || row === undefined || !this.settings.details) continue;
      const found = await this.settings.details(row);
      if (this.model.isUnfolded(id)) this.model.unfold(id, found);
      this.draw(true);
    }
  }

  /** Take a key while a heading has the keyboard: go along them, sort, or go back to the rows. */
  private pressedInHead(event: KeyboardEvent): void {
    const head = event.target;
    if (!(head instanceof HTMLElement) || !head.classList.contains("slick-header-column")) return;
    const next = { ArrowLeft: head.previousElementSibling, ArrowRight: head.nextElementSibling }[event.key];
    if (next instanceof HTMLElement) next.focus();
    else if (event.key === "ArrowDown") this.focus();
    else if (event.key === "Enter" || event.key === " ") {
      const id = head.dataset["id"];
      head.click();
      this.host.querySelector<HTMLElement>(`.slick-header-column[data-id="${id}"]`)?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private flip(id: string): void {
    if (!this.selected.delete(id)) this.selected.add(id);
    this.anchor = id;
  }

  private reach(id: string): void {
    const from = this.model.placeOf(this.anchor ?? id) ?? 0;
    const to = this.model.placeOf(id) ?? 0;
    this.selected.clear();
    for (let place = Math.min(from, to); place <= Math.max(from, to); place += 1) {
      const entry = this.shown[place];
      if (entry?.kind === "row") this.selected.add(entry.id);
    }
  }

  private select(change: () => void): void {
    const before = new Set(this.selected);
    change();
    this.restyle([...before, ...this.selected]);
    this.settings.onSelection?.(new Set(this.selected));
  }

  private restyle(ids: readonly (string | null)[]): void {
    const places = ids.map(id => (id === null ? undefined : this.model.placeOf(id))).filter(place => place !== undefined);
    this.render(places);
  }
}

/** Set an attribute that is another: the browser styles again what is set, even to the same. */
function put(at: Element, name: string, value: string): void {
  if (at.getAttribute(name) !== value) at.setAttribute(name, value);
}
