// A stored decision again, with other weights, without venues, or by another profile: what would have come out.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { WhatIfRequest } from "../../api/types";
import { profiles } from "../../store/desk";
import { Button, Field } from "../../ui/parts";
import { decimals, shares } from "../../ui/numbers";
import { plainWords } from "../../words/reasons";
import { planOf, ranked, weightsOf, type Plan } from "./plan";

const ASK_MS = 250;
/** Whether a decision was made again since the page knows. */
export const hasAnswer = signal(false);

function Difference({ before, after }: { before: Plan; after: Plan }) {
  const names = [...new Set([...ranked(before), ...ranked(after)].map(venue => venue.venueId))];
  const of = (plan: Plan, name: string) => plan.explanation?.venues?.find(venue => venue.venueId === name);
  const cost = (plan: Plan) => (plan.explanation?.expectedCostBps ? `${decimals(plan.explanation.expectedCostBps, 2)} bps` : "not known");
  const isSame = names.every(name => (of(before, name)?.allocated ?? 0) === (of(after, name)?.allocated ?? 0));
  return (
    <div class="difference" role="status">
      <p><b>{isSame ? "The same shares at the same venues." : "Another plan."}</b> Cost {cost(before)} as it was, {cost(after)} now. {plainWords(after.explanation?.summary ?? after.reason)}</p>
      <table class="plain">
        <thead><tr><th>Venue</th><th class="number">Was</th><th class="number">Now</th><th class="number">Score was</th><th class="number">Now</th><th>Now because</th></tr></thead>
        <tbody>
          {names.map(name => {
            const [one, other] = [of(before, name), of(after, name)];
            const differs = (one?.allocated ?? 0) !== (other?.allocated ?? 0);
            return <tr key={name} class={differs ? "differs" : ""}><td>{name}</td><td class="number">{shares(one?.allocated ?? 0)}</td><td class="number">{differs ? "→ " : ""}{shares(other?.allocated ?? 0)}</td><td class="number">{one?.score ? decimals(one.score, 3) : ""}</td><td class="number">{other?.score ? decimals(other.score, 3) : ""}</td><td>{plainWords(other?.reason)}</td></tr>;
          })}
        </tbody>
      </table>
    </div>
  );
}

export function WhatIf({ orderId, attempt, plan }: { orderId: string; attempt: number; plan: Plan }) {
  const stored = weightsOf(plan);
  const [weights, setWeights] = useState<Readonly<Record<string, number>>>(stored);
  const [without, setWithout] = useState<readonly string[]>([]);
  const [profile, setProfile] = useState("");
  const [found, setFound] = useState<{ readonly after: Plan | null; readonly problem: string }>({ after: null, problem: "" });
  const isChanged = without.length > 0 || profile !== "" || Object.keys(stored).some(name => weights[name] !== stored[name]);
  useEffect(() => {
    if (!isChanged) {
      setFound({ after: null, problem: "" });
      return undefined;
    }
    const stop = new AbortController();
    const body: WhatIfRequest = {
      ...(profile ? { profile } : {}), ...(without.length ? { without: [...without] } : {}),
      ...(Object.keys(stored).some(name => weights[name] !== stored[name]) ? { weights: Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, String(weight)])) } : {}),
    };
    const timer = setTimeout(() => {
      call("post", "/api/v1/orders/{orderId}/routes/{attempt}/whatif", { path: { orderId, attempt }, body, signal: stop.signal }).then(
        answer => {
          hasAnswer.value = true;
          setFound({ after: planOf(answer.changed), problem: "" });
        },
        (problem: unknown) => stop.signal.aborted || setFound({ after: null, problem: inWords(problem) }),
      );
    }, ASK_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [JSON.stringify([weights, without, profile])]);
  return (
    <div class="whatif">
      <form onSubmit={event => event.preventDefault()} aria-label="What if">
        {Object.keys(stored).map(name => (
          <Field key={name} label={`${name}: ${decimals(weights[name] ?? 0, 2)}${weights[name] === stored[name] ? "" : `, was ${decimals(stored[name] ?? 0, 2)}`}`}>
            {given => <input {...given} type="range" min={0} max={1} step={0.05} value={weights[name] ?? 0} data-term={name} onInput={event => setWeights({ ...weights, [name]: Number(event.currentTarget.value) })} />}
          </Field>
        ))}
        <fieldset class="without"><legend class="soft">Without</legend>
          {(plan.explanation?.venues ?? []).map(venue => (
            <label key={venue.venueId} class="check"><input type="checkbox" checked={without.includes(venue.venueId)} onChange={event => setWithout(event.currentTarget.checked ? [...without, venue.venueId] : without.filter(name => name !== venue.venueId))} />{venue.venueId}</label>
          ))}
        </fieldset>
        <Field label="By the profile">
          {given => <select {...given} value={profile} onChange={event => setProfile(event.currentTarget.value)}><option value="">as it was</option>{profiles.value.map(one => <option key={one.profile} value={one.profile}>{one.profile}</option>)}</select>}
        </Field>
        <Button run={() => { setWeights(stored); setWithout([]); setProfile(""); }} disabled={!isChanged}>As it was</Button>
      </form>
      {found.problem ? <p class="bad">{found.problem}</p> : found.after ? <Difference before={plan} after={found.after} /> : <p class="soft">Move a slider, leave a venue out, or take another profile: the stored decision is made again with that, on the book as it was.</p>}
    </div>
  );
}
