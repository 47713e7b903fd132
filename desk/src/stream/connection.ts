// One WebSocket, kept up: it drives StreamTruth, and hands what came to the store.
//
// The law of this file: one connection at a time. What comes of another than the present one is not read.
import { batch, signal } from "@preact/signals";
import { accessToken, end, onToken, presence, renew, tokenEnded } from "../session/session";
import type { ClientMessage, OrderEvent, ServerMessage, Snapshot } from "./messages";
import { StreamTruth, type Truth } from "./truth";

const AUTH_LOST = 1008;
const TICK_MS = 1_000;

/** Who is told what comes. settle: every snapshot is there, what is left in doubt is to be found out. */
export interface Sink {
  snapshot(snapshot: Snapshot): void;
  events(events: readonly OrderEvent[]): void;
  positions(message: Extract<ServerMessage, { type: "positions" }>): void;
  quotes(message: Extract<ServerMessage, { type: "quotes" }>): void;
  alerts(message: Extract<ServerMessage, { type: "alerts" }>): void;
  forget(accounts: readonly string[]): void;
  reset(): void;
  connecting(): void;
  settle(): void;
}

export interface Standing {
  readonly truth: Truth;
  readonly why: string;
  readonly since: number;
  readonly accounts: number;
  readonly lost: readonly (readonly [string, string])[];
}

const IDLE: Standing = { truth: "IDLE", why: "", since: 0, accounts: 0, lost: [] };
/** How true what is shown is; the one place that says so. */
export const standing = signal<Standing>(IDLE);

const truth = new StreamTruth();
let sink: Sink | null = null;
let socket: WebSocket | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;

function publish(): void {
  const before = standing.value;
  const next: Standing = { truth: truth.truth, why: truth.why, since: truth.since, accounts: truth.watched.length, lost: [...truth.lost] };
  if (before.truth !== next.truth || before.why !== next.why || before.since !== next.since || before.accounts !== next.accounts || before.lost.length !== next.lost.length)
    standing.value = next;
}

function say(messages: readonly ClientMessage[]): void {
  if (socket?.readyState === WebSocket.OPEN) for (const message of messages) socket.send(JSON.stringify(message));
}

/** Listen to accounts, from the beginning. */
export function listen(accounts: readonly string[], to: Sink): void {
  sink = to;
  clearTimeout(retry);
  drop();
  truth.begin(accounts, Date.now());
  sink.reset();
  if (accounts.length) connect();
  publish();
}

/** Listen no more. */
export function silence(): void {
  clearTimeout(retry);
  drop();
  truth.stop();
  publish();
}

/** Ask for quotes of symbols. */
export function wantQuotes(symbols: readonly string[]): void {
  say(truth.want(symbols));
}

/** Ask for quotes of symbols no more. */
export function unwantQuotes(symbols: readonly string[]): void {
  say(truth.unwant(symbols));
}

/** Whether the stream tells of an account's every change from now on. */
export const tells = (account: string): boolean => truth.tells(account);

/** Whether an account is listened to at all: rows of another would never change. */
export const watches = (account: string): boolean => truth.watches(account);

/** Say how the list of orders stands. */
export function listStands(isListed: boolean, doubtful: number): void {
  truth.listed(isListed, doubtful, Date.now());
  publish();
}

/** Connect again, for what is known may have a hole. */
export function again(why: string): void {
  drop();
  const waitMs = truth.ended(why, Date.now());
  publish();
  clearTimeout(retry);
  if (waitMs !== null) retry = setTimeout(connect, waitMs);
}

function drop(): void {
  const old = socket;
  socket = null;
  if (!old) return;
  old.onopen = old.onmessage = old.onclose = null;
  old.close();
}

function connect(): void {
  drop();
  sink?.connecting();
  const scheme = location.protocol === "https:" ? "wss://" : "ws://";
  const mine = (socket = new WebSocket(`${scheme}${location.host}/api/v1/stream`));
  mine.onopen = () => {
    say(truth.opened(accessToken(), Date.now()));
    publish();
  };
  mine.onmessage = (message: MessageEvent<string>) => {
    if (socket === mine) take(JSON.parse(message.data) as ServerMessage);
  };
  mine.onclose = closed => {
    if (socket !== mine) return;
    const why = closed.reason || "the connection was lost";
    if (closed.code === AUTH_LOST) void tokenRefused(why);
    else again(why);
  };
}

async function tokenRefused(why: string): Promise<void> {
  drop();
  // A machine that slept has missed its renewal.
  if (tokenEnded() && (await renew())) {
    again(why);
    return;
  }
  truth.refused(why, Date.now());
  publish();
  if (tokenEnded() && presence.value === "IN") end("the token has ended");
}

function take(message: ServerMessage): void {
  const taken = truth.received(message, Date.now());
  batch(() => {
    if (taken.reset) sink?.reset();
    if (taken.forget?.length) sink?.forget(taken.forget);
    if (taken.events?.length) sink?.events(taken.events);
    if (message.type === "snapshot") sink?.snapshot(message);
    else if (message.type === "positions") sink?.positions(message);
    else if (message.type === "quotes") sink?.quotes(message);
    else if (message.type === "alerts") sink?.alerts(message);
    publish();
  });
  if (taken.again) again(taken.again);
  else if (taken.settle) sink?.settle();
}

onToken(token => say([{ type: "auth", token }]));
setInterval(() => {
  const why = truth.tick(Date.now());
  if (why) again(why);
  else {
    say(truth.ask(Date.now()));
    publish();
  }
}, TICK_MS);
