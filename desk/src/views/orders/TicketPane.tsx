// The ticket: an order as it is entered, what risk and router would make of it, and one order a click.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../api/client";
import { ApiProblem, inWords } from "../../api/problems";
import type { Preview, PreviewRequest } from "../../api/types";
import { accounts, instruments, may, placing, profiles, venues } from "../../store/desk";
import { quotes } from "../../store/market";
import { orders, type Asked } from "../../store/orders";
import { watches } from "../../stream/connection";
import { ask } from "../../ui/ask";
import { withKeys } from "../../ui/hotkeys";
import { Choice, Field, Pane } from "../../ui/parts";
import { decimals, money, plain, price, shares, upTo } from "../../ui/numbers";
import { confirmDollars, confirmShares, ownAccount } from "../../ui/settings";
import { say } from "../../ui/toasts";
import { fieldInWords } from "../../words/fields";
import { isBuy, plainWords, reasonInWords, ruleInWords, sideInWords } from "../../words/reasons";
import { draft, look, set, take } from "./draft";
import { endOf, type Outcome } from "./outcome";
import { planOf, ranked } from "./plan";
import { sent } from "./state";
import { ALGOS, CAPACITIES, doubtsOf, fieldsOf, intentOf, ORDER_TYPES, orderOf, PEG_TYPES, SIDES, worthOf, type Draft, type Intent } from "./order";

const PREVIEW_MS = 300;
// A second click of a double click comes sooner.
const PAUSE_MS = 800;
const TYPES: Readonly<Record<string, string>> = { LIMIT: "Limit", MARKET: "Market", STOP: "Stop", STOP_LIMIT: "Stop limit", PEGGED: "Pegged" };

const outcome = signal<Outcome>({ tone: "soft", text: "" });
const isSending = signal(false);
let intent: Intent | null = null;
let before = { content: "", at: 0 };
let awaited = "";

const priceNow = (order: PreviewRequest): number => {
  const quote = quotes.get(order.symbol);
  const side = isBuy(order.side) ? quote?.ask : quote?.bid;
  return Number(side ?? instruments.value.get(order.symbol)?.referencePrice ?? 0);
};

/** Return an order in a line. */
function named(order: PreviewRequest): string {
  const from = order.stopPrice ? ` from ${plain(String(order.stopPrice))}` : "";
  // A pegged order's limit is how far it follows, not where it is.
  const at = order.limitPrice ? ` ${order.orderType === "PEGGED" ? "within" : "at"} ${plain(String(order.limitPrice))}` : "";
  const until = order.expireDate ?? order.expireTime;
  return `${sideInWords(order.side)} ${shares(order.quantity)} ${order.symbol}, ${(TYPES[order.orderType] ?? order.orderType).toLowerCase()}${from}${at}, ${order.timeInForce ?? "DAY"}${until ? ` until ${until}` : ""}, for ${order.accountId}`;
}

const doubts = (order: PreviewRequest): readonly string[] =>
  doubtsOf(order, { worth: worthOf(order, priceNow(order)), confirmShares: confirmShares.value, confirmDollars: confirmDollars.value, before, intent, now: Date.now() });

async function send(): Promise<void> {
  if (isSending.value) return;
  const { order, problems, missing } = orderOf(draft.value);
  if (!order) {
    outcome.value = { tone: "bad", text: missing.length ? `Missing: ${missing.map(fieldInWords).join(", ")}` : Object.entries(problems).map(([field, why]) => `${fieldInWords(field)}: ${why}`).join("; ") };
    return;
  }
  isSending.value = true;
  const began = Date.now();
  try {
    const found = doubts(order);
    if (found.length && !(await ask("Send this order?", [named(order), ...found], `Send: ${sideInWords(order.side)} ${shares(order.quantity)} ${order.symbol}`))) return;
    await place(order);
  } finally {
    setTimeout(() => (isSending.value = false), Math.max(0, PAUSE_MS - (Date.now() - began)));
  }
}

