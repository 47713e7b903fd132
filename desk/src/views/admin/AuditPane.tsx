// Who changed what, when and why: the audit's log, the newest first.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import { may } from "../../store/desk";
import { shares } from "../../ui/numbers";
import { Button, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { changeInWords, keyInWords } from "./changes";

const READ_MS = 5_000;
const SHOWN_MAX = 100;
const SAVED_MAX = 20_000;

/** Save every change that fits, a line each with its link, so far back as SAVED_MAX; all of it with its proof has `oms audit export`. */
async function save(wanted: { actor?: string[]; table?: string[] }): Promise<void> {
  const lines: string[] = [];
  let cursor: string | null = null;
  try {
    do {
      const page: { changes: readonly unknown[]; nextCursor: string | null } = await call("get", "/api/v1/audit", { query: { ...wanted, limit: 200, ...(cursor ? { cursor } : {}) } });
      for (const one of page.changes) lines.push(JSON.stringify(one));
      cursor = page.nextCursor;
    } while (cursor !== null && lines.length < SAVED_MAX);
  } catch (found) {
    say(`The audit was not saved: ${inWords(found)}`, "bad");
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines.map(line => `${line}\n`), { type: "application/x-ndjson" }));
  link.download = `audit-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.jsonl`;
  link.click();
  URL.revokeObjectURL(link.href);
  say(cursor === null ? `${shares(lines.length)} changes are saved.` : `The newest ${shares(lines.length)} changes are saved; there are older ones.`, "good");
}

export function AuditPane() {
  const [actor, setActor] = useState("");
  const [table, setTable] = useState("");
  const mayRead = may("audit");
  const wanted = { ...(actor.trim() ? { actor: [actor.trim()] } : {}), ...(table.trim() ? { table: [table.trim()] } : {}) };
  const read = useRead(() => (mayRead
    ? call("get", "/api/v1/audit", { query: { limit: SHOWN_MAX, ...wanted } }).then(found => found.changes)
    : Promise.resolve([])), READ_MS, `${actor} ${table}`);
  return (
    <Pane title="Who changed what" class="audit" tools={mayRead ? <Button run={() => save(wanted)}>Save what fits…</Button> : null}>
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
                  <td class="number" title={`hash ${one.chain}`}>{one.sequence}</td><td title={whole(one.at)}>{clock(one.at)}</td><td>{one.actor}</td><td class="wrap">{one.reason}</td>
                  <td>{one.table.replaceAll("_", " ")}<div class="soft">{keyInWords(one.key)}</div></td><td class="wrap">{changeInWords(one.before, one.after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "Nothing was changed." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
    </Pane>
  );
}
