// What a venue said that could not be applied: each waits for a person, who books it or sets it aside.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { components } from "../../api/schema";
import { accounts, may } from "../../store/desk";
import { price, shares } from "../../ui/numbers";
import { Badge, Button, Choice, Dialog, Empty, Field, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { sideInWords } from "../../words/reasons";

type Exception = components["schemas"]["ExceptionView"];
type Kind = components["schemas"]["ExceptionKind"];
type Side = components["schemas"]["Side"];
const READ_MS = 2_000;
const SHOWN_MAX = 100;
const KINDS: Readonly<Record<Kind, string>> = {
  UNREADABLE: "cannot be read", UNSUPPORTED_EXEC_TYPE: "an ExecType that is not supported", UNKNOWN_ORDER: "of an order that nobody knows", CONTRADICTS_CHILD: "contradicts our order",
  BAD_QUANTITY: "a quantity that cannot be", BAD_PRICE: "a price that cannot be", OVERFILL: "more than was ordered", CUM_QTY_DIFFERS: "a total that differs from ours", REPEATED_EXEC_ID: "an ExecID that came before with other content",
  UNKNOWN_TRADE: "corrects a trade that nobody knows", REFUSED_BY_SESSION: "refused by the session", GARBLED: "garbled", UNRESOLVED: "an order of which nobody knows what became", VENUE_REFUSED: "refused by the venue",
};
const SIDES: readonly { value: Side; title: string; tone: string }[] = [
  { value: "BUY", title: sideInWords("BUY"), tone: "buy" }, { value: "SELL", title: sideInWords("SELL"), tone: "sell" }, { value: "SELL_SHORT", title: sideInWords("SELL_SHORT"), tone: "sell" },
];

export function ExceptionsPane() {
  const [what, setWhat] = useState<"OPEN" | "all">("OPEN");
  const read = useRead(() => call("get", "/api/v1/exceptions", { query: { limit: SHOWN_MAX, ...(what === "OPEN" ? { status: "OPEN" as const } : {}) } }).then(found => found.exceptions), READ_MS, what);
  const [asking, setAsking] = useState<{ readonly one: Exception; readonly isBook: boolean } | null>(null);
  return (
    <Pane title="Execution exceptions" class="exceptions" tools={<Choice label="Which" value={what} choices={[{ value: "OPEN", title: "Open" }, { value: "all", title: "All" }]} onChange={setWhat} />}>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Raised</th><th>Venue</th><th>What is wrong</th><th>Trade</th><th>Account</th><th>Order</th><th>State</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.exceptionId}>
                  <td title={whole(one.raisedAt)}>{clock(one.raisedAt)}</td>
                  <td>{one.venueId}</td>
                  <td>{KINDS[one.kind as Kind] ?? one.kind}<div class="soft">{one.detail}</div></td>
                  <td>{one.lastQty === null ? "" : `${sideInWords(one.side)} ${shares(one.lastQty)} ${one.symbol} at ${price(one.lastPx)}`}</td>
                  <td>{one.accountId ?? "not known"}</td>
                  <td title={one.orderId ?? ""}>{one.orderId ? `…${one.orderId.slice(-8)}` : ""}</td>
                  <td><Badge tone={one.status === "OPEN" ? "bad" : "soft"}>{one.status.toLowerCase()}</Badge>{one.closedBy ? ` ${one.closedBy}: ${one.reason ?? ""}` : ""}</td>
                  <td class="actions">{one.status === "OPEN" && may("trade") ? (
                    <>
                      <Button run={() => setAsking({ one, isBook: true })} aria-label={`Book what ${one.venueId} said at ${clock(one.raisedAt)}`}>Book…</Button>
                      <Button run={() => setAsking({ one, isBook: false })} aria-label={`Set aside what ${one.venueId} said at ${clock(one.raisedAt)}`}>Set aside…</Button>
                    </>
                  ) : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "Nothing that a venue said waits for a person." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
      {asking?.isBook ? <BookDialog one={asking.one} onClose={() => setAsking(null)} onDone={() => void read.again()} /> : null}
      {asking && !asking.isBook ? (
        <ReasonDialog title="Set aside" what="Nothing is booked; why is kept with your name." action="Set aside" tone="danger" inWords={inWords} onClose={() => setAsking(null)}
          run={async reason => {
            await call("post", "/api/v1/exceptions/{exceptionId}/ignore", { path: { exceptionId: asking.one.exceptionId }, body: { reason } });
            say("Set aside.", "good");
            await read.again();
          }} />
      ) : null}
    </Pane>
  );
}

/** Book a trade that a person vouches for, with what is not known of it. */
function BookDialog({ one, onClose, onDone }: { one: Exception; onClose: () => void; onDone: () => void }) {
  const [accountId, setAccount] = useState(one.accountId ?? "");
  const [symbol, setSymbol] = useState(one.symbol);
  const [side, setSide] = useState<Side>((one.side || "BUY") as Side);
  const [quantity, setQuantity] = useState(one.lastQty === null ? "" : String(one.lastQty));
  const [at, setAt] = useState(one.lastPx ?? "");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const book = async () => {
    if (!reason.trim()) return setProblem("say why: it is kept with the trade");
    try {
      await call("post", "/api/v1/exceptions/{exceptionId}/book", {
        path: { exceptionId: one.exceptionId },
        body: { reason: reason.trim(), ...(accountId ? { accountId } : {}), ...(symbol ? { symbol } : {}), ...(side ? { side } : {}), ...(quantity ? { lastQty: Number(quantity.replace(/[,\s]/g, "")) } : {}), ...(at ? { lastPx: at } : {}) },
      });
      say("Booked.", "good");
      onDone();
      onClose();
    } catch (found) {
      setProblem(inWords(found));
    }
    return undefined;
  };
  return (
    <Dialog title={`Book what ${one.venueId} said`} onClose={onClose} class="wide">
      <form onSubmit={event => { event.preventDefault(); void book(); }}>
        <p>{KINDS[one.kind as Kind] ?? one.kind}: {one.detail}</p>
        <p><code class="raw">{one.raw}</code></p>
        <div class="row">
          <Field label="Account">
            {given => <select {...given} value={accountId} onChange={event => setAccount(event.currentTarget.value)}><option value="">as it came</option>{accounts.value.map(known => <option key={known.accountId} value={known.accountId}>{known.accountId}</option>)}</select>}
          </Field>
          <Field label="Symbol">{given => <input {...given} value={symbol} onInput={event => setSymbol(event.currentTarget.value.toUpperCase())} />}</Field>
          <Field label="Shares">{given => <input {...given} class="number" inputmode="numeric" value={quantity} onInput={event => setQuantity(event.currentTarget.value)} />}</Field>
          <Field label="Price">{given => <input {...given} class="number" inputmode="decimal" value={at} onInput={event => setAt(event.currentTarget.value)} />}</Field>
        </div>
        <Choice label="Side" value={side} choices={SIDES} onChange={setSide} />
        <Field label="Reason" problem={problem || undefined}>{given => <input {...given} value={reason} onInput={event => setReason(event.currentTarget.value)} />}</Field>
        <footer><Button run={onClose}>Back</Button><Button run={async () => { await book(); }} tone="main">Book</Button></footer>
      </form>
    </Dialog>
  );
}
