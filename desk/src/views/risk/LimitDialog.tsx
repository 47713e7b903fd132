// Set what a rule says for a scope: the whole row, as it was read, so that nobody's change is undone unseen.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import { Button, Dialog, Field } from "../../ui/parts";
import { named, ScopeFields, scopeInWords, type Kind, type Scope } from "../../ui/scope";
import { say } from "../../ui/toasts";
import { ruleInWords } from "../../words/reasons";
import { entered, MODES, ON_MISSING, SEVERITIES, valueInWords, type Limit, type Mode, type OnMissing, type Rule, type RuleName, type Severity } from "./limits";

const KINDS: readonly Kind[] = ["firm", "desk", "account", "trader", "strategy", "sector", "symbol", "venue"];

interface Props {
  readonly rules: readonly Rule[];
  /** The row that is changed; null: a new one, of this rule and scope to begin with. */
  readonly row: Limit | null;
  readonly rule?: string;
  readonly scope?: Scope;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const asText = (value: unknown): string => (typeof value === "boolean" ? (value ? "yes" : "no") : value === undefined || value === null ? "" : String(value));

export function LimitDialog({ rules, row, onClose, onDone, ...first }: Props) {
  const settable = rules.filter(one => !one.facts);
  const [name, setName] = useState(row?.rule ?? first.rule ?? settable[0]?.name ?? "");
  const [scope, setScope] = useState<Scope>(row?.scope ?? first.scope ?? {});
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>(Object.fromEntries(Object.entries(row?.parameters ?? {}).map(([key, value]) => [key, asText(value)])));
  const [mode, setMode] = useState<Mode | "">((row?.mode as Mode | null) ?? "");
  const [severity, setSeverity] = useState<Severity | "">((row?.severity as Severity | null) ?? "");
  const [onMissing, setOnMissing] = useState<OnMissing | "">((row?.onMissing as OnMissing | null) ?? "");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const rule = rules.find(one => one.name === name);
  const isFixed = row !== null;
  const save = async () => {
    if (!reason.trim()) return setProblem("say why: it is kept with the change");
    const parameters = Object.fromEntries((rule?.parameters ?? []).map(one => [one.name, entered(texts[one.name] ?? "", one.unit)] as const).filter(([, value]) => value !== undefined));
    try {
      await call("put", "/api/v1/risk/limits", {
        body: {
          rule: name as RuleName, scope: named(scope) as Record<string, string>, parameters, reason: reason.trim(),
          ...(mode ? { mode } : {}), ...(severity ? { severity } : {}), ...(onMissing ? { onMissing } : {}),
          version: row?.version ?? 0,
        },
      });
      say(`Set: ${ruleInWords(name)} for ${scopeInWords(named(scope) as Record<string, string>)}.`, "good");
      onDone();
      onClose();
    } catch (found) {
      setProblem(inWords(found));
    }
    return undefined;
  };
  const choice = <V extends string>(label: string, value: V | "", choices: Readonly<Record<V, string>>, onChange: (value: V | "") => void) => (
    <Field label={label}>
      {given => (
        <select {...given} value={value} onChange={event => onChange(event.currentTarget.value as V | "")}>
          <option value="">as of the wider scope</option>
          {(Object.entries(choices) as [V, string][]).map(([key, title]) => <option key={key} value={key}>{title}</option>)}
        </select>
      )}
    </Field>
  );
  return (
    <Dialog title={isFixed ? `Change: ${ruleInWords(name)}` : "Set a limit"} onClose={onClose} class="wide">
      <form onSubmit={event => { event.preventDefault(); void save(); }}>
        <Field label="Rule" hint={rule?.meaning}>
          {given => (
            <select {...given} value={name} disabled={isFixed} onChange={event => { setName(event.currentTarget.value); setTexts({}); }}>
              {settable.map(one => <option key={one.name} value={one.name}>{ruleInWords(one.name)} ({one.name})</option>)}
            </select>
          )}
        </Field>
        <p class="soft">For whatever has every name that is given; without any, for everything.</p>
        <ScopeFields kinds={KINDS} value={scope} onChange={setScope} disabled={isFixed} />
        <div class="row">
          {(rule?.parameters ?? []).map(one => (
            <Field key={one.name} label={one.name.replaceAll("_", " ")} hint={[one.meaning, one.unit, one.least !== null && one.most !== null ? `${valueInWords(one.least, "")} to ${valueInWords(one.most, "")}` : "", one.default === null ? "" : `else ${one.default}`].filter(Boolean).join("; ")}>
              {given => one.choices.length || one.unit === "yes or no" ? (
                <select {...given} value={texts[one.name] ?? ""} onChange={event => setTexts({ ...texts, [one.name]: event.currentTarget.value })}>
                  <option value="">as of the wider scope</option>
                  {(one.choices.length ? one.choices : ["yes", "no"]).map(value => <option key={value} value={value}>{value}</option>)}
                </select>
              ) : <input {...given} value={texts[one.name] ?? ""} placeholder="as of the wider scope" onInput={event => setTexts({ ...texts, [one.name]: event.currentTarget.value })} />}
            </Field>
          ))}
        </div>
        <div class="row">
          {choice("State", mode, MODES, setMode)}
          {choice("An order that fails", severity, SEVERITIES, setSeverity)}
          {choice("Without its input", onMissing, ON_MISSING, setOnMissing)}
        </div>
        <Field label="Reason" problem={problem || undefined}>{given => <input {...given} value={reason} onInput={event => setReason(event.currentTarget.value)} />}</Field>
        <footer><Button run={onClose}>Back</Button><Button run={async () => { await save(); }} tone="main">Save</Button></footer>
      </form>
    </Dialog>
  );
}
