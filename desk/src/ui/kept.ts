// What a person has set up and finds again: in this browser, for each person by themselves.
import { effect, signal, type Signal } from "@preact/signals";
import { me } from "../store/desk";

const KEY = "oms-kept:";

/** Return a signal that everybody finds as they left it. isGood: whether what was kept can still be used. */
export function kept(name: string, first: string, isGood: (value: string) => boolean = () => true): Signal<string> {
  const value = signal(first);
  let whose = "";
  effect(() => {
    const who = me.value?.subject ?? "";
    if (who === whose) return;
    whose = who;
    const found = who ? localStorage.getItem(`${KEY}${who}:${name}`) : null;
    value.value = found !== null && isGood(found) ? found : first;
  });
  effect(() => {
    const now = value.value;
    if (whose) localStorage.setItem(`${KEY}${whose}:${name}`, now);
  });
  return value;
}
