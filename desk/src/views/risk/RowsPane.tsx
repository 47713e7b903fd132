// Every row that is set, by whom and why; change one, remove one, and what they were before.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import { may } from "../../store/desk";
import { Button, Choice, Empty, Field, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { scopeInWords } from "../../ui/scope";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { ruleInWords } from "../../words/reasons";
import { LimitDialog } from "./LimitDialog";
import { MODES, parametersInWords, SEVERITIES, type Limit, type Mode, type Rule, type RuleName, type Severity } from "./limits";

const READ_MS = 5_000;
const PAGE = 200;
const PAGES_MAX = 10;

async function everyRow(): Promise<{ readonly rows: readonly Limit[]; readonly isWhole: boolean }> {
  const rows: Limit[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const found = await call("get", "/api/v1/risk/limits", { query: { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) } });
    rows.push(...found.limits);
    if (found.nextCursor === null) return { rows, isWhole: true };
    cursor = found.nextCursor;
  }
  return { rows, isWhole: false };
}

const said = (row: Limit, rule: Rule | undefined): string =>
  [parametersInWords(row.parameters, rule), row.mode ? MODES[row.mode as Mode] : "", row.severity ? SEVERITIES[row.severity as Severity] : ""].filter(Boolean).join("; ");

export function RowsPane({ rules, onChange }: { rules: readonly Rule[]; onChange: () => void }) {
  const [what, setWhat] = useState<"set" | "history">("set");
  const [text, setText] = useState("");
  const [editing, setEditing] = useState<Limit | "new" | null>(null);
  const [removing, setRemoving] = useState<Limit | null>(null);
  const read = useRead(() => (what === "set" ? everyRow() : Promise.resolve(null)), READ_MS, what);
  const past = useRead(() => (what === "history" ? call("get", "/api/v1/risk/limits/history", { query: { limit: PAGE } }).then(found => found.changes) : Promise.resolve(null)), READ_MS, what);
  const isMatch = (one: { readonly rule: string; readonly scope: Readonly<Record<string, string>>; readonly changedBy: string }) =>
    `${one.rule} ${ruleInWords(one.rule)} ${scopeInWords(one.scope)} ${one.changedBy}`.toLowerCase().includes(text.trim().toLowerCase());
  const mayEdit = may("limits");
  const again = () => {
    void read.again();
    onChange();
  };
  const ruleOf = (name: string) => rules.find(one => one.name === name);
  const problem = what === "set" ? read.problem : past.problem;
  return (
    <Pane title="What is set" class="rows" tools={(
      <>
        <Choice label="What is shown" value={what} choices={[{ value: "set", title: "Now" }, { value: "history", title: "Changes" }]} onChange={setWhat} />
        {mayEdit ? <Button run={() => setEditing("new")} id="set-limit">Set a limit…</Button> : null}
      </>
    )}>
      <div class="form"><Field label="Find">{given => <input {...given} value={text} placeholder="rule, account, symbol, who" onInput={event => setText(event.currentTarget.value)} />}</Field></div>
      <div class="scroll" tabIndex={0}>
        {problem ? <p class="warn">{problem}</p> : null}
        {what === "set" ? (read.value === null ? <Empty>{read.problem ? "" : "One moment…"}</Empty> : (
          <table class="plain">
            <thead><tr><th>Rule</th><th>For</th><th>Says</th><th>Changed</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {read.value.rows.filter(isMatch).map(one => (
                <tr key={`${one.rule} ${scopeInWords(one.scope)}`}>
                  <td title={ruleOf(one.rule)?.meaning ?? ""}>{ruleInWords(one.rule)}</td>
                  <td>{scopeInWords(one.scope)}</td>
                  <td>{said(one, ruleOf(one.rule))}</td>
                  <td title={whole(one.changedAt)}>{clock(one.changedAt)} {one.changedBy}<div class="soft">{one.reason}</div></td>
                  <td class="actions">{mayEdit ? (
                    <>
                      <Button run={() => setEditing(one)} aria-label={`Change ${ruleInWords(one.rule)} for ${scopeInWords(one.scope)}`}>Change…</Button>
                      <Button run={() => setRemoving(one)} tone="danger" aria-label={`Remove ${ruleInWords(one.rule)} for ${scopeInWords(one.scope)}`}>Remove…</Button>
                    </>
                  ) : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )) : (past.value === null ? <Empty>{past.problem ? "" : "One moment…"}</Empty> : (
          <table class="plain">
            <thead><tr><th>When</th><th>Who</th><th>Rule</th><th>For</th><th>Said then</th><th>Why</th></tr></thead>
            <tbody>
              {past.value.filter(isMatch).map(one => (
                <tr key={`${one.rule} ${scopeInWords(one.scope)} ${one.version}`}>
                  <td title={whole(one.changedAt)}>{clock(one.changedAt)}</td><td>{one.changedBy}</td><td>{ruleInWords(one.rule)}</td><td>{scopeInWords(one.scope)}</td>
                  <td>{one.removed ? "removed" : said(one, ruleOf(one.rule))}</td><td>{one.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ))}
        {read.value?.isWhole === false ? <p class="warn">Only the first {PAGE * PAGES_MAX} rows are shown.</p> : null}
      </div>
      {editing ? <LimitDialog rules={rules} row={editing === "new" ? null : editing} onClose={() => setEditing(null)} onDone={again} /> : null}
      {removing ? (
        <ReasonDialog title={`Remove: ${ruleInWords(removing.rule)}`} what={`For ${scopeInWords(removing.scope)} what wider rows say holds again.`} action="Remove" tone="danger" inWords={inWords} onClose={() => setRemoving(null)}
          run={async reason => {
            await call("delete", "/api/v1/risk/limits", { query: { rule: removing.rule as RuleName, ...removing.scope, reason, version: removing.version } });
            say(`Removed: ${ruleInWords(removing.rule)} for ${scopeInWords(removing.scope)}.`, "good");
            again();
          }} />
      ) : null}
    </Pane>
  );
}
