// Who changed what, when and why: the audit's log, the newest first.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { may } from "../../store/desk";
import { Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { changeInWords, valueInWords, type Values } from "./changes";

const READ_MS = 5_000;
const SHOWN_MAX = 100;


export function AuditPane() {
  const [actor, setActor] = useState("");
  const [table, setTable] = useState("");
  const mayRead = may("audit");
  const read = useRead(() => (mayRead
    ? call("get", "/api/v1/audit", { query: { limit: SHOWN_MAX, ...(actor.trim() ? { actor: [actor.trim()] } : {}), ...(table.trim() ? { table: [table.trim()] } : {}) } }).then(found => found.changes)
    : Promise.resolve([])), READ_MS, `${actor} ${table}`);
  return (
    <Pane title="Who changed what" class="audit">
      <div class="row form">
        <Field label="By">{given => <input {...given} value={actor} placeholder="anybody" onInput={event => setActor(event.currentTarget.value)} />}</Field>
        <Field label="Of">{given => <input {...given} value={table} placeholder="any table" onInput={event => setTable(event.currentTarget.value)} />}</Field>
      </div>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {!mayRead ? <Empty>Reading the audit takes the right “audit”, which your token does not give.</Empty> : read.value?.length ? (
          <table class="plain">
            <thead><tr><th class="number">No.</th><th>When</th><th>Who</th><th>Why</th><th>What</th><th>Change</th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.sequence}>
                  <td class="number" title={`hash ${one.chain}`}>{one.sequence}</td><td title={whole(one.at)}>{clock(one.at)}</td><td>{one.actor}</td><td>{one.reason}</td>
                  <td>{one.table.replaceAll("_", " ")}<div class="soft">{Object.values((one.key ?? {}) as Values).map(valueInWords).join(" ")}</div></td><td class="wrap">{changeInWords(one.before, one.after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "Nothing was changed." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
    </Pane>
  );
}
