// What holds for an order of an account, a symbol, a trader, a strategy: each limit, where it is set, and what is left of it.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { accounts, instruments, may } from "../../store/desk";
import { NONE } from "../../ui/numbers";
import { Badge, Button, Choice, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { namesInWords } from "../../ui/scope";
import { ownAccount, ownSymbol } from "../../ui/settings";
import { ruleInWords } from "../../words/reasons";
import { LimitDialog } from "./LimitDialog";
import { effectInWords, parametersInWords, valueInWords, type Effective, type Rule } from "./limits";

const READ_MS = 3_000;
interface Check { readonly rule: string; readonly value?: string; readonly bound?: string; readonly headroom?: string; readonly passed?: boolean }

export function HoldsPane({ rules, version }: { rules: readonly Rule[]; version: number }) {
  const [account, setAccount] = useState(ownAccount.value || (accounts.value[0]?.accountId ?? ""));
  const [symbol, setSymbol] = useState(ownSymbol.value || ([...instruments.value.keys()][0] ?? ""));
  const [side, setSide] = useState<"BUY" | "SELL">("BUY");
  const [isAll, setAll] = useState(false);
  const [editing, setEditing] = useState<Effective | null>(null);
  const isKnown = instruments.value.has(symbol) && account !== "";
  const about = isKnown ? `${account} ${symbol} ${side} ${version}` : "";
  const read = useRead(async () => {
    if (!isKnown) return null;
    const [holds, preview] = await Promise.all([
      call("get", "/api/v1/risk/limits/effective", { query: { account, symbol } }),
      call("post", "/api/v1/routes/preview", { body: { accountId: account, symbol, side, orderType: "MARKET", quantity: 1 } }).catch(() => null),
    ]);
    const checks = new Map((preview?.risk.checks ?? []).map(one => [String(one["rule"]), one as unknown as Check]));
    return { limits: holds.limits, checks };
  }, READ_MS, about);
  const found = read.value;
  const isOfAmount = (one: Effective): boolean => one.lacks.length > 0 || Boolean(found?.checks.get(one.rule)?.headroom) || found?.checks.get(one.rule)?.passed === false;
  const shown = (found?.limits ?? []).filter(one => isAll || isOfAmount(one));
  return (
    <Pane title="What holds" class="holds" tools={<label class="check"><input type="checkbox" checked={isAll} onChange={event => setAll(event.currentTarget.checked)} />Every rule</label>}>
      <div class="row form">
        <Field label="Account">
          {given => <select {...given} value={account} onChange={event => setAccount(event.currentTarget.value)}>{accounts.value.map(one => <option key={one.accountId} value={one.accountId}>{one.accountId}</option>)}</select>}
        </Field>
        <Field label="Symbol">
          {given => <select {...given} value={symbol} onChange={event => setSymbol(event.currentTarget.value)}>{[...instruments.value.keys()].map(one => <option key={one} value={one}>{one}</option>)}</select>}
        </Field>
        <Field label="For one share more">
          {given => <span id={given.id}><Choice label="Side" value={side} choices={[{ value: "BUY", title: "Buy", tone: "buy" }, { value: "SELL", title: "Sell", tone: "sell" }]} onChange={setSide} /></span>}
        </Field>
      </div>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {found ? (
          <table class="plain">
            <thead><tr><th>Rule</th><th>Limit</th><th class="number">Now</th><th class="number">Left</th><th>Effect</th><th>Set for</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {shown.map(one => {
                const rule = rules.find(known => known.name === one.rule);
                const check = found.checks.get(one.rule);
                const unit = rule?.parameters.find(parameter => parameter.unit === "dollars") ? "dollars" : "";
                return (
                  <tr key={one.rule} title={rule?.meaning ?? ""}>
                    <td>{ruleInWords(one.rule)}</td>
                    <td>{parametersInWords(one.parameters, rule) || NONE}{one.lacks.length ? <Badge tone="bad" tip="nothing can be sent until it is set">lacks {one.lacks.join(", ")}</Badge> : null}</td>
                    <td class="number">{check?.headroom ? valueInWords(check.value, unit) : NONE}</td>
                    <td class={`number ${check?.passed === false ? "bad" : ""}`}>{check?.headroom ? valueInWords(check.headroom, unit) : check?.passed === false ? "fails now" : NONE}</td>
                    <td>{effectInWords(one.mode, one.severity)}</td>
                    <td>{one.scope ? namesInWords(one.scope) : "default"}</td>
                    <td>{may("limits") && rule && !rule.facts ? <Button run={() => setEditing(one)} aria-label={`Set ${ruleInWords(one.rule)}`}>Set…</Button> : null}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        ) : <Empty>{read.problem ? "" : "One moment…"}</Empty>}
      </div>
      {editing ? <LimitForAccount rules={rules} rule={editing.rule} account={account} onClose={() => setEditing(null)} onDone={() => void read.again()} /> : null}
    </Pane>
  );
}

/** The row that is set for an account already is changed; where there is none, it is a new one. */
function LimitForAccount({ rules, rule, account, onClose, onDone }: { rules: readonly Rule[]; rule: string; account: string; onClose: () => void; onDone: () => void }) {
  const read = useRead(() => call("get", "/api/v1/risk/limits", { query: { rule: rule as never, account, limit: 200 } }).then(page => page.limits), 0, `${rule} ${account}`);
  if (read.value === null) return null;
  const own = read.value.find(one => one.rule === rule && Object.keys(one.scope).length === 1 && one.scope["account"] === account);
  return <LimitDialog rules={rules} row={own ?? null} rule={rule} scope={{ account }} onClose={onClose} onDone={onDone} />;
}
