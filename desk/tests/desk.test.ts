import { answers, asked, sockets, tick, until, type FakeSocket } from "./browser";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Order } from "../src/api/types";
import { paste } from "../src/session/session";
import { enter, leave, me, placing } from "../src/store/desk";
import { CLOSED_MAX, orders } from "../src/store/orders";
import { standing } from "../src/stream/connection";

const idOf = (place: number): string => `01900000-0000-7000-8000-${place.toString(16).padStart(12, "0")}`;
const order = (place: number, status = "ACKNOWLEDGED", more: Partial<Order> = {}) =>
  ({ orderId: idOf(place), accountId: "A", symbol: "DIS", side: "BUY", quantity: 10, status, cumQty: 0, leavesQty: 10, avgPx: null, text: "", sequence: 2, createdAt: "", updatedAt: "", orderType: "LIMIT", principal: "others", ...more }) as Order;
const told = (place: number, streamSequence: number, status = "FILLED", accountId = "A") =>
  ({ eventId: `e${place}`, orderId: idOf(place), accountId, clientOrderId: "c", sequence: 3, streamSequence, type: "x", status: `ORDER_STATUS_${status}`, symbol: "DIS", side: "SIDE_BUY", quantity: 10, occurredAt: "" });

/** The list as the gateway has it, the newest first; a page is as long as it is asked for. */
let list: Order[] = [];
const lists = (): string[] => asked.filter(one => one.startsWith("GET /api/v1/orders") && !one.startsWith("GET /api/v1/orders/"));

function pageOf(address: URL) {
  const principal = address.searchParams.get("principal");
  const after = address.searchParams.get("cursor");
  const limit = Number(address.searchParams.get("limit"));
  const found = list.filter(one => (principal === null || one.principal === principal) && (after === null || one.orderId < after));
  return { body: { orders: found.slice(0, limit), nextCursor: found.length > limit ? (found[limit - 1]?.orderId ?? null) : null } };
}

const token = `x.${Buffer.from(JSON.stringify({ sub: "trader1", exp: Math.floor(Date.now() / 1000) + 3600 })).toString("base64url")}.y`;

beforeEach(() => {
  leave();
  asked.length = 0;
  sockets.length = 0;
  list = [];
  answers.clear();
  answers.set("GET /api/v1/me", () => ({ body: { subject: "trader1", rights: ["read", "trade"], accounts: ["A", "B"] } }));
  answers.set("GET /api/v1/accounts", () => ({ body: { accounts: [{ accountId: "A" }, { accountId: "B" }] } }));
  answers.set("GET /api/v1/instruments", () => ({ body: { instruments: [] } }));
  answers.set("GET /api/v1/venues", () => ({ body: { venues: [] } }));
  answers.set("GET /api/v1/routing/profiles", () => ({ body: { profiles: [] } }));
  answers.set("GET /api/v1/kill-switches", () => ({ body: { killSwitches: [] } }));
  answers.set("GET /api/v1/orders", pageOf);
  paste(token);
});

const newest = (): FakeSocket => {
  const found = sockets.at(-1);
  assert.ok(found, "no WebSocket was opened");
  return found;
};

function snapshots(socket: FakeSocket, some: Order[] = [], epoch = "e1"): void {
  for (const accountId of ["A", "B"])
    socket.tell({ type: "snapshot", accountId, streamSequence: 5, epoch, orders: some.filter(one => one.accountId === accountId), executions: [] });
}

async function live(some: Order[] = []): Promise<FakeSocket> {
  await enter();
  const socket = newest();
  socket.open();
  snapshots(socket, some);
  await until(() => standing.value.truth === "LIVE", "live");
  return socket;
}

test("a connection begins with the token, and every account's orders from a snapshot on", async () => {
  const socket = await live();
  assert.equal(socket.address, "ws://desk.test/api/v1/stream");
  assert.deepEqual(socket.said[0], { type: "auth", token });
  assert.deepEqual(socket.said[1], { type: "subscribe", channels: ["orders", "executions"], accounts: ["A", "B"], snapshot: true });
});

test("of what was before, one's own orders are read ahead of what others did, however much that is", async () => {
  // Of others so many that one's own are beyond all that is read of everybody's.
  const others = Array.from({ length: 10_600 }, (_, place) => order(20_000 - place, "FILLED"));
  const mine = Array.from({ length: 450 }, (_, place) => order(900 - place, "FILLED", { principal: "trader1" }));
  list = [...others, ...mine];
  await live();
  await until(() => lists().length === 1 + 3 + 50, "all read");
  const own = lists().map(one => one.includes("principal=trader1"));
  assert.deepEqual(own, [false, true, true, true, ...Array<boolean>(50).fill(false)]);
  for (const one of mine) assert.ok(orders.get(one.orderId), "an order of one's own is missing");
  assert.equal(orders.size, 200 + 450 + 10_000);
  assert.ok(orders.size < CLOSED_MAX);
});

