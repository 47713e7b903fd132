// Who uses the page: log-in at the issuer, a pasted token, renewal ahead of its end, sign-out.
//
// The law of this file: what log-in gives stays in this tab's sessionStorage and ends with the tab. A pasted token is kept
// in memory alone. A token is renewed before it ends, and whoever listens (`onToken`) is told of the new one.
import { signal } from "@preact/signals";
import { ApiProblem, inWords } from "../api/problems";
import { Issuer, pageSettings, type Granted, type Persona } from "./issuer";
import { chance, challengeOf, claimsOf } from "./pkce";

const ASKED = "oms-asked";
const LOG_IN = "oms-log-in";
const RENEW_AT = 0.75;
const TIMER_MS_MAX = 2 ** 31 - 1;
const RETRY_MS = 1_000;
const SKEW_MS = 5_000;

interface Kept {
  readonly refresh?: string | undefined;
  readonly identity?: string | undefined;
}

interface AskedFor {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Who is here. ASKING: it is not known yet. ENDED: was here, and has to log in again. */
export type Presence = "ASKING" | "OUT" | "IN" | "ENDED";

export const presence = signal<Presence>("ASKING");
/** How the log-in calls the person; empty with a pasted token, which /me says more of. */
export const person = signal("");
/** Of which firm that person is, where the log-in says so. */
export const firm = signal("");
/** Who may be picked at the issuer without a password: a demo's personas, nobody anywhere else. */
export const personas = signal<readonly Persona[]>([]);
/** Whether this gateway has an issuer for the page, and this page may do cryptography. */
export const mayLogIn = signal(false);
export const problem = signal("");
/** Whether this is a demo's stack. */
export const isDemo = signal(false);

let issuer: Issuer | null = null;
let token = "";
let endsAt = Infinity;
let timer: ReturnType<typeof setTimeout> | undefined;
let renewing: Promise<boolean> | null = null;
const listeners = new Set<(token: string) => void>();

const kept = (): Kept | null => JSON.parse(sessionStorage.getItem(LOG_IN) ?? "null") as Kept | null;

/** Return the access token, empty without one. */
export const accessToken = (): string => token;

/** Whether the token has ended, or is about to. */
export const tokenEnded = (): boolean => Date.now() > endsAt - SKEW_MS;

/** Be told of each new token of the same person. Returns how to stop. */
export function onToken(listener: (token: string) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function forget(): void {
  clearTimeout(timer);
  sessionStorage.removeItem(LOG_IN);
  token = "";
  endsAt = Infinity;
  person.value = "";
  firm.value = "";
}

function take(granted: Granted, before: Kept = {}): void {
  const now: Kept = { refresh: granted.refresh_token ?? before.refresh, identity: granted.id_token ?? before.identity };
  sessionStorage.setItem(LOG_IN, JSON.stringify(now));
  token = granted.access_token;
  const lastsMs = (granted.expires_in ?? 60) * 1000;
  endsAt = Date.now() + lastsMs;
  clearTimeout(timer);
  if (now.refresh) timer = setTimeout(() => void renew(), Math.min(lastsMs * RENEW_AT, TIMER_MS_MAX));
  const claims = claimsOf(now.identity ?? token);
  person.value = String(claims["preferred_username"] ?? claims["sub"] ?? "");
  firm.value = String(claims["oms_firm"] ?? "");
  problem.value = "";
  presence.value = "IN";
}

/** Get another token by the refresh token. Returns whether there is one. An issuer that does not answer is asked again. */
export function renew(): Promise<boolean> {
  renewing ??= renewOnce().finally(() => (renewing = null));
  return renewing;
}

async function renewOnce(): Promise<boolean> {
  const before = kept();
  if (!issuer || !before?.refresh) return false;
  try {
    const granted = await issuer.ask("token_endpoint", { grant_type: "refresh_token", refresh_token: before.refresh });
    if (kept()?.refresh !== before.refresh) return false;
    take(granted, before);
    for (const listener of listeners) listener(token);
    return true;
  } catch (found) {
    if (found instanceof ApiProblem && found.refused) end("the log-in has ended");
    else if (kept()) {
      clearTimeout(timer);
      timer = setTimeout(() => void renew(), RETRY_MS);
    }
    return false;
  }
}

/** Take that the token counts no more: somebody has to log in again. */
export function end(why: string): void {
  forget();
  problem.value = why;
  presence.value = "ENDED";
}

/** Use a token that somebody has brought. Throws on what is no token. */
export function paste(text: string): void {
  const given = text.trim();
  let claims: Record<string, unknown>;
  try {
    claims = claimsOf(given);
  } catch {
    throw new Error("this is no access token: three parts with dots between them were expected");
  }
  forget();
  token = given;
  const exp = Number(claims["exp"]);
  endsAt = Number.isFinite(exp) ? exp * 1000 : Infinity;
  firm.value = String(claims["oms_firm"] ?? "");
  problem.value = "";
  presence.value = "IN";
}

/** Go to the issuer, which sends the person back here. as: the persona that was picked, none: the issuer asks who it is. */
export async function logIn(as?: string): Promise<void> {
  if (!issuer) return;
  try {
    const asked: AskedFor = { state: chance(), nonce: chance(), verifier: chance() };
    const query = new URLSearchParams({
      response_type: "code", client_id: issuer.settings.clientId, redirect_uri: `${location.origin}/`, scope: issuer.settings.scope,
      state: asked.state, nonce: asked.nonce, code_challenge: await challengeOf(asked.verifier), code_challenge_method: "S256",
      ...(as === undefined ? {} : { login_hint: as }),
    });
    const place = await issuer.endpoint("authorization_endpoint");
    sessionStorage.setItem(ASKED, JSON.stringify(asked));
    location.assign(`${place}?${query}`);
  } catch (found) {
    problem.value = `not logged in: ${inWords(found)}`;
  }
}

async function comeBack(query: URLSearchParams, from: Issuer): Promise<void> {
  const asked = JSON.parse(sessionStorage.getItem(ASKED) ?? "null") as AskedFor | null;
  sessionStorage.removeItem(ASKED);
  if (!asked || query.get("state") !== asked.state) throw new Error("this answer belongs to no log-in of this tab");
  const sender = query.get("iss");
  if (sender !== null && sender.replace(/\/$/, "") !== from.settings.issuer) throw new Error(`the answer came from ${sender}`);
  const code = query.get("code");
  if (code === null) throw new Error(query.get("error_description") ?? query.get("error") ?? "the issuer gave no code");
  const granted = await from.ask("token_endpoint", {
    grant_type: "authorization_code", code, redirect_uri: `${location.origin}/`, code_verifier: asked.verifier,
  });
  // OpenID Connect Core 1.0, 3.1.3.7: it came from the issuer itself, so its signature need not be checked.
  const claims = claimsOf(granted.id_token ?? "");
  const audience = [claims["aud"]].flat();
  if (claims["nonce"] !== asked.nonce || !audience.includes(from.settings.clientId)) throw new Error("the ID token is for another log-in");
  take(granted);
}

/** End the log-in here and at the issuer. */
export async function signOut(): Promise<void> {
  const before = kept() ?? {};
  forget();
  presence.value = "OUT";
  if (!issuer) return;
  try {
    const place = await issuer.endpoint("end_session_endpoint");
    const fields = new URLSearchParams({ client_id: issuer.settings.clientId, post_logout_redirect_uri: `${location.origin}/` });
    if (before.identity) fields.set("id_token_hint", before.identity);
    if (place !== undefined && before.identity) location.assign(`${place}?${fields}`);
    else if (before.refresh) await issuer.ask("revocation_endpoint", { token: before.refresh });
  } catch (found) {
    problem.value = `signed out here; the issuer was not told: ${inWords(found)}`;
  }
}

/** Offer whom the issuer lets be picked. One that cannot be asked now is asked by the log-in itself, which says so. */
async function offer(from: Issuer): Promise<void> {
  try {
    personas.value = await from.personas();
  } catch {
    personas.value = [];
  }
}

/** Find out who is here: back from the issuer, or logged in before a reload. */
export async function start(): Promise<void> {
  const query = new URLSearchParams(location.search);
  try {
    const settings = await pageSettings();
    isDemo.value = settings.demo;
    if (settings.issuer && crypto.subtle) {
      issuer = new Issuer(settings);
      mayLogIn.value = true;
      if (query.has("state")) {
        history.replaceState(null, "", location.pathname + location.hash);
        await comeBack(query, issuer);
      } else if (kept()?.refresh) await renew();
      if (presence.value !== "IN") await offer(issuer);
    } else if (settings.issuer) problem.value = "log-in needs https, or localhost; paste an access token";
  } catch (found) {
    problem.value = `not logged in: ${inWords(found)}`;
  }
  if (presence.value === "ASKING") presence.value = "OUT";
}
