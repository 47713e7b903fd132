// Break something on purpose, and see what holds: in a demo's stack only. Everything mends by itself.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { Chaos, ChaosAction as Action, ChaosInvariant as Invariant, ChaosKind as Kind } from "../../api/types";
import { chaos, READ_MS, readChaos, stackNow } from "../../store/chaos";
import { ask } from "../../ui/ask";
import { shares } from "../../ui/numbers";
import { Badge, Button, Choice, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock } from "../../ui/time";
import { done, isGatewayKilled, isOn, KINDS, outcome, standing, stands } from "./chaos";

const TICK_MS = 500;
const PAST_MAX = 4;

interface Wanted {
  readonly kind: Kind;
  readonly target: string;
  readonly fault: string;
  readonly seconds: string;
}

/** What the panel is set to: the guide sets it too. */
export const wanted = signal<Wanted>({ kind: "KILL", target: "oms-core", fault: "BUST", seconds: "8" });
const problem = signal("");

/** Set the panel; a target of another kind is replaced by the first that fits. */
export function want(change: Partial<Wanted>): void {
  const now = { ...wanted.value, ...change };
  const said = chaos.value?.said;
  const targets = (now.kind === "KILL" ? said?.processes : said?.venues) ?? [];
  wanted.value = targets.some(one => one.name === now.target) ? now : { ...now, target: targets[0]?.name ?? now.target };
  problem.value = "";
}

/** Do what the panel is set to, once somebody has said yes. */
async function begin(does: string): Promise<void> {
  const { kind, target, fault, seconds } = wanted.value;
  const count = Number(seconds);
  if (!Number.isInteger(count) || count < 1 || count > 60) {
    problem.value = "a whole number of seconds from 1 to 60";
    return;
  }
  const verb = KINDS.find(one => one.value === kind)?.verb ?? kind;
  const what = `${verb} ${kind === "CUT" ? `the session of ${target}` : target}`;
  if (!(await ask(`${what} for ${count} s?`, [does, "It mends by itself when the time is over."], what))) return;
  try {
    await call("post", "/api/v1/chaos", { body: { kind, target, seconds: count, ...(kind === "UNKIND" ? { fault } : {}) } });
    problem.value = "";
    await readChaos();
  } catch (found) {
    problem.value = inWords(found);
  }
}

function Form({ said }: { said: Chaos | null }) {
  const now = wanted.value;
  const targets = (now.kind === "KILL" ? said?.processes : said?.venues) ?? [];
  const kind = KINDS.find(one => one.value === now.kind);
  const target = targets.find(one => one.name === now.target);
  const fault = said?.faults.find(one => one.name === now.fault);
  const does = (now.kind === "UNKIND" ? fault : target)?.does ?? "";
  const newest = said?.actions[0];
  return (
    <form class="form" onSubmit={event => { event.preventDefault(); void begin(does); }}>
      <Choice label="What to break" value={now.kind} choices={KINDS} onChange={value => want({ kind: value })} />
      <div class="row">
        <Field label={now.kind === "KILL" ? "Process" : "Venue"}>
          {given => <select {...given} name="target" value={now.target} onChange={event => want({ target: event.currentTarget.value })}>{targets.map(one => <option key={one.name} value={one.name}>{one.name}</option>)}</select>}
        </Field>
        {now.kind === "UNKIND" ? (
          <Field label="How">
            {given => <select {...given} name="fault" value={now.fault} onChange={event => want({ fault: event.currentTarget.value })}>{(said?.faults ?? []).map(one => <option key={one.name} value={one.name}>{one.name}</option>)}</select>}
          </Field>
        ) : null}
        <Field label="Seconds" class="seconds">
          {given => <input {...given} name="seconds" class="number" inputmode="numeric" value={now.seconds} onInput={event => want({ seconds: event.currentTarget.value })} />}
        </Field>
        <Button run={() => begin(does)} tone="danger" id="break" disabled={!target || isOn(newest)}>{kind?.verb} {target?.name ?? "…"}</Button>
      </div>
      {problem.value ? <p class="bad" role="alert">{problem.value}</p> : null}
      <p class="soft">{kind?.does} {does}</p>
    </form>
  );
}

function Past({ actions }: { actions: readonly Action[] }) {
  if (!actions.length) return null;
  return (
    <ul class="plain past">
      {actions.slice(0, PAST_MAX).map(one => <li key={one.startedAt} class="soft">{clock(one.startedAt)} {done(one)} by {one.by}. {outcome(one)}</li>)}
    </ul>
  );
}

function Invariants({ said }: { said: Chaos }) {
  return (
    <table class="plain invariants">
      <thead><tr><th>What must hold</th><th>Now</th><th class="number">Looked at</th><th>At</th></tr></thead>
      <tbody>{said.invariants.map(one => <Line key={one.invariant} one={one} />)}</tbody>
    </table>
  );
}

function Line({ one }: { one: Invariant }) {
  const { word, tone } = stands(one);
  return (
    <tr data-state={one.state}>
      <td>{one.invariant}{one.sentences.map(sentence => <p key={sentence} class="bad wrong">{sentence}</p>)}</td>
      <td><Badge tone={tone}>{word}</Badge></td>
      <td class="number">{one.lookedAt ? shares(one.examined) : ""}</td>
      <td>{clock(one.lookedAt)}</td>
    </tr>
  );
}

/** Draw again as time goes: seconds are counted. */
function useTick(): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw(count => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
}

export function ChaosPane() {
  useTick();
  const read = useRead(readChaos, READ_MS);
  // The newest, also what was read at once after something was begun.
  const said = chaos.value?.said ?? null;
  const newest = said?.actions[0];
  const away = read.problem
    ? isGatewayKilled(newest) ? "The gateway is away, as was asked for: the page finds it again by itself." : `Not read now: ${read.problem}.`
    : said?.problem ?? "";
  return (
    <Pane title="Chaos" class="chaos" tools={<span class="soft">of this demo only</span>}>
      <div class="scroll both" tabIndex={0}>
        <div>
          <Form said={said} />
          <div class="form">
            <p id="chaos-now" role="status" class={isOn(newest) ? "warn" : newest?.phase === "LATE" ? "bad" : ""} data-phase={newest?.phase ?? ""}>{newest ? standing(newest, stackNow()) : "Nothing is broken on purpose."}</p>
            {away ? <p class="warn" id="chaos-away">{away}</p> : null}
            <Past actions={said?.actions.slice(1) ?? []} />
          </div>
        </div>
        <div class="form">
          {said ? <Invariants said={said} /> : <p class="soft">One moment…</p>}
          {said ? <p class="soft">The judge of <code>oms verify</code>: the last two minutes' orders every few seconds ({shares(said.recentMs)} ms), everything every {said.wholeEveryS} s ({shares(said.wholeMs)} ms).</p> : null}
        </div>
      </div>
    </Pane>
  );
}