test("where one page is all, no other is asked for", async () => {
  list = [order(2, "FILLED"), order(1, "FILLED", { principal: "trader1" })];
  await live();
  await new Promise(done => setTimeout(done, 20));
  assert.equal(lists().length, 1);
  assert.equal(orders.size, 2);
});

test("an order that the list calls open and no snapshot had is asked about before anything is called live", async () => {
  list = [order(2), order(1)];
  let answer: (found: { body: unknown }) => void = () => undefined;
  answers.set(`GET /api/v1/orders/${idOf(1)}`, () => new Promise(done => (answer = done)));
  await enter();
  newest().open();
  snapshots(newest(), [order(2)]);
  await until(() => asked.includes(`GET /api/v1/orders/${idOf(1)}`), "asked about");
  assert.match(standing.value.why, /1 order in doubt/);
  assert.equal(standing.value.truth, "CATCHING_UP");
  assert.ok(!asked.includes(`GET /api/v1/orders/${idOf(2)}`), "what the snapshot had is asked about");
  answer({ body: order(1, "CANCELED", { sequence: 3 }) });
  await until(() => standing.value.truth === "LIVE", "live");
  assert.equal(orders.get(idOf(1))?.status, "CANCELED");
});

test("what was asked on one connection says nothing on the next", async () => {
  let late: (found: { body: unknown }) => void = () => undefined;
  answers.set("GET /api/v1/orders", address => (late === undefined ? pageOf(address) : new Promise(done => (late = done))));
  await enter();
  newest().open();
  snapshots(newest());
  await until(() => lists().length === 1, "asked for");
  const first = late;
  newest().end(1006);
  assert.equal(standing.value.truth, "CUT");
  await until(() => sockets.length === 2, "connected again");
  newest().open();
  snapshots(newest());
  await until(() => lists().length === 2, "asked for again");
  first({ body: { orders: [order(7)], nextCursor: null } });
  await new Promise(done => setTimeout(done, 20));
  assert.equal(orders.size, 0, "a page of the connection before was taken");
  assert.equal(standing.value.truth, "CATCHING_UP");
  late({ body: { orders: [], nextCursor: null } });
  await until(() => standing.value.truth === "LIVE", "live");
});

test("the list that a connection before had asked for does not make the next one live", async () => {
  const socket = await live([order(1)]);
  let first: (found: { body: unknown }) => void = () => undefined;
  answers.set("GET /api/v1/orders", () => new Promise(done => (first = done)));
  // Told of one account less, it looks again at what is in doubt.
  socket.tell({ type: "unsubscribed", channels: ["orders"], accounts: ["B"], symbols: [] });
  await until(() => lists().length === 2, "asked for");
  socket.end(1012, "the gateway stops");
  first({ body: { orders: [], nextCursor: null } });
  await until(() => sockets.length === 2, "connected again");
  answers.set("GET /api/v1/orders", () => new Promise(() => undefined));
  newest().open();
  newest().tell({ type: "snapshot", accountId: "A", streamSequence: 9, epoch: "e1", orders: [], executions: [] });
  assert.equal(standing.value.truth, "CATCHING_UP", "the order of before is shown as open, and called live");
});

test("what comes of a connection that is over is not read, and its end ends nothing", async () => {
  const first = await live([order(1)]);
  const { onmessage, onclose } = first;
  first.end(1012, "the gateway stops");
  await until(() => sockets.length === 2, "connected again");
  newest().open();
  snapshots(newest(), [order(1)]);
  await until(() => standing.value.truth === "LIVE", "live");
  onmessage?.({ data: JSON.stringify({ type: "events", events: [told(1, 6)] }) });
  onclose?.({ code: 1006, reason: "" });
  assert.equal(orders.get(idOf(1))?.status, "ACKNOWLEDGED");
  assert.equal(standing.value.truth, "LIVE");
  assert.equal(sockets.length, 2);
});

test("a gap in an account's events ends the connection, and what was before it is taken", async () => {
  const socket = await live([order(1), order(2)]);
  socket.tell({ type: "events", events: [told(1, 6), told(2, 8)] });
  assert.equal(standing.value.truth, "CUT");
  assert.match(standing.value.why, /a gap in the events of A: 6 was followed by 8/);
  assert.ok(socket.closed);
  assert.equal(orders.get(idOf(1))?.status, "FILLED");
  assert.equal(orders.get(idOf(2))?.status, "ACKNOWLEDGED");
});

