// A list of orders: pasted or from a file, checked as a whole, then sent whole or not at all.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { ApiProblem, inWords } from "../../api/problems";
import type { BatchLine } from "../../api/types";
import { accounts, placing } from "../../store/desk";
import type { Asked } from "../../store/orders";
import { Badge, Button, Dialog, Field } from "../../ui/parts";
import { shares } from "../../ui/numbers";
import { ownAccount } from "../../ui/settings";
import { say } from "../../ui/toasts";
import { reasonInWords, sideInWords } from "../../words/reasons";
import { basketOf, type Basket } from "./basket";
import { isBasketOpen } from "./state";

const EXAMPLE = "symbol,side,quantity,limitPrice\nAAPL,BUY,100,231.00\nMSFT,BUY,50,\n";

function verdict(line: BatchLine | undefined): { readonly isGood: boolean; readonly text: string } {
  if (!line) return { isGood: false, text: "not checked" };
  if (line.problem) return { isGood: false, text: line.problem.fields.map(one => `${one.field}: ${one.message}`).join("; ") || line.problem.detail };
  if (line.risk && !line.risk.accepted) return { isGood: false, text: reasonInWords(line.risk.denial) };
  return { isGood: true, text: line.status === 200 ? "is there already" : line.risk ? "risk would accept it" : "good" };
}

export function BasketDialog() {
  const [name, setName] = useState(() => `desk-${new Date().toISOString().slice(0, 19).replace(/[-:T]/g, "")}`);
  const [account, setAccount] = useState(ownAccount.value || (accounts.value[0]?.accountId ?? ""));
  const [text, setText] = useState("");
  const [checked, setChecked] = useState<{ readonly basket: Basket; readonly answers: readonly BatchLine[] } | null>(null);
  const [problem, setProblem] = useState("");
  const change = (apply: () => void) => {
    apply();
    setChecked(null);
    setProblem("");
  };
  const check = async () => {
    const basket = basketOf(text, { name: name.trim(), account, timeInForce: "DAY" });
    setProblem("");
    if (basket.problems.length) {
      setChecked({ basket, answers: [] });
      return;
    }
    try {
      const answer = await call("post", "/api/v1/orders/batch", { body: { orders: basket.lines.map(line => line.order), allOrNothing: false, checkOnly: true }, repeats: true });
      setChecked({ basket, answers: answer.orders });
    } catch (found) {
      setProblem(inWords(found));
    }
  };
  const send = async () => {
    if (!checked) return;
    const answered = placing(checked.basket.lines.map(line => line.order as Asked));
    try {
      const answer = await call("post", "/api/v1/orders/batch", { body: { orders: checked.basket.lines.map(line => line.order), allOrNothing: true, checkOnly: false }, repeats: true });
      const fresh = answer.orders.filter(line => line.placed?.created).length;
      say(`Basket ${name}: ${shares(answer.orders.length)} orders, ${shares(fresh)} of them new`, "good");
      answered(answer.orders.map(line => line.placed));
      isBasketOpen.value = false;
    } catch (found) {
      const isRefused = found instanceof ApiProblem && found.refused;
      setProblem(isRefused ? `Refused, nothing was sent: ${inWords(found)}` : `Not answered: ${inWords(found)}. Send again sends the same orders, no second ones.`);
    }
  };
  const bad = checked ? checked.basket.problems.length + checked.answers.filter(line => !verdict(line).isGood).length : 0;
  return (
    <Dialog title="Basket" class="basket" onClose={() => (isBasketOpen.value = false)}>
      <div class="two">
        <Field label="Name" hint="the same name and lines again send nothing new">{given => <input {...given} value={name} onInput={event => { const next = event.currentTarget.value; change(() => setName(next)); }} />}</Field>
        <Field label="Account, where a line has none">{given => <select {...given} value={account} onChange={event => { const next = event.currentTarget.value; change(() => setAccount(next)); }}>{accounts.value.map(one => <option key={one.accountId} value={one.accountId}>{one.accountId}</option>)}</select>}</Field>
      </div>
      <Field label="Orders: paste cells or CSV, the first line names the fields" hint="symbol, side, quantity, and any other field of an order, such as limitPrice, timeInForce, algo.strategy">
        {given => <textarea {...given} rows={8} spellcheck={false} placeholder={EXAMPLE} value={text} onInput={event => { const next = event.currentTarget.value; change(() => setText(next)); }} />}
      </Field>
      <Field label="Or a file">{given => <input {...given} type="file" accept=".csv,.tsv,.txt,text/csv" onChange={event => { const file = event.currentTarget.files?.[0]; if (file) void file.text().then(found => change(() => setText(found))); }} />}</Field>
      {problem ? <p class="bad" role="alert">{problem}</p> : null}
      {checked ? (
        <div class="checked" role="status">
          <p>{bad ? <b class="bad">{shares(bad)} {bad === 1 ? "problem: nothing is sent until it is mended." : "problems: nothing is sent until they are mended."}</b> : <b class="good">{shares(checked.answers.length)} orders can be sent.</b>}</p>
          <table class="plain">
            <thead><tr><th class="number">Line</th><th>Order</th><th>Check</th></tr></thead>
            <tbody>
              {checked.basket.problems.map((one, place) => <tr key={place}><td class="number">{one.number}</td><td /><td class="bad">{one.message}</td></tr>)}
              {checked.answers.map((answer, place) => {
                const line = checked.basket.lines[place];
                const said = verdict(answer);
                return line ? <tr key={line.number}><td class="number">{line.number}</td><td>{sideInWords(line.order.side)} {shares(line.order.quantity)} {line.order.symbol}, {line.order.accountId}</td><td><Badge tone={said.isGood ? "good" : "bad"}>{said.isGood ? "Good" : "Refused"}</Badge> {said.text}</td></tr> : null;
              })}
            </tbody>
          </table>
        </div>
      ) : null}
      <footer>
        <Button run={() => { isBasketOpen.value = false; }}>Close</Button>
        <Button run={check} disabled={!text.trim() || !name.trim()}>Check</Button>
        <Button run={send} tone="main" disabled={!checked || bad > 0}>{checked && !bad ? `Send ${shares(checked.answers.length)} orders` : "Send"}</Button>
      </footer>
    </Dialog>
  );
}