async function place(order: PreviewRequest): Promise<void> {
  intent = intentOf(intent, order, () => `desk-${crypto.randomUUID()}`);
  outcome.value = { tone: "soft", text: "Sending…" };
  const answered = placing([intent.order as Asked]);
  const began = performance.now();
  try {
    const answer = await call("post", "/api/v1/orders", { body: intent.order, repeats: true });
    const took = performance.now() - began;
    before = { content: intent.content, at: Date.now() };
    intent = null;
    ownAccount.value = order.accountId;
    awaited = answer.orderId;
    sent.value = answer.orderId;
    outcome.value = { tone: "good", text: `${answer.created ? "Stored" : "Was stored before"} in ${took < 10 ? decimals(took, 1) : Math.round(took)} ms: ${named(order)}${watches(order.accountId) ? "" : "; its account is not watched"}` };
    answered([answer]);
    report(answer.orderId);
  } catch (problem) {
    const isRefused = problem instanceof ApiProblem && problem.refused;
    if (isRefused) intent = null;
    outcome.value = { tone: "bad", text: isRefused ? `Refused: ${inWords(problem)}` : `Not answered: ${inWords(problem)}. Send again sends the same order, not a second one.` };
  }
}

/** Say what became of the order that was sent last, when that is worth saying. */
function report(orderId: string): void {
  const now = orders.get(orderId);
  if (!now || orderId !== awaited || now.sequence <= 1) return;
  const end = endOf(now);
  if (!end) return;
  outcome.value = end;
  if (now.status === "REJECTED") say(`Rejected: ${sideInWords(now.side)} ${shares(now.quantity)} ${now.symbol}: ${reasonInWords(now.text)}`, "bad");
  awaited = "";
}
orders.onFrame(changed => {
  if (awaited && changed.has(awaited)) report(awaited);
});

interface Foreseen {
  readonly preview: Preview | null;
  readonly problem: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly isOld: boolean;
}
const NOTHING: Foreseen = { preview: null, problem: "", fields: {}, isOld: false };

/** Ask what risk and router would make of a draft, when it has stood still for PREVIEW_MS. */
function useForeseen(content: string | null): Foreseen {
  const [found, setFound] = useState<Foreseen>(NOTHING);
  useEffect(() => {
    if (content === null) {
      setFound(NOTHING);
      return undefined;
    }
    setFound(now => ({ ...now, isOld: true }));
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call("post", "/api/v1/routes/preview", { body: JSON.parse(content) as PreviewRequest, signal: stop.signal }).then(
        preview => setFound({ preview, problem: "", fields: {}, isOld: false }),
        (problem: unknown) => {
          if (stop.signal.aborted) return;
          const fields = problem instanceof ApiProblem ? Object.fromEntries(problem.fields.map(one => [one.field, one.message])) : {};
          setFound({ preview: null, problem: inWords(problem), fields, isOld: false });
        },
      );
    }, PREVIEW_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [content]);
  return found;
}

function Verdict({ foreseen, order }: { foreseen: Foreseen; order: PreviewRequest | null }) {
  const { preview, problem, isOld } = foreseen;
  if (!order) return <div class="verdict"><p class="soft">What risk and router would make of it is shown here.</p></div>;
  if (problem) return <div class="verdict"><p class="bad">{problem}</p></div>;
  if (!preview) return <div class="verdict"><p class="soft">Asking…</p></div>;
  const plan = planOf(preview.plan);
  const why = plan.explanation;
  const tight = (preview.risk.checks as readonly Record<string, unknown>[]).filter(check => check["headroom"] && check["bound"]).slice(0, 30);
  const legs = ranked(plan).filter(venue => venue.allocated);
  return (
    <div class={`verdict ${isOld ? "old" : ""}`} aria-busy={isOld}>
      <p class={preview.risk.accepted ? "good" : "bad"}><b>{preview.risk.accepted ? "Risk would accept" : "Risk would reject"}</b>{preview.risk.accepted ? "" : `: ${reasonInWords(preview.risk.denial)}`}</p>
      {legs.length ? (
        <ul class="legs">{legs.map(venue => <li key={venue.venueId}><b>{venue.venueId}</b> <span class="number">{shares(venue.allocated)}</span> <span class="soft">{plainWords(venue.reason)}</span></li>)}</ul>
      ) : <p class="soft">{plainWords(why?.summary ?? plan.reason)}</p>}
      {why?.expectedQuantity ? (
        <p>Takes {shares(why.expectedQuantity)} at once for {money(why.expectedNotional)}, fees {money(why.expectedFee)}
          {why.expectedCostBps ? <>; <b>{decimals(why.expectedCostBps, 2)} bps</b> ({money(why.expectedCost)}) beyond the middle</> : null}.</p>
      ) : null}
      {tight.length ? (
        <details>
          <summary>Headroom of {tight.length} limits</summary>
          <table class="plain"><thead><tr><th>Limit</th><th class="number">Left</th><th class="number">Of</th></tr></thead>
            <tbody>{tight.map(check => <tr key={String(check["rule"])}><td>{ruleInWords(String(check["rule"]))}</td><td class="number">{figure(check["headroom"])}</td><td class="number">{figure(check["bound"])}</td></tr>)}</tbody></table>
        </details>
      ) : null}
    </div>
  );
}

