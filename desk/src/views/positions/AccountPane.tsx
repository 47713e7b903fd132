// What an account has made and what it holds in cash: settled, and what settles when; and cash that is brought in or taken out.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { uuid7 } from "../../api/ids";
import { ApiProblem, inWords } from "../../api/problems";
import { may } from "../../store/desk";
import { money, NONE } from "../../ui/numbers";
import { Button, Choice, Dialog, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";

const READ_MS = 2_000;
const KINDS = [{ value: "DEPOSIT", title: "Deposit" }, { value: "WITHDRAWAL", title: "Withdrawal" }] as const;

function Gain({ value }: { value: string | null }) {
  const amount = value === null ? null : Number(value);
  return <span class={amount === null || amount === 0 ? "" : amount > 0 ? "good" : "bad"}>{amount === null ? NONE : `${amount > 0 ? "+" : ""}${money(amount)}`}</span>;
}

export function AccountPane({ account }: { account: string }) {
  const read = useRead(() => call("get", "/api/v1/accounts/{accountId}/pnl", { path: { accountId: account } }), READ_MS, account);
  const entries = useRead(() => call("get", "/api/v1/accounts/{accountId}/cash-entries", { path: { accountId: account } }).then(found => found.entries), 10_000, account);
  const [isEntering, setEntering] = useState(false);
  const found = read.value;
  return (
    <Pane title={account} class="account" tools={may("limits") ? <Button run={() => setEntering(true)}>Enter cash…</Button> : null}>
      <div class="scroll form" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {found ? (
          <>
            <dl class="facts">
              <div><dt>Gain</dt><dd><Gain value={found.totalPnl} /></dd></div>
              <div><dt>of open positions</dt><dd><Gain value={found.unrealizedPnl} /></dd></div>
              <div><dt>of what was closed</dt><dd><Gain value={found.realizedPnl} /></dd></div>
              <div><dt>Fees</dt><dd>{money(found.fees)}</dd></div>
              <div><dt>Long and short together</dt><dd>{money(found.gross)}</dd></div>
              <div><dt>Long less short</dt><dd>{money(found.net)}</dd></div>
              <div><dt>Cash</dt><dd>{money(found.cash)}</dd></div>
              <div><dt>Settled cash</dt><dd>{money(found.settledCash)}</dd></div>
            </dl>
            <p class={found.stale ? "warn" : "soft"}>{found.stale ? "A mark is old or missing, so these figures may be, too. " : ""}Dollars, as of {clock(found.asOf)}.</p>
            {found.unsettled.length ? (
              <table class="plain">
                <thead><tr><th>Settles on</th><th class="number">$</th></tr></thead>
                <tbody>{found.unsettled.map(one => <tr key={one.settlesOn}><td>{one.settlesOn}</td><td class="number">{money(one.amount)}</td></tr>)}</tbody>
              </table>
            ) : null}
          </>
        ) : <Empty>{read.problem ? "" : "One moment…"}</Empty>}
        {entries.value?.length ? (
          <>
            <h3>Cash that was entered</h3>
            <table class="plain">
              <thead><tr><th>When</th><th>What</th><th class="number">$</th><th>By, and why</th></tr></thead>
              <tbody>{entries.value.map(one => <tr key={one.entryId}><td title={whole(one.enteredAt)}>{clock(one.enteredAt)}</td><td>{one.kind.toLowerCase()}</td><td class="number">{money(one.amount)}</td><td>{one.enteredBy}: {one.reason}</td></tr>)}</tbody>
            </table>
          </>
        ) : null}
      </div>
      {isEntering ? <CashDialog account={account} onClose={() => setEntering(false)} onDone={() => { void read.again(); void entries.again(); }} /> : null}
    </Pane>
  );
}

function CashDialog({ account, onClose, onDone }: { account: string; onClose: () => void; onDone: () => void }) {
  const [kind, setKind] = useState<"DEPOSIT" | "WITHDRAWAL">("DEPOSIT");
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  // One id as long as nobody knows whether it was done, so that asking again does it once.
  const [entryId, setEntryId] = useState(uuid7);
  const save = async () => {
    if (!reason.trim()) return setProblem("say why: it is kept with the entry");
    try {
      await call("post", "/api/v1/accounts/{accountId}/cash-entries", { path: { accountId: account }, body: { kind, amount: amount.replace(/[,\s$]/g, ""), reason: reason.trim(), entryId }, repeats: true });
      say(`${kind === "DEPOSIT" ? "Deposited" : "Withdrawn"}: $${amount}, ${account}.`, "good");
      onDone();
      onClose();
    } catch (found) {
      if (found instanceof ApiProblem && found.refused) setEntryId(uuid7());
      setProblem(inWords(found));
    }
    return undefined;
  };
  return (
    <Dialog title={`Enter cash: ${account}`} onClose={onClose}>
      <form onSubmit={event => { event.preventDefault(); void save(); }}>
        <Choice label="What" value={kind} choices={KINDS} onChange={setKind} />
        <Field label="Dollars">{given => <input {...given} class="number" inputmode="decimal" value={amount} onInput={event => setAmount(event.currentTarget.value)} />}</Field>
        <Field label="Reason" problem={problem || undefined}>{given => <input {...given} value={reason} onInput={event => setReason(event.currentTarget.value)} />}</Field>
        <footer><Button run={onClose}>Back</Button><Button run={async () => { await save(); }} tone="main">Enter</Button></footer>
      </form>
    </Dialog>
  );
}