test("of another database nothing is kept that was known of the one before", async () => {
  const socket = await live([order(1)]);
  socket.tell({ type: "resync", accounts: ["A"], epoch: "e2" });
  assert.equal(orders.size, 0);
  assert.equal(standing.value.truth, "CUT");
});

test("a token that is refused is not tried again", async () => {
  const socket = await live();
  socket.end(1008, "the token is of another issuer");
  await until(() => standing.value.truth === "REFUSED", "refused");
  assert.equal(standing.value.why, "the token is of another issuer");
  await new Promise(done => setTimeout(done, 600));
  assert.equal(sockets.length, 1);
});

test("what was called open before a cut is asked about after it, where no snapshot has it", async () => {
  await live([order(1), order(2)]);
  answers.set(`GET /api/v1/orders/${idOf(2)}`, () => ({ body: order(2, "FILLED", { sequence: 3 }) }));
  newest().end();
  await until(() => sockets.length === 2, "connected again");
  newest().open();
  snapshots(newest(), [order(1)]);
  await until(() => standing.value.truth === "LIVE", "live");
  assert.equal(orders.get(idOf(2))?.status, "FILLED");
});

test("while it is live it asks every few seconds whether it still is, and goes when nobody answers", async context => {
  const socket = await live([order(1)]);
  const pings = () => socket.said.filter(one => one["type"] === "ping").length;
  const began = Date.now();
  tick();
  assert.equal(pings(), 0);
  context.mock.method(Date, "now", () => began + 6_000);
  tick();
  tick();
  assert.equal(pings(), 1);
  context.mock.method(Date, "now", () => began + 21_000);
  tick();
  assert.equal(standing.value.truth, "STALE");
  context.mock.method(Date, "now", () => began + 50_000);
  tick();
  assert.equal(standing.value.truth, "CUT");
  assert.ok(socket.closed);
});

test("an account that is told no more takes its orders with it, and no other's", async () => {
  const socket = await live([order(1), order(2, "ACKNOWLEDGED", { accountId: "B" })]);
  socket.tell({ type: "unsubscribed", channels: ["orders"], accounts: ["B"], symbols: [] });
  assert.equal(orders.get(idOf(2)), undefined);
  assert.ok(orders.get(idOf(1)));
  await until(() => standing.value.truth === "LIVE", "live");
  // What the list says of it would never change.
  list = [order(3, "FILLED", { accountId: "B" }), order(4, "FILLED")];
  socket.end();
  await until(() => sockets.length === 2, "connected again");
  newest().open();
  newest().tell({ type: "snapshot", accountId: "A", streamSequence: 5, epoch: "e1", orders: [order(1)], executions: [] });
  await until(() => standing.value.truth === "LIVE", "live");
  assert.equal(orders.get(idOf(3)), undefined);
  assert.ok(orders.get(idOf(4)));
});

test("of an order that only an event told of, its terms are read", async () => {
  const socket = await live();
  const terms = (place: number) => order(place, "FILLED", { sequence: 3, limitPrice: `9.${place}` });
  answers.set(`GET /api/v1/orders/${idOf(9)}`, () => ({ body: terms(9) }));
  socket.tell({ type: "events", events: [told(9, 6)] });
  assert.equal(orders.get(idOf(9))?.limitPrice, undefined);
  await until(() => orders.get(idOf(9))?.limitPrice === "9.9", "read by itself");
  // Many are read by pages.
  const many = [30, 31, 32, 33, 34, 35, 36, 37];
  list = many.map(terms).reverse();
  socket.tell({ type: "events", events: many.map((place, nth) => told(place, 7 + nth)) });
  await until(() => many.every(place => orders.get(idOf(place))?.limitPrice === `9.${place}`), "read");
  assert.ok(!many.some(place => asked.includes(`GET /api/v1/orders/${idOf(place)}`)));
});

