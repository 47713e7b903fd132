// What is stopped when somebody stops trading, or what keeps that from being said. Without a browser.
//
// The law of this file: nothing is stopped for everybody because nothing was named: everything has to be said.
import { named, type Scope } from "../../ui/scope";

export interface Stop {
  readonly names: Scope;
  readonly reason: string;
}

/** Return what a form stops, or why it stops nothing yet. */
export function stopOf(scope: Scope, isEverything: boolean, reason: string): Stop | string {
  const names = isEverything ? {} : named(scope);
  if (!isEverything && !Object.keys(names).length) return "name at least one thing, or say everything";
  if (!reason.trim()) return "say why: it is kept with the switch";
  return { names, reason: reason.trim() };
}
