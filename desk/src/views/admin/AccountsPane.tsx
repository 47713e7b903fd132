// Accounts: opened, suspended, closed, and who may trade for each.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { components } from "../../api/schema";
import { accounts, enter, may } from "../../store/desk";
import { Badge, Button, Dialog, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { ChangeDialog, ofVersion } from "./ChangeDialog";
import { NEXT, type Step } from "./steps";

type Account = components["schemas"]["AccountView"];
type Kind = components["schemas"]["AccountKind"];
const READ_MS = 5_000;
const KINDS: Readonly<Record<Kind, string>> = { INSTITUTION: "institution", HEDGE_FUND: "hedge fund", RETAIL: "retail" };
const TONES = { ACTIVE: "good", SUSPENDED: "warn", CLOSED: "soft" } as const;
const PERMISSION = "TRADER_NOT_PERMITTED";

type Asking = { readonly what: "open" } | { readonly what: "change" | "traders"; readonly account: Account } | { readonly what: "step"; readonly account: Account; readonly step: Step };

export function AccountsPane() {
  const read = useRead(() => call("get", "/api/v1/accounts").then(found => (accounts.value = found.accounts)), READ_MS);
  const [asking, setAsking] = useState<Asking | null>(null);
  const shown = read.value ?? accounts.value;
  const mayEdit = may("admin");
  const close = () => setAsking(null);
  return (
    <Pane title={`Accounts (${shown.length})`} class="accounts" tools={mayEdit ? <Button run={() => setAsking({ what: "open" })}>Open an account…</Button> : null}>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        <table class="plain">
          <thead><tr><th>Account</th><th>Name</th><th>Kind</th><th>Firm, desk</th><th>State</th>{mayEdit ? <th><span class="hidden">What can be done</span></th> : null}</tr></thead>
          <tbody>
            {shown.map(one => (
              <tr key={one.accountId} title={one.changedBy ? `${one.changedBy}, ${whole(one.changedAt)}: ${one.reason}` : ""}>
                <td>{one.accountId}</td><td class="wrap">{one.name}</td><td>{KINDS[one.kind as Kind] ?? one.kind}</td><td>{one.firm}, {one.desk}</td>
                <td><Badge tone={TONES[one.status as keyof typeof TONES] ?? "soft"}>{one.status.toLowerCase()}</Badge></td>
                {mayEdit ? (
                  <td>
                    <select aria-label={`What to do with ${one.accountId}`} value="" onChange={event => {
                      const chosen = event.currentTarget.value;
                      event.currentTarget.value = "";
                      const step = NEXT[one.status]?.find(next => next.status === chosen);
                      if (step) setAsking({ what: "step", account: one, step });
                      else if (chosen === "change" || chosen === "traders") setAsking({ what: chosen, account: one });
                    }}>
                      <option value="">do…</option>
                      {(NEXT[one.status] ?? []).map(step => <option key={step.status} value={step.status}>{step.title}</option>)}
                      <option value="change">Change</option>
                      <option value="traders">Traders</option>
                    </select>
                  </td>
                ) : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asking?.what === "open" ? <OpenDialog onClose={close} onDone={async () => { await read.again(); await enter(); }} /> : null}
      {asking?.what === "change" ? <EditDialog account={asking.account} onClose={close} onDone={read.again} /> : null}
      {asking?.what === "traders" ? <TradersDialog account={asking.account} onClose={close} /> : null}
      {asking?.what === "step" ? (
        <ChangeDialog title={`${asking.step.title}: ${asking.account.accountId}`} what={asking.step.does} action={asking.step.title} tone={asking.step.isGrave ? "danger" : "main"} onClose={close}
          run={async reason => {
            const { account, step } = asking;
            await call("patch", "/api/v1/accounts/{accountId}", { path: { accountId: account.accountId }, headers: ofVersion(account.version), body: { status: step.status, reason } });
            say(`${account.accountId} is ${step.status.toLowerCase()}.`, "good");
            await read.again();
          }} />
      ) : null}
    </Pane>
  );
}

interface OfHouse {
  readonly name: string;
  readonly firm: string;
  readonly desk: string;
}

function HouseFields({ value, onChange }: { value: OfHouse; onChange: (value: OfHouse) => void }) {
  const known = (of: "firm" | "desk") => [...new Set(accounts.value.map(one => one[of]))].sort();
  return (
    <>
      <Field label="Name">{given => <input {...given} value={value.name} maxLength={120} onInput={event => onChange({ ...value, name: event.currentTarget.value })} />}</Field>
      <div class="row">
        {(["firm", "desk"] as const).map(of => (
          <Field key={of} label={of === "firm" ? "Firm" : "Desk"} hint="limits and kill switches name it">
            {given => (
              <>
                <input {...given} value={value[of]} list={`${given.id}-known`} maxLength={32} spellcheck={false} autocomplete="off" onInput={event => onChange({ ...value, [of]: event.currentTarget.value.toUpperCase() })} />
                <datalist id={`${given.id}-known`}>{known(of).map(name => <option key={name} value={name} />)}</datalist>
              </>
            )}
          </Field>
        ))}
      </div>
    </>
  );
}

function OpenDialog({ onClose, onDone }: { onClose: () => void; onDone: () => Promise<void> }) {
  const [accountId, setAccountId] = useState("");
  const [kind, setKind] = useState<Kind>("INSTITUTION");
  const [house, setHouse] = useState<OfHouse>({ name: "", firm: accounts.value[0]?.firm ?? "", desk: "" });
  return (
    <ChangeDialog title="Open an account" action="Open" what="It trades within a second, for whoever has it in a token." onClose={onClose}
      run={async reason => {
        await call("post", "/api/v1/accounts", { body: { accountId: accountId.trim(), kind, reason, name: house.name.trim(), firm: house.firm.trim(), desk: house.desk.trim() } });
        say(`Account ${accountId.trim()} is open.`, "good");
        await onDone();
      }}>
      <div class="row">
        <Field label="Account" hint="A to Z, 0 to 9, and . _ - within">{given => <input {...given} value={accountId} maxLength={32} spellcheck={false} autocomplete="off" autofocus onInput={event => setAccountId(event.currentTarget.value.toUpperCase())} />}</Field>
        <Field label="Kind">
          {given => <select {...given} value={kind} onChange={event => setKind(event.currentTarget.value as Kind)}>{Object.entries(KINDS).map(([name, title]) => <option key={name} value={name}>{title}</option>)}</select>}
        </Field>
      </div>
      <HouseFields value={house} onChange={setHouse} />
    </ChangeDialog>
  );
}

function EditDialog({ account, onClose, onDone }: { account: Account; onClose: () => void; onDone: () => Promise<void> }) {
  const [house, setHouse] = useState<OfHouse>(account);
  return (
    <ChangeDialog title={`Change ${account.accountId}`} action="Save" onClose={onClose}
      run={async reason => {
        await call("patch", "/api/v1/accounts/{accountId}", {
          path: { accountId: account.accountId }, headers: ofVersion(account.version),
          body: { name: house.name.trim(), firm: house.firm.trim(), desk: house.desk.trim(), reason },
        });
        say(`${account.accountId} is changed.`, "good");
        await onDone();
      }}>
      <HouseFields value={house} onChange={setHouse} />
    </ChangeDialog>
  );
}

/** Who may trade for an account: rows of a risk rule, of which that of a trader goes before that of everybody. */
function TradersDialog({ account, onClose }: { account: Account; onClose: () => void }) {
  const read = useRead(() => call("get", "/api/v1/risk/limits", { query: { rule: PERMISSION, account: account.accountId, limit: 200 } }).then(found => found.limits), READ_MS, account.accountId);
  const [asking, setAsking] = useState<{ readonly trader: string; readonly permitted: boolean } | null>(null);
  const [trader, setTrader] = useState("");
  const versionOf = (name: string) => read.value?.find(one => (one.scope.trader ?? "") === name && Object.keys(one.scope).length === (name ? 2 : 1))?.version ?? 0;
  return (
    <Dialog title={`Who may trade for ${account.accountId}`} onClose={onClose}>
      <p class="soft">Whoever has the account in a token may trade for it, unless a row says otherwise; a trader’s own row goes before that of everybody.</p>
      {read.problem ? <p class="warn">{read.problem}</p> : null}
      {read.value?.length ? (
        <table class="plain">
          <thead><tr><th>Trader</th><th>Of</th><th>May trade</th><th>By</th><th>Why</th><th>When</th></tr></thead>
          <tbody>
            {read.value.map(one => (
              <tr key={one.version}>
                <td>{one.scope.trader ?? "everybody"}</td><td>{one.scope.symbol ?? one.scope.venue ?? one.scope.sector ?? one.scope.strategy ?? "everything"}</td>
                <td><Badge tone={one.parameters.permitted === true ? "good" : "bad"}>{one.parameters.permitted === true ? "yes" : "no"}</Badge></td>
                <td>{one.changedBy}</td><td class="wrap">{one.reason}</td><td title={whole(one.changedAt)}>{clock(one.changedAt)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : <Empty>{read.value ? "Nothing is set: everybody with a token of it may." : "One moment…"}</Empty>}
      <div class="row">
        <Field label="Trader" hint="blank: everybody">{given => <input {...given} value={trader} placeholder="everybody" spellcheck={false} autocomplete="off" onInput={event => setTrader(event.currentTarget.value)} />}</Field>
      </div>
      <footer>
        <Button run={onClose}>Back</Button>
        <Button run={() => setAsking({ trader: trader.trim(), permitted: true })} disabled={!may("limits")}>Permit…</Button>
        <Button run={() => setAsking({ trader: trader.trim(), permitted: false })} tone="danger" disabled={!may("limits")}>Forbid…</Button>
      </footer>
      {asking ? (
        <ChangeDialog title={`${asking.permitted ? "Permit" : "Forbid"} ${asking.trader || "everybody"}: ${account.accountId}`} action={asking.permitted ? "Permit" : "Forbid"} tone={asking.permitted ? "main" : "danger"} onClose={() => setAsking(null)}
          what={asking.permitted ? "New orders are taken from now on, as other rules let them." : "New orders and replaces are denied from now on; what is open goes on, and can be canceled."}
          run={async reason => {
            const scope = { account: account.accountId, ...(asking.trader ? { trader: asking.trader } : {}) };
            await call("put", "/api/v1/risk/limits", { body: { rule: PERMISSION, scope, parameters: { permitted: asking.permitted }, reason, version: versionOf(asking.trader) } });
            say(`${asking.trader || "Everybody"} ${asking.permitted ? "may" : "may not"} trade for ${account.accountId}.`, "good");
            setTrader("");
            await read.again();
          }} />
      ) : null}
    </Dialog>
  );
}