const figure = (text: unknown): string => (/^-?\d+(\.\d+)?$/.test(String(text)) ? upTo(String(text), 2) : String(text));

function Symbols() {
  return <datalist id="symbols">{[...instruments.value.values()].map(one => <option key={one.symbol} value={one.symbol}>{one.name}</option>)}</datalist>;
}

function More({ now, wrong }: { now: Draft; wrong: (field: string) => string | undefined }) {
  const shown = fieldsOf(now);
  const text = (field: keyof Draft, label: string, name: string, hint?: string) => (
    <Field label={label} problem={wrong(name)} hint={hint}>{given => <input {...given} value={String(now[field])} onInput={event => set({ [field]: event.currentTarget.value })} />}</Field>
  );
  return (
    <details class="more">
      <summary>More instructions</summary>
      <div class="two">
        {text("minQuantity", "At least", "minQuantity")}
        {now.orderType === "LIMIT" || now.orderType === "PEGGED" ? text("displayQty", "Show at once", "displayQty") : null}
        {text("avoid", "Avoid venues", "routing.avoid", venues.value.map(one => one.venueId).join(" "))}
        {text("prefer", "Prefer venues", "routing.prefer")}
        <Field label="Capacity" problem={wrong("capacity")}>
          {given => <select {...given} value={now.capacity} onChange={event => set({ capacity: event.currentTarget.value as Draft["capacity"] })}>{CAPACITIES.map(one => <option key={one} value={one}>{one.toLowerCase().replaceAll("_", " ")}</option>)}</select>}
        </Field>
        {text("basketId", "Basket", "basketId")}
        {shown.locate ? text("locateId", "Locate", "locateId") : null}
      </div>
      {now.orderType === "LIMIT" || now.orderType === "PEGGED" ? <label class="check"><input type="checkbox" checked={now.postOnly} onChange={event => set({ postOnly: event.currentTarget.checked })} />Post only: take nothing that is displayed</label> : null}
    </details>
  );
}

function Algo({ now, wrong }: { now: Draft; wrong: (field: string) => string | undefined }) {
  const input = (field: keyof Draft, label: string, name: string) => (
    <Field label={label} problem={wrong(name)}>{given => <input {...given} value={String(now[field])} onInput={event => set({ [field]: event.currentTarget.value })} />}</Field>
  );
  const time = (field: "startAt" | "endAt", label: string, name: string) => (
    <Field label={label} problem={wrong(name)}>{given => <input {...given} type="datetime-local" step={1} value={now[field]} onInput={event => set({ [field]: event.currentTarget.value })} />}</Field>
  );
  return (
    <>
      <Field label="Worked over time" problem={wrong("algo")}>
        {given => (
          <select {...given} value={now.algo} onChange={event => set({ algo: event.currentTarget.value as Draft["algo"] })}>
            <option value="">At once</option>
            {ALGOS.map(one => <option key={one} value={one}>{one}</option>)}
          </select>
        )}
      </Field>
      {now.algo ? (
        <div class="two">
          {time("startAt", "From (now if empty)", "algo.startAt")}
          {time("endAt", "Until", "algo.endAt")}
          {input("participation", "Most of the volume, %", "algo.participationBps")}
          {now.algo === "IS" ? input("urgency", "Urgency, 1 to 10", "algo.urgency") : null}
          {input("slices", "Parts", "algo.slices")}
          {input("seed", "Seed", "algo.seed")}
        </div>
      ) : null}
    </>
  );
}

