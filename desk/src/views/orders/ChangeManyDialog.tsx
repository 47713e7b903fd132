// One change of several orders at once: what it makes of each, what risk would say, and what was asked for. Each order's
// change is a request of its own, with the same key for as long as it is the same change.
import { useRef, useState } from "preact/hooks";
import { uuid7 } from "../../api/ids";
import { ApiProblem, inWords } from "../../api/problems";
import type { ReplaceRequest } from "../../api/types";
import { instruments } from "../../store/desk";
import { price, shares } from "../../ui/numbers";
import { Badge, Button, Dialog, Field } from "../../ui/parts";
import { say } from "../../ui/toasts";
import { reasonInWords, sideInWords } from "../../words/reasons";
import { fitting, replace, verdictOf } from "./actions";
import { CHANGED_MAX, PRICE_RULES, SHARES_RULES, planOf, wrongIn, type Planned, type Wanted } from "./changeMany";
import { changing } from "./state";

// So many requests are under way at once: one after another would take seconds, all at once would be refused.
const LANES = 4;
const tickOf = (symbol: string): string => instruments.value.get(symbol)?.tickSize ?? "0.01";

interface Said {
  readonly tone: "good" | "bad" | "warn";
  readonly badge: string;
  readonly text: string;
}

/** Do something with each, a few at a time. */
async function each<T>(all: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const lane = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await run(one);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

export function ChangeManyDialog({ ids }: { ids: readonly string[] }) {
  const [wanted, setWanted] = useState<Wanted>({ priceRule: "towards", price: "", sharesRule: "leave", shares: "" });
  // As they were when the change was entered: sent again, it is the same change of the same orders.
  const [base, setBase] = useState(() => fitting("cancel", ids));
  const [said, setSaid] = useState<ReadonlyMap<string, Said>>(new Map());
  const keys = useRef(new Map<string, { readonly content: string; readonly key: string }>());
  const done = useRef(new Set<string>());
  const wrong = wrongIn(wanted);
  const isEntered = (rule: string, value: string) => rule !== "leave" && value.trim() !== "";
  const plan = planOf(base, wanted, tickOf);
  const due = plan.filter(one => one.change && !done.current.has(one.order.orderId));
  const enter = (change: Partial<Wanted>) => {
    setWanted({ ...wanted, ...change });
    setBase(fitting("cancel", ids));
    setSaid(new Map());
    done.current.clear();
  };
  const tell = (orderId: string, one: Said) => setSaid(before => new Map(before).set(orderId, one));
  const check = () => each(due, async ({ order, change }) => {
    if (!change) return;
    try {
      const risk = await verdictOf(order, change, new AbortController().signal);
      tell(order.orderId, risk.accepted ? { tone: "good", badge: "Good", text: "risk would accept it" } : { tone: "bad", badge: "Denied", text: reasonInWords(risk.denial) });
    } catch (problem) {
      tell(order.orderId, { tone: "bad", badge: "Refused", text: inWords(problem) });
    }
  });
  const keyOf = (orderId: string, change: ReplaceRequest): string => {
    const content = JSON.stringify(change);
    let known = keys.current.get(orderId);
    if (known?.content !== content) keys.current.set(orderId, (known = { content, key: uuid7() }));
    return known.key;
  };
  const send = async () => {
    let asked = 0;
    await each(due, async ({ order, change }) => {
      if (!change) return;
      try {
        await replace(order, change, keyOf(order.orderId, change));
        done.current.add(order.orderId);
        asked += 1;
        tell(order.orderId, { tone: "good", badge: "Asked for", text: "" });
      } catch (problem) {
        const isRefused = problem instanceof ApiProblem && problem.refused;
        if (isRefused) keys.current.delete(order.orderId);
        tell(order.orderId, isRefused ? { tone: "bad", badge: "Refused", text: inWords(problem) } : { tone: "warn", badge: "Not answered", text: `${inWords(problem)}; Change sends the same request again` });
      }
    });
    if (asked) say(`Change requested of ${shares(asked)} order${asked === 1 ? "" : "s"}`, "good");
    if (asked === due.length) changing.value = [];
  };
  const from = (now: string, then: string | undefined) => (then === undefined || then === now ? now : <>{now} → <b>{then}</b></>);
  const row = ({ order, change, why }: Planned) => {
    const found = said.get(order.orderId);
    return (
      <tr key={order.orderId} class={change ? "" : "soft"}>
        <td>{sideInWords(order.side)} {order.symbol}, {order.accountId}</td>
        <td class="number">{from(price(order.limitPrice, tickOf(order.symbol)), change?.limitPrice === undefined ? undefined : price(change.limitPrice, tickOf(order.symbol)))}</td>
        <td class="number">{from(shares(order.quantity), change?.quantity === undefined ? undefined : shares(change.quantity))}</td>
        <td>{found ? <><Badge tone={found.tone}>{found.badge}</Badge> {found.text}</> : why}</td>
      </tr>
    );
  };
  return (
    <Dialog title={`Change ${shares(plan.length)} orders`} class="basket" onClose={() => (changing.value = [])}>
      {ids.length > plan.length ? <p class="soft">{shares(ids.length - plan.length)} of those selected cannot be changed any more.</p> : null}
      {plan.length > CHANGED_MAX ? <p class="bad" role="alert">At most {CHANGED_MAX} at once: select fewer.</p> : null}
      <div class="two">
        <Field label="Limit">{given => <select {...given} value={wanted.priceRule} onChange={event => enter({ priceRule: event.currentTarget.value as Wanted["priceRule"] })}>{Object.entries(PRICE_RULES).map(([value, title]) => <option key={value} value={value}>{title}</option>)}</select>}</Field>
        <Field label="Limit's value" problem={isEntered(wanted.priceRule, wanted.price) ? wrong.price : undefined}>{given => <input {...given} class="number" inputmode="decimal" disabled={wanted.priceRule === "leave"} value={wanted.price} onInput={event => enter({ price: event.currentTarget.value })} autofocus />}</Field>
        <Field label="Quantity">{given => <select {...given} value={wanted.sharesRule} onChange={event => enter({ sharesRule: event.currentTarget.value as Wanted["sharesRule"] })}>{Object.entries(SHARES_RULES).map(([value, title]) => <option key={value} value={value}>{title}</option>)}</select>}</Field>
        <Field label="Quantity's value" problem={isEntered(wanted.sharesRule, wanted.shares) ? wrong.shares : undefined}>{given => <input {...given} class="number" inputmode="numeric" disabled={wanted.sharesRule === "leave"} value={wanted.shares} onInput={event => enter({ shares: event.currentTarget.value })} />}</Field>
      </div>
      <div class="checked" role="region" aria-label="What it makes of each" tabIndex={0}>
        <table class="plain">
          <thead><tr><th>Order</th><th class="number">Limit</th><th class="number">Shares</th><th>Said</th></tr></thead>
          <tbody>{plan.map(row)}</tbody>
        </table>
      </div>
      <footer>
        <Button run={() => { changing.value = []; }}>Close</Button>
        <Button run={check} disabled={!due.length || plan.length > CHANGED_MAX}>Check</Button>
        <Button run={send} tone="main" disabled={!due.length || plan.length > CHANGED_MAX}>{due.length ? `Change ${shares(due.length)} order${due.length === 1 ? "" : "s"}` : "Change"}</Button>
      </footer>
    </Dialog>
  );
}
