// Positions as the stream tells them, marked at live quotes, and what each account has made.
import { useEffect, useRef, useState } from "preact/hooks";
import { accounts } from "../../store/desk";
import { positionKey, positions } from "../../store/market";
import { standing } from "../../stream/connection";
import type { StreamedPosition } from "../../stream/messages";
import { GridView } from "../../ui/GridView";
import type { Grid } from "../../ui/grid";
import { Choice, Field, Pane } from "../../ui/parts";
import { ownAccount } from "../../ui/settings";
import { AccountPane } from "./AccountPane";
import { columns } from "./columns";

const GROUPS = [{ value: "none", title: "No groups" }, { value: "account", title: "By account" }, { value: "symbol", title: "By symbol" }] as const;
type Group = (typeof GROUPS)[number]["value"];

export function PositionsView() {
  const grid = useRef<Grid<StreamedPosition> | null>(null);
  const [group, setGroup] = useState<Group>("account");
  const [text, setText] = useState("");
  const [isFlat, setFlat] = useState(false);
  const [account, setAccount] = useState(ownAccount.value || (accounts.value[0]?.accountId ?? ""));
  useEffect(() => {
    const wanted = text.trim().toLowerCase();
    grid.current?.setFilter(row => (isFlat || row.quantity !== 0) && `${row.accountId} ${row.symbol}`.toLowerCase().includes(wanted));
  }, [text, isFlat]);
  useEffect(() => {
    grid.current?.setGroups(group === "none" ? null : row => (group === "account" ? row.accountId : row.symbol));
  }, [group]);
  void positions.version.value;
  return (
    <div class="positions">
      <Pane title={`Positions (${positions.size})`} class={standing.value.truth === "LIVE" ? "" : "stale"} tools={(
        <>
          <input class="find" aria-label="Find positions" placeholder="account or symbol" value={text} onInput={event => setText(event.currentTarget.value)} />
          <label class="check"><input type="checkbox" checked={isFlat} onChange={event => setFlat(event.currentTarget.checked)} />Flat ones, too</label>
          <Choice label="Groups" value={group} choices={GROUPS} onChange={setGroup} />
        </>
      )}>
        <GridView<StreamedPosition>
          settings={{ name: "positions", label: "Positions", columns, source: positions, idOf: positionKey, sort: { column: "symbol", ascending: true }, onActive: row => { if (row) setAccount(row.accountId); } }}
          onReady={made => {
            grid.current = made;
            made.setFilter(row => row.quantity !== 0);
            made.setGroups(row => row.accountId);
          }} />
      </Pane>
      <div class="side">
        <Field label="Account">
          {given => <select {...given} value={account} onChange={event => setAccount(event.currentTarget.value)}>{accounts.value.map(one => <option key={one.accountId} value={one.accountId}>{one.accountId} {one.name}</option>)}</select>}
        </Field>
        {account ? <AccountPane account={account} /> : null}
      </div>
    </div>
  );
}
