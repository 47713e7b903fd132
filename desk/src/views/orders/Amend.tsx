// A change of one order, in a strip over its row: its quantity and prices, what risk would say, and one request.
import { useEffect, useRef, useState } from "preact/hooks";
import { uuid7 } from "../../api/ids";
import { ApiProblem, inWords } from "../../api/problems";
import type { ReplaceRequest } from "../../api/types";
import { orders } from "../../store/orders";
import { Button, Field } from "../../ui/parts";
import { shares } from "../../ui/numbers";
import { say } from "../../ui/toasts";
import { reasonInWords, sideInWords } from "../../words/reasons";
import { replace, verdictOf } from "./actions";
import { changeOf } from "./order";
import { amending, grid } from "./state";

const PREVIEW_MS = 250;

export function Amend({ orderId }: { orderId: string }) {
  const [order] = useState(() => orders.get(orderId));
  const [quantity, setQuantity] = useState(String(order?.quantity ?? ""));
  const [limit, setLimit] = useState(order?.limitPrice ?? "");
  const [stop, setStop] = useState(order?.stopPrice ?? "");
  const [said, setSaid] = useState<{ text: string; isBad: boolean }>({ text: "", isBad: false });
  const intent = useRef({ content: "", key: "" });
  const isSending = useRef(false);
  const first = useRef<HTMLInputElement>(null);
  const place = grid.current?.placeOfActive();
  const close = () => {
    amending.value = "";
    grid.current?.focus();
  };
  useEffect(() => {
    first.current?.focus();
    first.current?.select();
  }, []);
  const change = (): ReplaceRequest | string => (order ? changeOf(order, quantity, limit, stop) : "");
  useEffect(() => {
    const wanted = change();
    if (typeof wanted === "string" || !order) {
      setSaid({ text: typeof wanted === "string" ? wanted : "", isBad: false });
      return undefined;
    }
    const asking = new AbortController();
    const timer = setTimeout(() => {
      verdictOf(order, wanted, asking.signal).then(
        risk => setSaid(risk.accepted ? { text: "risk would accept it", isBad: false } : { text: reasonInWords(risk.denial), isBad: true }),
        (problem: unknown) => asking.signal.aborted || setSaid({ text: inWords(problem), isBad: true }),
      );
    }, PREVIEW_MS);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [quantity, limit, stop]);
  if (!order) return null;
  const submit = async () => {
    if (isSending.current) return;
    isSending.current = true;
    await send().finally(() => (isSending.current = false));
  };
  const send = async () => {
    const wanted = change();
    if (typeof wanted === "string") {
      setSaid({ text: wanted, isBad: true });
      return;
    }
    const content = JSON.stringify(wanted);
    if (intent.current.content !== content) intent.current = { content, key: uuid7() };
    try {
      say(await replace(order, wanted, intent.current.key), "good");
      close();
    } catch (problem) {
      if (problem instanceof ApiProblem && problem.refused) intent.current = { content: "", key: "" };
      setSaid({ text: problem instanceof ApiProblem && problem.refused ? inWords(problem) : `not answered: ${inWords(problem)}; Change sends the same request again`, isBad: true });
    }
  };
  return (
    <form class="amend" style={{ top: `${Math.max(0, (place?.top ?? 0) - 2)}px` }} aria-label={`Change ${sideInWords(order.side)} ${shares(order.quantity)} ${order.symbol}`}
      onSubmit={event => { event.preventDefault(); void submit(); }} onKeyDown={event => { if (event.key === "Escape") { event.stopPropagation(); close(); } }}>
      <strong>{sideInWords(order.side)} {order.symbol}</strong>
      <Field label="Quantity">{given => <input {...given} ref={first} class="number" inputmode="numeric" value={quantity} onInput={event => setQuantity(event.currentTarget.value)} />}</Field>
      {order.limitPrice ? <Field label="Limit">{given => <input {...given} class="number" inputmode="decimal" value={limit} onInput={event => setLimit(event.currentTarget.value)} />}</Field> : null}
      {order.stopPrice ? <Field label="Stop">{given => <input {...given} class="number" inputmode="decimal" value={stop} onInput={event => setStop(event.currentTarget.value)} />}</Field> : null}
      <button type="submit" hidden />
      <Button run={submit} tone="main">Change</Button>
      <Button run={close}>Leave</Button>
      <p role="status" class={said.isBad ? "bad" : "soft"}>{said.text}</p>
    </form>
  );
}
