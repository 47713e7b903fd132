// The list of orders: filtered, grouped, selected, and what can be asked of the selection.
import { computed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { may, me } from "../../store/desk";
import { isOpen, orders, type OrderRow } from "../../store/orders";
import { standing } from "../../stream/connection";
import { ask } from "../../ui/ask";
import { GridView } from "../../ui/GridView";
import { withKeys } from "../../ui/hotkeys";
import { kept } from "../../ui/kept";
import { Button, Dialog, Pane } from "../../ui/parts";
import { shares } from "../../ui/numbers";
import { fitting, mayAsk, put, type Wish } from "./actions";
import { Amend } from "./Amend";
import { ChangeManyDialog } from "./ChangeManyDialog";
import { COLUMNS, GROUPS } from "./columns";
import { detailsOf } from "./details";
import { passes, PICKS, wordsOf, type Which } from "./filter";
import { amending, changing, chosen, grid, isBasketOpen, selection } from "./state";

const which = kept("orders-which", "all", value => value in PICKS);
const text = kept("orders-search", "");
const group = kept("orders-group", "", value => value === "" || value in GROUPS);
const words = computed(() => wordsOf(text.value));
const DETAILS_MS = 500;

const isShown = (order: OrderRow): boolean => passes(order, which.value as Which, words.value);

/** What a key or button means: the selected rows, else the one that is active. */
const meant = (): ReadonlySet<string> => (selection.value.size ? selection.value : new Set(chosen.value ? [chosen.value] : []));

const shownOpen = (): readonly OrderRow[] => [...orders.values()].filter(order => isOpen(order) && isShown(order));

async function cancelShown(): Promise<void> {
  const open = shownOpen();
  if (open.length !== 1) await put("cancel", open.map(order => order.orderId));
  else if (await ask("Cancel the one order that is open here?", [], "Cancel it")) await put("cancel", open.map(order => order.orderId));
}

function Columns({ onClose }: { onClose: () => void }) {
  const [columns, setColumns] = useState(() => grid.current?.columns ?? []);
  const move = (place: number, by: number) => {
    const next = [...columns];
    const [moved] = next.splice(place, 1);
    if (moved) next.splice(place + by, 0, moved);
    show(next);
  };
  const show = (next: typeof columns) => {
    setColumns(next);
    grid.current?.setColumns(next.map(one => one.id), next.filter(one => !one.isShown).map(one => one.id));
  };
  return (
    <Dialog title="Columns" onClose={onClose}>
      <ul class="columns">
        {columns.map((one, place) => (
          <li key={one.id}>
            <label class="check"><input type="checkbox" checked={one.isShown} onChange={() => show(columns.map(other => (other === one ? { ...one, isShown: !one.isShown } : other)))} />{one.title}</label>
            <Button run={() => move(place, -1)} disabled={place === 0} aria-label={`${one.title} further left`}>↑</Button>
            <Button run={() => move(place, 1)} disabled={place === columns.length - 1} aria-label={`${one.title} further right`}>↓</Button>
          </li>
        ))}
      </ul>
      <footer>
        <Button run={() => { grid.current?.resetColumns(); setColumns(grid.current?.columns ?? []); }}>As at first</Button>
        <Button run={onClose} tone="main">Done</Button>
      </footer>
    </Dialog>
  );
}

/** Change the order where it stands in the list; several in a dialog. */
function changeThem(): void {
  const found = fitting("cancel", meant()).map(order => order.orderId);
  if (!may("trade") || !found.length) return;
  if (found.length === 1) amending.value = found[0] ?? "";
  else changing.value = found;
}

function Actions() {
  const ids = meant();
  void orders.version.value;
  const button = (wish: Wish, title: string, key: string) => (
    <Button run={() => put(wish, meant())} disabled={!mayAsk(wish) || !fitting(wish, ids).length} title={`${title} (${key})`} tone={wish === "cancel" ? "danger" : "quiet"} class={wish === "cancel" ? "" : "bordered"}>{title}</Button>
  );
  return (
    <div class="actions" role="toolbar" aria-label="What is asked of the selected orders">
      <span class="count" role="status">{selection.value.size ? `${shares(selection.value.size)} selected` : chosen.value ? "1 order" : "no order selected"}</span>
      {button("cancel", "Cancel", "X")}
      <Button run={changeThem} disabled={!may("trade") || !fitting("cancel", ids).length} class="bordered" title="Change (A)">Change</Button>
      {button("suspend", "Suspend", "P")}
      {button("resume", "Resume", "R")}
      <Button run={cancelShown} disabled={!mayAsk("cancel")} tone="danger" title="Cancel every open order that passes the filter; it asks first (Ctrl+Backspace)">Cancel all shown</Button>
    </div>
  );
}

export function List() {
  const [isSettingUp, setUp] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const refilter = () => grid.current?.setFilter(which.value === "all" && !text.value.trim() ? null : isShown);
  useEffect(() => withKeys([
    { keys: "/", what: "search in the list", where: "Orders", run: () => search.current?.focus() },
    { keys: "l", what: "go to the list", where: "Orders", run: () => grid.current?.focus() },
    { keys: "x", what: "cancel the selected orders", where: "Orders", run: () => void put("cancel", meant()) },
    { keys: "a", what: "change the order, or all that are selected", where: "Orders", run: changeThem },
    { keys: "p", what: "suspend the selected orders", where: "Orders", run: () => void put("suspend", meant()) },
    { keys: "r", what: "resume the selected orders", where: "Orders", run: () => void put("resume", meant()) },
    { keys: "Ctrl+Backspace", what: "cancel every open order that is shown", where: "Orders", run: () => void cancelShown() },
  ]), []);
  useEffect(() => {
    // What is unfolded follows what happens to its order.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const due = new Set<string>();
    return orders.onFrame(changed => {
      const open = grid.current?.model.open ?? [];
      for (const id of open) if (changed.has(id)) due.add(id);
      if (!due.size || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        const ids = [...due];
        due.clear();
        void grid.current?.refreshDetails(ids, id => orders.get(id));
      }, DETAILS_MS);
    });
  }, []);
  void orders.version.value;
  const isStale = standing.value.truth !== "LIVE";
  const tools = (
    <div class="filters">
      <input ref={search} type="search" aria-label="Search in the list" placeholder="Search ( / )" value={text.value} onInput={event => { text.value = event.currentTarget.value; refilter(); }} />
      <select aria-label="Which orders" value={which.value} onChange={event => { which.value = event.currentTarget.value; refilter(); }}>
        {Object.entries(PICKS).map(([value, one]) => <option key={value} value={value}>{one.title}</option>)}
      </select>
      <select aria-label="Group by" value={group.value} onChange={event => { group.value = event.currentTarget.value; grid.current?.setGroups(GROUPS[group.value]?.of ?? null); }}>
        <option value="">No groups</option>
        {Object.entries(GROUPS).map(([value, one]) => <option key={value} value={value}>By {one.title}</option>)}
      </select>
      <Button run={() => setUp(true)}>Columns</Button>
      <Button run={() => { isBasketOpen.value = true; }} disabled={!may("trade")} title="Send a list of orders (B)">Basket</Button>
    </div>
  );
  return (
    <Pane title={`Orders (${shares(orders.size)})`} tools={tools} class={`list ${isStale ? "stale" : ""}`}>
      <Actions />
      <GridView<OrderRow>
        settings={{
          name: `${me.value?.subject ?? ""}:orders`, label: "Orders", columns: COLUMNS, source: orders, idOf: order => order.orderId,
          sort: { column: "time", ascending: false },
          rowTone: order => (isOpen(order) ? "" : "closed"),
          onActive: order => { if (order) chosen.value = order.orderId; },
          onOpen: order => { if (isOpen(order) && may("trade")) amending.value = order.orderId; },
          onSelection: ids => { selection.value = ids; },
          details: detailsOf,
        }}
        onReady={made => {
          grid.current = made;
          refilter();
          made.setGroups(GROUPS[group.value]?.of ?? null);
        }}
      />
      {amending.value ? <Amend key={amending.value} orderId={amending.value} /> : null}
      {changing.value.length ? <ChangeManyDialog ids={changing.value} /> : null}
      {isSettingUp ? <Columns onClose={() => setUp(false)} /> : null}
    </Pane>
  );
}
