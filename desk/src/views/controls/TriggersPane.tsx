// Triggers: what each counts of whom, and at how much it stops trading by itself.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { components } from "../../api/schema";
import { may } from "../../store/desk";
import { shares } from "../../ui/numbers";
import { Badge, Button, Choice, Dialog, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { named, ScopeFields, scopeInWords, type Kind, type Scope } from "../../ui/scope";
import { say } from "../../ui/toasts";
import { scopeFields } from "./closings";
import { stageInWords, TRIGGER_STAGES, type TriggerStage } from "./stages";

type Trigger = components["schemas"]["TriggerView"];
type TriggerKind = components["schemas"]["KillTriggerKind"];
type Mode = components["schemas"]["KillTriggerMode"];
const READ_MS = 10_000;
const KINDS: Readonly<Record<TriggerKind, { readonly counts: string; readonly unit: string; readonly scopes: readonly Kind[] }>> = {
  REJECT_RATE: { counts: "orders that venues reject", unit: "rejects", scopes: ["venue", "account", "symbol"] },
  EXCEPTIONS: { counts: "execution exceptions", unit: "exceptions", scopes: ["venue", "account", "symbol"] },
  VENUE_SILENCE: { counts: "how long a venue that owes an answer says nothing", unit: "seconds", scopes: ["venue"] },
  MESSAGE_RATE: { counts: "requests of clients", unit: "requests", scopes: ["firm", "desk", "account", "trader", "strategy", "sector", "symbol"] },
  LOSS: { counts: "dollars lost since the day began", unit: "dollars", scopes: ["firm", "desk", "account"] },
};
const MODES: readonly { value: Mode; title: string }[] = [{ value: "ON", title: "On" }, { value: "SHADOW", title: "Only says so" }, { value: "OFF", title: "Off" }];
const kindInWords = (kind: string): string => KINDS[kind as TriggerKind]?.counts ?? kind;

export function TriggersPane() {
  const read = useRead(() => call("get", "/api/v1/kill-triggers").then(found => found.killTriggers), READ_MS);
  const [editing, setEditing] = useState<Trigger | "new" | null>(null);
  const mayEdit = may("admin");
  return (
    <Pane title="Triggers" class="triggers" tools={mayEdit ? <Button run={() => setEditing("new")}>Add…</Button> : null}>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Counts</th><th>Of</th><th class="number">Stops at</th><th>Within</th><th>Then</th><th>State</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.triggerId} title={`${one.changedBy}: ${one.reason}`}>
                  <td>{kindInWords(one.kind)}</td><td>{scopeInWords(one.scope)}</td><td class="number">{shares(one.threshold)}</td><td>{one.windowS} s</td><td>{stageInWords(one.stage)}</td>
                  <td><Badge tone={one.mode === "ON" ? "good" : "soft"}>{MODES.find(mode => mode.value === one.mode)?.title ?? one.mode}</Badge></td>
                  <td>{mayEdit ? <Button run={() => setEditing(one)} aria-label={`Change: ${kindInWords(one.kind)}, ${scopeInWords(one.scope)}`}>Change…</Button> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "Nothing stops trading by itself." : "One moment…"}</Empty>}
      </div>
      {editing ? <TriggerDialog trigger={editing === "new" ? null : editing} onClose={() => setEditing(null)} onDone={read.again} /> : null}
    </Pane>
  );
}

function TriggerDialog({ trigger, onClose, onDone }: { trigger: Trigger | null; onClose: () => void; onDone: () => Promise<void> }) {
  const [kind, setKind] = useState<TriggerKind>((trigger?.kind as TriggerKind | undefined) ?? "REJECT_RATE");
  const [scope, setScope] = useState<Scope>(trigger?.scope ?? {});
  const [threshold, setThreshold] = useState(String(trigger?.threshold ?? 50));
  const [windowS, setWindowS] = useState(String(trigger?.windowS ?? 10));
  const [stage, setStage] = useState<TriggerStage>((trigger?.stage as TriggerStage | undefined) ?? "BLOCK");
  const [mode, setMode] = useState<Mode>((trigger?.mode as Mode | undefined) ?? "SHADOW");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const save = async () => {
    if (!reason.trim()) return setProblem("say why: it is kept with the change");
    try {
      await call("put", "/api/v1/kill-triggers", {
        body: { kind, mode, stage, threshold: Number(threshold), windowS: Number(windowS), reason: reason.trim(), ...scopeFields(named(scope)) },
      });
      say("The trigger is set.", "good");
      await onDone();
      onClose();
    } catch (found) {
      setProblem(inWords(found));
    }
    return undefined;
  };
  return (
    <Dialog title={trigger ? "Change a trigger" : "Add a trigger"} onClose={onClose}>
      <form onSubmit={event => { event.preventDefault(); void save(); }}>
        <Field label="Counts">
          {given => (
            <select {...given} value={kind} disabled={trigger !== null} onChange={event => { setKind(event.currentTarget.value as TriggerKind); setScope({}); }}>
              {Object.entries(KINDS).map(([name, of]) => <option key={name} value={name}>{of.counts}</option>)}
            </select>
          )}
        </Field>
        <ScopeFields kinds={KINDS[kind].scopes} value={scope} onChange={setScope} disabled={trigger !== null} />
        <div class="row">
          <Field label={`Stops at (${KINDS[kind].unit})`}>{given => <input {...given} class="number" inputmode="numeric" value={threshold} onInput={event => setThreshold(event.currentTarget.value)} />}</Field>
          <Field label="Within (seconds)">{given => <input {...given} class="number" inputmode="numeric" value={windowS} onInput={event => setWindowS(event.currentTarget.value)} />}</Field>
        </div>
        <Choice label="Then" value={stage} choices={TRIGGER_STAGES} onChange={setStage} />
        <Choice label="State" value={mode} choices={MODES} onChange={setMode} />
        <Field label="Reason" problem={problem || undefined}>{given => <input {...given} value={reason} onInput={event => setReason(event.currentTarget.value)} />}</Field>
        <footer><Button run={onClose}>Back</Button><Button run={async () => { await save(); }} tone="main">Save</Button></footer>
      </form>
    </Dialog>
  );
}
