// What a view reads again and again: the newest answer, and why there is no newer one.
import { useEffect, useRef, useState } from "preact/hooks";
import { inWords } from "../api/problems";

export interface Read<T> {
  /** The newest answer, null before the first. */
  readonly value: T | null;
  /** Why the last try brought nothing, empty when it did: what is shown is then as old as `at`. */
  readonly problem: string;
  readonly at: number;
  readonly again: () => Promise<void>;
}

/** Read when the view opens, when `about` is another, and every `everyMs` while somebody looks; 0: not by itself. */
export function useRead<T>(read: () => Promise<T>, everyMs: number, about: string = ""): Read<T> {
  const [state, setState] = useState<{ about: string; value: T | null; problem: string; at: number }>({ about, value: null, problem: "", at: 0 });
  const newest = useRef(0);
  const now = useRef(read);
  now.current = read;
  const again = async () => {
    const mine = (newest.current += 1);
    const answer = await now.current().then(value => ({ value, problem: "" }), (found: unknown) => ({ value: null, problem: inWords(found) }));
    // A slower answer to what was asked before is nothing to go by.
    if (mine !== newest.current) return;
    setState(before => (answer.problem
      ? { about, value: before.about === about ? before.value : null, problem: answer.problem, at: before.at }
      : { about, value: answer.value, problem: "", at: Date.now() }));
  };
  useEffect(() => {
    void again();
    if (!everyMs) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) void again();
    }, everyMs);
    return () => {
      newest.current += 1;
      clearInterval(timer);
    };
  }, [about, everyMs]);
  const isOfNow = state.about === about;
  return { value: isOfNow ? state.value : null, problem: isOfNow ? state.problem : "", at: isOfNow ? state.at : 0, again };
}
