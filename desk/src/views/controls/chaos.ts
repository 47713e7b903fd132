// What the chaos panel says: what is broken now, what became of the orders meanwhile, how an invariant stands.
import type { ChaosAction as Action, ChaosInvariant as Invariant, ChaosKind as Kind } from "../../api/types";
import { decimals } from "../../ui/numbers";

export const KINDS: readonly { readonly value: Kind; readonly title: string; readonly verb: string; readonly does: string }[] = [
  { value: "KILL", title: "Kill a process", verb: "Kill", does: "It is ended with −9, as a crash does, and started again when the time is over." },
  { value: "CUT", title: "Cut a session", verb: "Cut", does: "The venue drops its FIX session, as a broken line does, and takes no log-on until the time is over." },
  { value: "UNKIND", title: "Unkind venue", verb: "Make unkind", does: "The venue misbehaves at some of its messages until the time is over." },
];

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));

/** Return what was done, as the beginning of a sentence. */
export function done(action: Action): string {
  switch (action.kind) {
    case "KILL": return `${action.target} killed`;
    case "CUT": return `Session of ${action.target} cut`;
    case "UNKIND": return `${action.target} made unkind (${action.fault})`;
  }
}

/** Return how long it took until its target was back, in seconds. */
const lasted = (action: Action): string => decimals((Date.parse(action.overAt ?? action.endsAt) - Date.parse(action.startedAt)) / 1000, 1);

/** Return what became of the orders that were acked meanwhile. */
export function outcome(action: Action): string {
  if (!action.acked) return "No order was acked meanwhile.";
  const acked = `${action.acked} order${action.acked === 1 ? "" : "s"} acked meanwhile`;
  if (action.waiting) return `${acked}: ${action.waiting} wait${action.waiting === 1 ? "s" : ""} for an outcome.`;
  return action.working ? `${acked}: ${action.closed} final, ${action.working} working, none lost.` : `${acked}, all final.`;
}

/** Say how it stands. now: by the clock of the stack. */
export function standing(action: Action, now: number): string {
  const since = seconds(now - Date.parse(action.startedAt));
  const left = seconds(Date.parse(action.endsAt) - now);
  switch (action.phase) {
    case "ON": return `${done(action)} ${since} s ago. ${action.does} ${left ? `Back in ${left} s.` : "It is coming back."}`;
    case "RECOVERING": return `${done(action)} ${since} s ago. Its time is over, it is coming back.`;
    case "LATE": return `${done(action)} ${since} s ago, and it should have been back long ago: see its log.`;
    case "DONE": return `${done(action)}, back after ${lasted(action)} s. ${outcome(action)}`;
  }
}

/** Whether something is broken on purpose, so that nothing else may be. */
export const isOn = (action: Action | undefined): boolean => action?.phase === "ON" || action?.phase === "RECOVERING";

/** Whether the gateway is away because it was asked for, as far as the last answer knew. */
export const isGatewayKilled = (action: Action | undefined): boolean => action !== undefined && isOn(action) && action.kind === "KILL" && action.target === "oms-api";

/** Say how an invariant stands, with its tone. */
export function stands(one: Invariant): { readonly word: string; readonly tone: "good" | "warn" | "bad" | "soft" } {
  switch (one.state) {
    case "HOLDS": return { word: "holds", tone: "good" };
    case "IN_FLIGHT": return { word: `does not yet: ${one.inFlight} in flight`, tone: "warn" };
    case "BROKEN": return { word: `broken: ${one.broken}`, tone: "bad" };
    case "UNKNOWN": return { word: "not looked at yet", tone: "soft" };
  }
}
