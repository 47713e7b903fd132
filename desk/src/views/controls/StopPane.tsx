// Stop trading of a scope: what is stopped is said in words before anything is done.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { ApiProblem, inWords } from "../../api/problems";
import { may, readKills } from "../../store/desk";
import { ask } from "../../ui/ask";
import { Button, Choice, Field, Pane } from "../../ui/parts";
import { named, ScopeFields, scopeInWords, type Kind, type Scope } from "../../ui/scope";
import { say } from "../../ui/toasts";
import { closings, scopeFields } from "./closings";
import { STAGES, type Stage } from "./stages";
import { stopOf } from "./stop";

const KINDS: readonly Kind[] = ["account", "symbol", "venue", "trader", "strategy", "desk", "sector", "firm"];

export function StopPane({ onDone }: { onDone: (switchId: string) => void }) {
  const [scope, setScope] = useState<Scope>({});
  const [isEverything, setEverything] = useState(false);
  const [stage, setStage] = useState<Stage>("CANCEL");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const names = isEverything ? {} : named(scope);
  const does = STAGES.find(one => one.value === stage)?.does ?? "";
  const stop = async () => {
    setProblem("");
    const wanted = stopOf(scope, isEverything, reason);
    if (typeof wanted === "string") return setProblem(wanted);
    let closed: readonly string[] = [];
    try {
      if (stage === "FLATTEN") closed = await closings(wanted.names);
    } catch (found) {
      return setProblem(inWords(found));
    }
    if (!(await ask(`Stop ${scopeInWords(wanted.names)}?`, [does, ...closed, `It holds until somebody with the right to release it does so. Reason: ${wanted.reason}`], "Stop"))) return undefined;
    try {
      const set = await call("post", "/api/v1/kill-switches", {
        body: { ...scopeFields(wanted.names), stage, reason: wanted.reason },
        repeats: true,
      });
      say(`Stopped: ${scopeInWords(wanted.names)}.`, "good");
      setReason("");
      setScope({});
      setEverything(false);
      onDone(set.switchId);
    } catch (found) {
      setProblem(found instanceof ApiProblem && found.status === 503 ? `${inWords(found)}. Nothing new leaves while the switches cannot be stored; try again.` : inWords(found));
    }
    await readKills();
    return undefined;
  };
  if (!may("stop")) return <Pane title="Stop trading"><p class="empty">Stopping takes the right “stop”, which your token does not give.</p></Pane>;
  return (
    <Pane title="Stop trading" class="stop">
      <form class="scroll form" onSubmit={event => { event.preventDefault(); void stop(); }}>
        <p class="soft">What has every name that is given is stopped, at every door, in routing and at the last gate, within a second.</p>
        <label class="check"><input type="checkbox" checked={isEverything} onChange={event => setEverything(event.currentTarget.checked)} />Everything</label>
        <ScopeFields kinds={KINDS} value={isEverything ? {} : scope} onChange={setScope} disabled={isEverything} />
        <Choice label="How far" value={stage} choices={STAGES.filter(one => may(one.right))} onChange={setStage} />
        <p class="soft">{does}</p>
        <Field label="Reason" problem={problem || undefined}>
          {given => <input {...given} value={reason} onInput={event => setReason(event.currentTarget.value)} />}
        </Field>
        <Button run={async () => { await stop(); }} tone="danger" id="stop">Stop {isEverything || Object.keys(names).length ? scopeInWords(names) : "…"}</Button>
      </form>
    </Pane>
  );
}
