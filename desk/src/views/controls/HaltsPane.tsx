// Instruments that are halted: nothing of them goes out, cancels are taken.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import { instruments, may } from "../../store/desk";
import { Button, Empty, Field, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";

const READ_MS = 5_000;

export function HaltsPane() {
  const read = useRead(() => call("get", "/api/v1/halts").then(found => found.halts), READ_MS);
  const [symbol, setSymbol] = useState("");
  const [asking, setAsking] = useState<{ readonly symbol: string; readonly isLift: boolean } | null>(null);
  const isKnown = instruments.value.has(symbol);
  const ask = asking;
  return (
    <Pane title="Halts" class="halts">
      <div class="scroll form" tabIndex={0}>
        {may("stop") ? (
          <form class="row" onSubmit={event => { event.preventDefault(); if (isKnown) setAsking({ symbol, isLift: false }); }}>
            <Field label="Symbol" problem={symbol && !isKnown ? "no such instrument" : undefined}>
              {given => (
                <>
                  <input {...given} value={symbol} list="halt-symbols" spellcheck={false} autocomplete="off" onInput={event => setSymbol(event.currentTarget.value.toUpperCase())} />
                  <datalist id="halt-symbols">{[...instruments.value.keys()].map(one => <option key={one} value={one} />)}</datalist>
                </>
              )}
            </Field>
            <Button run={() => setAsking({ symbol, isLift: false })} tone="danger" disabled={!isKnown}>Halt…</Button>
          </form>
        ) : null}
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Symbol</th><th>Since</th><th>By</th><th>Reason</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.symbol}>
                  <td>{one.symbol}</td><td title={whole(one.setAt)}>{clock(one.setAt)}</td><td>{one.setBy}</td><td>{one.reason}</td>
                  <td>{may("stop") ? <Button run={() => setAsking({ symbol: one.symbol, isLift: true })} aria-label={`Lift the halt of ${one.symbol}`}>Lift…</Button> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "Nothing is halted." : "One moment…"}</Empty>}
      </div>
      {ask ? (
        <ReasonDialog title={`${ask.isLift ? "Lift the halt of" : "Halt"} ${ask.symbol}`} inWords={inWords} onClose={() => setAsking(null)} tone={ask.isLift ? "main" : "danger"}
          what={ask.isLift ? "Orders of it are taken again, and those that waited go on." : "New orders of it are denied and nothing of it is sent; orders that are open stay, and can be canceled."}
          action={ask.isLift ? "Lift" : "Halt"}
          run={async reason => {
            if (ask.isLift) await call("post", "/api/v1/halts/{symbol}/lift", { path: { symbol: ask.symbol }, body: { reason } });
            else await call("post", "/api/v1/halts", { body: { symbol: ask.symbol, reason } });
            say(`${ask.isLift ? "Lifted: the halt of" : "Halted:"} ${ask.symbol}.`, "good");
            setSymbol("");
            await read.again();
          }} />
      ) : null}
    </Pane>
  );
}
