// The desk: who looks, at which accounts, and that what the page holds is what is.
//
// The law of this file: an order that the list calls open and no snapshot had has closed meanwhile; it is asked about before
// anything is called live. What was read on one connection says nothing on the next.
import { batch, signal } from "@preact/signals";
import { call } from "../api/client";
import { timeOf } from "../api/ids";
import { ApiProblem, inWords } from "../api/problems";
import type { Account, Instrument, KillSwitch, Me, Order, PlacedBody, Profile, Venue } from "../api/types";
import { again, listen, listStands, silence, standing, tells, watches, type Sink } from "../stream/connection";
import { chaos } from "./chaos";
import { alerts, forgetMarket, positions, quotesLive, takeAlerts, takePositions, takeQuote } from "./market";
import { apply, belongTo, forgetAccounts, forgetOrders, hasUnread, inDoubt, keep, merge, nothingIsSure, sending, sent, unreadable, unreadOrders, type Asked } from "./orders";

const PAGE = 200;
// What has closed is read behind what is open, so far back: one's own, then everybody's.
const HISTORY_PAGES = 50;
const PAGES_FOR_TERMS = 10;
const ASKED_AT_ONCE = 20;
// So few are asked for each by itself, more by pages of the list.
const FEW = 5;
const SETTLE_MS = 1_000;
const TERMS_MS = 400;
const TERMS_MS_BUSY = 3_000;
// An order that nobody knows after so long is not one of the list.
const UNKNOWN_MS_MAX = 60_000;
const KILLS_MS = 3_000;

export const me = signal<Me | null>(null);
export const accounts = signal<readonly Account[]>([]);
export const instruments = signal<ReadonlyMap<string, Instrument>>(new Map());
export const venues = signal<readonly Venue[]>([]);
export const profiles = signal<readonly Profile[]>([]);
/** Kill switches that are set; null: not known. */
export const kills = signal<readonly KillSwitch[] | null>(null);

/** Whether the person has a right, by its name in docs/log-in.md. */
export const may = (right: string): boolean => me.value?.rights.includes(right) ?? false;

let generation = 0;
let settling = -1;
// Of this connection the list was read.
let settled = -1;
let termsDue = false;

const sink: Sink = {
  snapshot(snapshot) {
    for (const order of snapshot.orders ?? []) merge(order, true);
    for (const execution of snapshot.executions ?? []) keep(execution);
  },
  events(events) {
    for (const event of events) apply(event);
    if (hasUnread()) termsSoon();
  },
  positions: message => takePositions(message.snapshot, message.accounts ?? [], message.positions),
  quotes(message) {
    quotesLive.value = message.live;
    for (const quote of message.quotes) takeQuote(quote);
  },
  alerts: message => takeAlerts(message.snapshot, message.alerts),
  forget(gone) {
    forgetAccounts(gone);
    for (const one of [...positions.values()]) if (gone.includes(one.accountId)) positions.delete(`${one.accountId} ${one.symbol}`);
  },
  reset() {
    forgetOrders();
    positions.clear();
    alerts.clear();
  },
  connecting() {
    generation += 1;
    nothingIsSure();
    quotesLive.value = false;
  },
  settle: () => void settle(generation),
};

/** Take an order as the list has it. */
function listed(order: Order): void {
  if (watches(order.accountId)) merge(order, false);
}

interface Pages {
  /** Where they begin, the newest order if nothing is given. */
  readonly from?: string;
  /** Whose orders alone. */
  readonly principal?: string;
  readonly isEnough?: () => boolean;
}

/** Read so many pages of the list, the newest orders first. Returns where the next begins, null after the last. */
async function readPages(mine: number, pages: number, { from, principal, isEnough = () => false }: Pages = {}): Promise<string | null> {
  let cursor = from ?? null;
  for (let page = 0; page < pages && mine === generation && !isEnough(); page += 1) {
    const found = await call("get", "/api/v1/orders", {
      query: { limit: PAGE, ...(cursor === null ? {} : { cursor }), ...(principal === undefined ? {} : { principal }) },
    });
    if (mine !== generation) return null;
    for (const order of found.orders) listed(order);
    if (settled === mine) findOut(mine);
    cursor = found.nextCursor;
    if (cursor === null) return null;
  }
  return cursor;
}

/** Say at once, ahead of the next frame, what a page of the list has left in doubt, and find it out. */
function findOut(mine: number): void {
  const doubtful = inDoubt().length;
  listStands(true, doubtful);
  if (doubtful) void settle(mine);
}

/** Read what was before, one's own ahead of what others did: it has closed, and is shown as it comes. */
async function readHistory(mine: number, from: string): Promise<void> {
  try {
    if (me.value) await readPages(mine, HISTORY_PAGES, { principal: me.value.subject });
    await readPages(mine, HISTORY_PAGES, { from });
  } catch {
    // Older orders are missing then; nothing that is shown is untrue.
  }
}