export function TicketPane() {
  const now = draft.value;
  const quantity = useRef<HTMLInputElement>(null);
  const symbol = useRef<HTMLInputElement>(null);
  const made = orderOf(now);
  const content = made.order === null ? null : JSON.stringify(made.order);
  const foreseen = useForeseen(content);
  const shown = fieldsOf(now);
  const wrong = (field: string): string | undefined => made.problems[field] ?? foreseen.fields[field];
  const instrument = instruments.value.get(now.symbol);
  void quotes.version.value;
  const quote = quotes.get(now.symbol);
  useEffect(() => {
    if (!now.accountId && accounts.value[0]) set({ accountId: accounts.value[0].accountId });
    else if (now.accountId && accounts.value.length && !accounts.value.some(one => one.accountId === now.accountId)) set({ accountId: accounts.value[0]?.accountId ?? "" });
  }, [accounts.value]);
  const begin = (side: Draft["side"]) => {
    set({ side });
    quantity.current?.focus();
    quantity.current?.select();
  };
  useEffect(() => withKeys([
    { keys: "b", what: "buy: go to the quantity", where: "Ticket", run: () => begin("BUY") },
    { keys: "s", what: "sell: go to the quantity", where: "Ticket", run: () => begin("SELL") },
    { keys: "Alt+b", what: "the same from within a field: buy", where: "Ticket", run: () => begin("BUY"), inFields: true },
    { keys: "Alt+s", what: "the same from within a field: sell", where: "Ticket", run: () => begin("SELL"), inFields: true },
    { keys: "t", what: "go to the symbol", where: "Ticket", run: () => { symbol.current?.focus(); symbol.current?.select(); } },
    { keys: "Ctrl+Enter", what: "send the order", where: "Ticket", run: () => void send(), inFields: true },
  ]), []);
  const at = (side: "bid" | "ask") => {
    const px = quote?.[side];
    return (
      <button type="button" class={`side-quote ${side === "bid" ? "bid" : "offer"}`} disabled={!px} title={side === "bid" ? "Sell at the bid" : "Buy at the offer"}
        onClick={() => px && take(side === "bid" ? "SELL" : "BUY", px)}>
        <span>{side === "bid" ? "Bid" : "Offer"} <span class="soft">{shares(side === "bid" ? quote?.bidSize : quote?.askSize)}</span></span><b>{price(px, instrument?.tickSize)}</b>
      </button>
    );
  };
  const isBuying = isBuy(now.side);
  const price_ = (field: "limitPrice" | "stopPrice", label: string) => (
    <Field label={label} problem={wrong(field)} hint={instrument ? `tick ${plain(instrument.tickSize)}` : undefined}>
      {given => <input {...given} class="number" inputmode="decimal" value={now[field]} onInput={event => set({ [field]: event.currentTarget.value })} name={field} />}
    </Field>
  );
  return (
    <Pane title="Ticket" class="ticket">
      <form class="scroll" aria-label="Ticket" onSubmit={event => { event.preventDefault(); void send(); }}>
        <Choice label="Side" value={now.side} onChange={side => set({ side })}
          choices={SIDES.slice(0, 3).map(side => ({ value: side, title: sideInWords(side), tone: isBuy(side) ? "buy" : "sell" }))} />
        <div class="two">
          <Field label="Symbol" problem={wrong("symbol")} hint={instrument?.haltReason ? `halted: ${instrument.haltReason}` : instrument?.name}>
            {given => <input {...given} ref={symbol} name="symbol" list="symbols" autocomplete="off" spellcheck={false} value={now.symbol}
              onInput={event => { const next = event.currentTarget.value.trim().toUpperCase(); if (instruments.value.has(next)) look(next); else set({ symbol: next }); }} />}
          </Field>
          <Field label="Quantity" problem={wrong("quantity")} hint="also 2k, 1.5m">
            {given => <input {...given} ref={quantity} name="quantity" class="number" inputmode="numeric" autocomplete="off" value={now.quantity} onInput={event => set({ quantity: event.currentTarget.value })} />}
          </Field>
        </div>
        <Symbols />
        <div class="two quoted">{at("bid")}{at("ask")}</div>
        <div class="two">
          <Field label="Type" problem={wrong("orderType")}>
            {given => <select {...given} name="orderType" value={now.orderType} onChange={event => set({ orderType: event.currentTarget.value as Draft["orderType"] })}>{ORDER_TYPES.map(one => <option key={one} value={one}>{TYPES[one]}</option>)}</select>}
          </Field>
          <Field label="Good" problem={wrong("timeInForce")}>
            {given => <select {...given} name="timeInForce" value={now.timeInForce} onChange={event => set({ timeInForce: event.currentTarget.value as Draft["timeInForce"] })}>{shown.forces.map(one => <option key={one} value={one}>{one}</option>)}</select>}
          </Field>
          {shown.limit ? price_("limitPrice", now.orderType === "PEGGED" ? "Limit, if any" : "Limit") : null}
          {shown.stop ? price_("stopPrice", "Stop") : null}
          {shown.until ? (
            <Field label="Until: a date or a time" problem={wrong("expireDate") ?? wrong("expireTime")} hint="2026-12-24 or 2026-12-24T15:00">
              {given => <input {...given} value={now.until} onInput={event => set({ until: event.currentTarget.value })} />}
            </Field>
          ) : null}
          {shown.peg ? (
            <>
              <Field label="Follows" problem={wrong("peg") ?? wrong("peg.type")}>
                {given => <select {...given} value={now.pegType} onChange={event => set({ pegType: event.currentTarget.value as Draft["pegType"] })}>{PEG_TYPES.map(one => <option key={one} value={one}>{one.toLowerCase()}</option>)}</select>}
              </Field>
              {now.pegType !== "MIDPOINT" ? <Field label="Offset" problem={wrong("peg.offset")}>{given => <input {...given} class="number" value={now.pegOffset} onInput={event => set({ pegOffset: event.currentTarget.value })} />}</Field> : null}
            </>
          ) : null}
          <Field label="Account" problem={wrong("accountId")} class="whole">
            {given => <select {...given} name="accountId" value={now.accountId} onChange={event => set({ accountId: event.currentTarget.value })}>{accounts.value.map(one => <option key={one.accountId} value={one.accountId}>{one.accountId}</option>)}</select>}
          </Field>
          <Field label="Strategy" problem={wrong("routing.profile")} class="whole">
            {given => (
              <select {...given} name="profile" value={now.profile} onChange={event => set({ profile: event.currentTarget.value })}>
                <option value="">As the account</option>
                {profiles.value.map(one => <option key={one.profile} value={one.profile}>{one.profile}</option>)}
              </select>
            )}
          </Field>
        </div>
        {shown.algo ? <Algo now={now} wrong={wrong} /> : null}
        <More now={now} wrong={wrong} />
        <button type="submit" id="send" class={`send ${isBuying ? "buy" : "sell"}`} disabled={isSending.value || !may("trade")} aria-busy={isSending.value}>
          {isSending.value ? "Sending…" : `${sideInWords(now.side)} ${shares(made.order?.quantity ?? null)} ${now.symbol || "…"}`}
        </button>
        <p id="outcome" role="status" class={`outcome ${outcome.value.tone}`}>{may("trade") ? outcome.value.text : "This token has no right to trade."}</p>
        <Verdict foreseen={foreseen} order={made.order} />
      </form>
    </Pane>
  );
}
