// Typed REST: a path, a method and what the contract says of both.
//
// The law of this file: a request is sent again only when that cannot do its work twice: it reads, or it has an id of its
// own (`repeats`). What was refused is never sent again; what nobody answered is, with the same content, within a deadline.
import type { paths } from "./schema";
import { ApiProblem, problemOf } from "./problems";

type Verb = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, V extends Verb> = NonNullable<paths[P][V]>;
type PathOf<O> = O extends { parameters: { path: infer X } } ? X : never;
type QueryOf<O> = O extends { parameters: { query?: infer X } } ? X : never;
type BodyOf<O> = O extends { requestBody?: { content: { "application/json": infer X } } } ? X : never;
type Json<R> = R extends { content: { "application/json": infer X } } ? X : never;
/** What an operation answers when it succeeds. */
export type AnswerOf<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 201 | 202)]> : never;

/** What is asked of an operation. repeats: it has an id of its own, so that sending it again does nothing twice. */
export interface Asked<O> {
  readonly path?: PathOf<O>;
  readonly query?: QueryOf<O>;
  readonly body?: BodyOf<O>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly repeats?: boolean;
}

/** Who asks. renew: try to get another token; returns whether there is one. */
export interface Caller {
  token(): string;
  renew(): Promise<boolean>;
}

export const CHANNEL = "DESK";
const ANSWER_MS_MAX = 15_000;
const DEADLINE_MS = 20_000;
const WAIT_MS = 250;
const WAIT_MS_MAX = 4_000;
const AGAIN: readonly number[] = [429, 502, 503, 504];
// Said of the caller before the request is looked at: after a try of which nothing is known they say nothing of that one.
const OF_CALLER: readonly number[] = [401, 403, 429];

let caller: Caller = { token: () => "", renew: () => Promise.resolve(false) };

/** Say who asks from now on. */
export function callAs(who: Caller): void {
  caller = who;
}

function addressOf(path: string, named: unknown, query: unknown): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((named as Record<string, unknown>)[name])));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null) asked.append(name, String(one));
  return asked.size ? `${filled}?${asked}` : filled;
}

async function once(address: string, verb: Verb, asked: Asked<unknown>): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${caller.token()}`, Accept: "application/json", "X-OMS-Channel": CHANNEL, ...asked.headers };
  if (asked.body !== undefined) headers["Content-Type"] = "application/json";
  const limit = AbortSignal.timeout(ANSWER_MS_MAX);
  return fetch(address, {
    method: verb.toUpperCase(),
    headers,
    signal: asked.signal ? AbortSignal.any([asked.signal, limit]) : limit,
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
  });
}

/** Wait so long, or until nobody waits for the answer any more. */
const pause = (ms: number, signal?: AbortSignal) => new Promise<void>(done => {
  const timer = setTimeout(done, ms);
  signal?.addEventListener("abort", () => {
    clearTimeout(timer);
    done();
  }, { once: true });
});

/** Ask an operation of the contract. Throws ApiProblem when it is refused, and what fetch throws when nobody answers. */
export async function call<P extends keyof paths, V extends Verb>(
  verb: V, path: P, asked: Asked<Operation<P, V>> = {},
): Promise<AnswerOf<Operation<P, V>>> {
  const address = addressOf(path, asked.path, asked.query);
  const mayRepeat = verb === "get" || asked.repeats === true;
  const until = Date.now() + DEADLINE_MS;
  let renewed = false;
  let doubt: unknown = null;
  for (let wait = WAIT_MS; ; wait = Math.min(wait * 2, WAIT_MS_MAX)) {
    let ahead = wait;
    try {
      const answer = await once(address, verb, asked as Asked<unknown>);
      if (answer.ok) return (await answer.json()) as AnswerOf<Operation<P, V>>;
      const problem = await problemOf(answer);
      if (answer.status === 401 && !renewed && (await caller.renew())) {
        renewed = true;
        continue;
      }
      ahead = problem.retryAfterMs ?? wait;
      if (!mayRepeat || !AGAIN.includes(answer.status) || Date.now() + ahead > until)
        throw doubt !== null && OF_CALLER.includes(answer.status) ? doubt : problem;
      if (!OF_CALLER.includes(answer.status)) doubt = problem;
    } catch (problem) {
      if (problem instanceof ApiProblem || asked.signal?.aborted || !mayRepeat || Date.now() + ahead > until) throw problem;
      doubt = problem;
    }
    await pause(ahead, asked.signal);
  }
}