test("an order that was sent while its account is told of is in no doubt, one from before the snapshot is asked about", async () => {
  await live();
  const asked_ = { accountId: "A", clientOrderId: "mine", symbol: "DIS", side: "BUY" as const, quantity: 10 };
  const answered = (place: number) => [{ orderId: idOf(place), clientOrderId: "mine", created: true, message: "", status: "NEW", timestamp: "" }];
  answers.set(`GET /api/v1/orders/${idOf(5)}`, () => ({ body: order(5, "FILLED", { sequence: 3 }) }));
  placing([asked_])(answered(5));
  assert.equal(standing.value.truth, "LIVE");
  const before = placing([asked_]);
  answers.set(`GET /api/v1/orders/${idOf(7)}`, () => ({ body: order(7, "FILLED", { sequence: 3 }) }));
  newest().end();
  // Sent while nobody is connected: what follows it may be before the snapshot.
  const cut = placing([asked_]);
  await until(() => sockets.length === 2, "connected again");
  newest().open();
  snapshots(newest(), []);
  let tell: (found: { body: unknown }) => void = () => undefined;
  answers.set(`GET /api/v1/orders/${idOf(6)}`, () => new Promise(done => (tell = done)));
  await until(() => standing.value.truth === "LIVE", "live");
  before(answered(6));
  await until(() => standing.value.truth === "CATCHING_UP" && asked.includes(`GET /api/v1/orders/${idOf(6)}`), "asked about");
  tell({ body: order(6, "FILLED", { sequence: 3 }) });
  await until(() => orders.get(idOf(6))?.status === "FILLED", "found out");
  cut(answered(7));
  await until(() => standing.value.truth === "LIVE" && orders.get(idOf(7))?.status === "FILLED", "found out, too");
});

test("an order of this page has its terms from the first moment, whichever of its answer and its events comes first", async () => {
  const socket = await live();
  const basket = [1, 2, 3].map(place => ({ accountId: "A", clientOrderId: `morning-${place}`, symbol: "DIS", side: "BUY" as const, quantity: 10, orderType: "LIMIT" as const, limitPrice: "9.10" }));
  const answers_ = [1, 2, 3].map(place => ({ orderId: idOf(place), clientOrderId: `morning-${place}`, created: place !== 2, message: "", status: "NEW", timestamp: "2026-01-05T14:30:00Z" }));
  const answered = placing(basket);
  // Its event is ahead of its answer; another one's of the same symbol has an id that nobody here has sent.
  socket.tell({ type: "events", events: [{ ...told(3, 6, "ACKNOWLEDGED"), clientOrderId: "morning-3" }, { ...told(4, 7, "ACKNOWLEDGED"), clientOrderId: "evening-3" }] });
  assert.deepEqual([orders.get(idOf(3))?.limitPrice, orders.get(idOf(3))?.principal, orders.get(idOf(3))?.status], ["9.10", undefined, "ACKNOWLEDGED"]);
  assert.equal(orders.get(idOf(4))?.limitPrice, undefined);
  answered([answers_[0] ?? null, answers_[1] ?? null, answers_[2] ?? null]);
  // Who sent what was there already is for the list to say.
  assert.deepEqual([1, 2, 3].map(place => { const row = orders.get(idOf(place)); return [row?.limitPrice, row?.principal, row?.status]; }),
    [["9.10", "trader1", "NEW"], ["9.10", undefined, "NEW"], ["9.10", "trader1", "ACKNOWLEDGED"]]);
  assert.equal(standing.value.truth, "LIVE");
  // A line that was not placed is no order.
  placing([{ ...basket[0], clientOrderId: "refused" } as (typeof basket)[0]])([null]);
  assert.equal(orders.size, 4);
});

test("the list says the terms of an order that was sent, though no event of it comes", async () => {
  await live();
  answers.set(`GET /api/v1/orders/${idOf(9)}`, () => ({ body: order(9, "NEW", { basketId: "b" }) }));
  placing([{ accountId: "A", clientOrderId: "mine", symbol: "DIS", side: "BUY", quantity: 10 }])([{ orderId: idOf(9), clientOrderId: "mine", created: true, message: "", status: "NEW", timestamp: "" }]);
  await until(() => orders.get(idOf(9))?.basketId === "b", "read");
});

test("who leaves leaves nothing, and no page that was asked for brings it back", async () => {
  const socket = await live([order(1)]);
  let late: (found: { body: unknown }) => void = () => undefined;
  answers.set(`GET /api/v1/orders`, () => new Promise(done => (late = done)));
  socket.tell({ type: "unsubscribed", channels: ["orders"], accounts: ["B"], symbols: [] });
  await until(() => lists().length === 2, "asked for");
  leave();
  await enter();
  late({ body: { orders: [order(8, "FILLED")], nextCursor: null } });
  await new Promise(done => setTimeout(done, 20));
  assert.equal(orders.size, 0, "a page that another person's connection had asked for was taken");
  leave();
  assert.equal(orders.size, 0);
  assert.equal(me.value, null);
  assert.equal(standing.value.truth, "IDLE");
  assert.ok(socket.closed);
});