/** Read the list, and by itself what it leaves in doubt. */
async function settle(mine: number): Promise<void> {
  if (settling === mine) return;
  settling = mine;
  try {
    const next = await readPages(mine, 1);
    if (settled !== mine && next !== null) void readHistory(mine, next);
    settled = mine;
    while (mine === generation) {
      const doubtful = inDoubt();
      listStands(true, doubtful.length);
      if (!doubtful.length) break;
      const answers = await Promise.all(
        doubtful.slice(0, ASKED_AT_ONCE).map(orderId => call("get", "/api/v1/orders/{orderId}", { path: { orderId } }).catch(() => null)),
      );
      if (mine !== generation) return;
      for (const order of answers) if (order) listed(order);
      const left = inDoubt().length;
      listStands(true, left);
      if (left === doubtful.length) await new Promise(done => setTimeout(done, SETTLE_MS));
    }
  } catch (problem) {
    if (mine === generation) again(`the list cannot be read: ${inWords(problem)}`);
  } finally {
    if (settling === mine) settling = -1;
  }
}

const isConnected = (): boolean => standing.value.truth === "LIVE" || standing.value.truth === "CATCHING_UP";

/** Find out whatever is in doubt now, as after an order was placed. */
function settleNow(): void {
  if (isConnected()) void settle(generation);
}

/** Read what the list has yet to say of orders, again and again until it has: a gateway that is busy is asked later. */
function termsSoon(waitMs = TERMS_MS): void {
  if (termsDue) return;
  termsDue = true;
  setTimeout(() => {
    void readTerms(generation).then(() => TERMS_MS, () => TERMS_MS_BUSY).then(nextMs => {
      termsDue = false;
      if (hasUnread()) termsSoon(nextMs);
    });
  }, waitMs);
}

/** Read the terms that are due now: many are among the newest orders, of the others each is asked for by itself. */
async function readTerms(mine: number): Promise<void> {
  if (!isConnected()) return;
  const due = new Set(unreadOrders());
  const left = () => unreadOrders().filter(orderId => due.has(orderId));
  await readPages(mine, PAGES_FOR_TERMS, { isEnough: () => left().length <= FEW });
  await Promise.all(left().slice(0, ASKED_AT_ONCE).map(orderId => readTermsOf(mine, orderId)));
}

async function readTermsOf(mine: number, orderId: string): Promise<void> {
  try {
    const order = await call("get", "/api/v1/orders/{orderId}", { path: { orderId } });
    if (mine === generation) listed(order);
  } catch (problem) {
    // What answers may be behind what told of it.
    const isUnknown = problem instanceof ApiProblem && problem.status === 404 && Date.now() - Date.parse(timeOf(orderId)) > UNKNOWN_MS_MAX;
    if (!isUnknown) throw problem;
    unreadable(orderId);
  }
}

/** Read which kill switches are set. */
export async function readKills(): Promise<void> {
  try {
    kills.value = (await call("get", "/api/v1/kill-switches")).killSwitches;
  } catch {
    kills.value = null;
  }
}

setInterval(() => {
  if (me.value && !document.hidden) void readKills();
}, KILLS_MS);

/** Begin: find out who this is, and listen to every account that the token sees. Throws what could not be read. */
export async function enter(): Promise<void> {
  const [who, seen, traded, places, routed, stopped] = await Promise.all([
    call("get", "/api/v1/me"),
    call("get", "/api/v1/accounts"),
    call("get", "/api/v1/instruments"),
    call("get", "/api/v1/venues"),
    call("get", "/api/v1/routing/profiles"),
    call("get", "/api/v1/kill-switches").then(found => found.killSwitches, () => null),
  ]);
  belongTo(who.subject);
  listen(seen.accounts.map(one => one.accountId), sink);
  batch(() => {
    me.value = who;
    accounts.value = seen.accounts;
    instruments.value = new Map(traded.instruments.map(one => [one.symbol, one]));
    venues.value = places.venues;
    profiles.value = routed.profiles;
    kills.value = stopped;
  });
}

/** Leave: nothing of what was shown stays. */
export function leave(): void {
  generation += 1;
  silence();
  forgetOrders();
  forgetMarket();
  belongTo("");
  chaos.value = null;
  me.value = null;
  accounts.value = [];
  kills.value = null;
}

/** Note orders that are about to be sent. Returns how to take their answers, one each; null for one without. */
export function placing(asked: readonly Asked[]): (answers: readonly (PlacedBody | null)[]) => void {
  const mine = generation;
  const wasLive = standing.value.truth === "LIVE";
  const by = me.value?.subject ?? "";
  for (const order of asked) if (watches(order.accountId)) sending(order);
  return answers => {
    let isAnyUnsure = false;
    answers.forEach((answer, place) => {
      const order = asked[place];
      if (!order || !answer || !watches(order.accountId)) return;
      // What follows a subscription is on its stream; of an order that was sent before it, that is not known.
      const follows = wasLive && mine === generation && tells(order.accountId);
      isAnyUnsure ||= !follows;
      sent({
        // Who has sent before what was there already is not known.
        ...order, ...(answer.created ? { principal: by } : {}), orderId: answer.orderId, status: "NEW", cumQty: 0, leavesQty: order.quantity, avgPx: null, text: "",
        sequence: 0, createdAt: answer.timestamp, updatedAt: answer.timestamp,
      }, follows);
    });
    if (hasUnread()) termsSoon();
    if (isAnyUnsure) settleNow();
  };
}
