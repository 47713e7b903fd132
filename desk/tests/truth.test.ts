import assert from "node:assert/strict";
import { test } from "node:test";
import type { OrderEvent, ServerMessage } from "../src/stream/messages";
import { ASK_MS, SILENCE_MS_MAX, STALE_MS, StreamTruth } from "../src/stream/truth";

const ACCOUNTS = ["A", "B"];
const snapshot = (accountId: string, streamSequence = 5, epoch = "e1"): ServerMessage => ({ type: "snapshot", accountId, streamSequence, epoch, orders: [], executions: [] });
const event = (accountId: string, streamSequence: number) => ({ accountId, streamSequence }) as OrderEvent;
const events = (...some: OrderEvent[]): ServerMessage => ({ type: "events", events: some });

function live(): StreamTruth {
  const truth = new StreamTruth();
  truth.begin(ACCOUNTS, 0);
  truth.opened("token", 1);
  for (const account of ACCOUNTS) truth.received(snapshot(account), 2);
  truth.listed(true, 0, 3);
  assert.equal(truth.truth, "LIVE");
  return truth;
}

test("it is live only after every snapshot and the list, and nothing is in doubt", () => {
  const truth = new StreamTruth();
  truth.begin(ACCOUNTS, 0);
  assert.equal(truth.truth, "CONNECTING");
  truth.opened("token", 1);
  assert.equal(truth.truth, "CATCHING_UP");
  truth.listed(true, 0, 1);
  assert.equal(truth.truth, "CATCHING_UP");
  assert.equal(truth.received(snapshot("A"), 2).settle, false);
  assert.equal(truth.truth, "CATCHING_UP");
  assert.equal(truth.received(snapshot("B"), 2).settle, true);
  assert.equal(truth.truth, "LIVE");
  truth.listed(true, 3, 3);
  assert.equal(truth.truth, "CATCHING_UP");
  truth.listed(true, 0, 4);
  assert.equal(truth.truth, "LIVE");
});

test("without the list it is not live, however much the stream says", () => {
  const truth = new StreamTruth();
  truth.begin(ACCOUNTS, 0);
  truth.opened("token", 1);
  for (const account of ACCOUNTS) truth.received(snapshot(account), 2);
  assert.equal(truth.truth, "CATCHING_UP");
  truth.received(events(event("A", 6)), 3);
  assert.equal(truth.tick(4), "");
  assert.equal(truth.truth, "CATCHING_UP");
  truth.listed(true, 0, 5);
  assert.equal(truth.truth, "LIVE");
});

test("while it catches up, silence is called so", () => {
  const truth = new StreamTruth();
  truth.begin(ACCOUNTS, 0);
  truth.opened("token", 1);
  truth.received(snapshot("A"), 2);
  truth.tick(2 + STALE_MS);
  assert.equal(truth.truth, "STALE");
  assert.match(truth.why, /nothing was heard/);
  truth.received(snapshot("B"), 3 + STALE_MS);
  assert.notEqual(truth.truth, "LIVE");
});

test("a gap ends it, and what came before the gap counts", () => {
  const truth = live();
  const taken = truth.received(events(event("A", 6), event("A", 8)), 4);
  assert.deepEqual(taken.events?.map(one => one.streamSequence), [6]);
  assert.match(taken.again ?? "", /gap in the events of A: 6 was followed by 8/);
  assert.equal(truth.ended(taken.again ?? "", 4), 500);
  assert.equal(truth.truth, "CUT");
  assert.equal(truth.since, 4);
});

test("an event that came before, or of an account that is not watched, is let pass", () => {
  const truth = live();
  assert.deepEqual(truth.received(events(event("A", 5), event("C", 9), event("B", 6)), 4), { events: [event("B", 6)] });
});

test("what is after another epoch is of another database", () => {
  const truth = live();
  truth.ended("lost", 5);
  truth.opened("token", 6);
  assert.equal(truth.received(snapshot("A", 1, "e2"), 7).reset, true);
  assert.deepEqual(truth.received({ type: "resync", accounts: ACCOUNTS, epoch: "e3" }, 8), { reset: true, again: "the database is another one" });
});

test("silence makes it stale, then cuts it; an answer mends what is only stale", () => {
  const truth = live();
  assert.equal(truth.tick(3 + STALE_MS), "");
  assert.equal(truth.truth, "STALE");
  assert.match(truth.why, /nothing was heard/);
  assert.equal(truth.since, 1);
  assert.deepEqual(truth.ask(3 + STALE_MS), [{ type: "ping" }]);
  truth.received({ type: "pong" }, 4 + STALE_MS);
  assert.equal(truth.truth, "LIVE");
  assert.equal(truth.since, 0);
  assert.equal(truth.tick(4 + STALE_MS + SILENCE_MS_MAX), "nothing is heard");
});

test("what comes late, all of it, is not live, and too late is given up", () => {
  const truth = live();
  const answers: number[] = [];
  // Something comes each second, events and answers after LATE_MS.
  const LATE_MS = STALE_MS + 1_000;
  let why = "";
  for (let now = 1_000; now <= 120_000 && !why; now += 1_000) {
    truth.received({ type: "heartbeat", timestamp: "" }, now);
    if (truth.ask(now).length) answers.push(now + LATE_MS);
    if ((answers[0] ?? now + 1) <= now) {
      answers.shift();
      truth.received({ type: "pong" }, now);
    }
    why = truth.tick(now);
    if (now > STALE_MS) assert.equal(truth.truth, "STALE", `${now} ms`);
  }
  assert.equal(why, "");
  assert.equal(truth.why, "what comes is late");
  // No answer comes any more, whatever else does.
  for (let now = 121_000; !why; now += 1_000) {
    assert.ok(now < 121_000 + SILENCE_MS_MAX);
    truth.received({ type: "heartbeat", timestamp: "" }, now);
    truth.ask(now);
    why = truth.tick(now);
  }
  assert.equal(why, "what comes is late");
});

test("a page that nobody saw, and that asked nothing, is not cut for it", () => {
  const truth = live();
  truth.received({ type: "heartbeat", timestamp: "" }, 3 * SILENCE_MS_MAX);
  assert.equal(truth.tick(3 * SILENCE_MS_MAX), "");
  assert.equal(truth.truth, "STALE");
  assert.equal(truth.ask(3 * SILENCE_MS_MAX).length, 1);
  truth.received({ type: "pong" }, 3 * SILENCE_MS_MAX + 20);
  assert.equal(truth.truth, "LIVE");
});

test("it asks each five seconds, and not while it catches up", () => {
  const truth = new StreamTruth();
  truth.begin(ACCOUNTS, 0);
  assert.deepEqual(truth.ask(9 * ASK_MS), []);
  truth.opened("token", 1);
  assert.deepEqual(truth.ask(9 * ASK_MS), []);
  for (const account of ACCOUNTS) truth.received(snapshot(account), 2);
  assert.deepEqual([ASK_MS, 1 + ASK_MS, 2 * ASK_MS, 1 + 2 * ASK_MS].map(now => truth.ask(now).length), [0, 1, 0, 1]);
});

test("an account that is lost is named, and the last one refuses", () => {
  const truth = live();
  const gone = { type: "unsubscribed", channels: ["orders"], symbols: [] } as const;
  assert.deepEqual(truth.received({ ...gone, accounts: ["A"] }, 4).forget, ["A"]);
  assert.deepEqual([...truth.lost.keys()], ["A"]);
  assert.equal(truth.truth, "LIVE");
  truth.received({ ...gone, accounts: ["B"] }, 5);
  assert.equal(truth.truth, "REFUSED");
  assert.equal(truth.ended("closed", 6), null);
});

test("connecting again waits longer each time, up to five seconds, and at once again after it was live", () => {
  const truth = live();
  const waits = Array.from({ length: 6 }, () => truth.ended("lost", 9));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 5000, 5000]);
  truth.opened("token", 10);
  for (const account of ACCOUNTS) truth.received(snapshot(account), 11);
  truth.listed(true, 0, 12);
  assert.equal(truth.ended("lost", 13), 500);
});

test("a new connection vouches for nothing that the one before it said", () => {
  const truth = live();
  truth.ended("lost", 5);
  truth.opened("token", 6);
  assert.equal(truth.tells("A"), false);
  assert.deepEqual(truth.received(events(event("A", 6)), 7).events, []);
});

test("a list that was read, or doubted, on the connection before says nothing of this one", () => {
  for (const doubtful of [0, 3]) {
    const truth = live();
    truth.listed(true, doubtful, 4);
    truth.ended("lost", 5);
    truth.opened("token", 6);
    for (const account of ACCOUNTS) truth.received(snapshot(account), 7);
    assert.equal(truth.truth, "CATCHING_UP");
    assert.match(truth.why, /reading the list/);
    truth.listed(true, 0, 8);
    assert.equal(truth.truth, "LIVE");
  }
});

test("what was asked on the connection before is not answered on this one", () => {
  const truth = live();
  assert.equal(truth.ask(1 + ASK_MS).length, 1);
  truth.ended("lost", 2 + ASK_MS);
  const again = SILENCE_MS_MAX;
  truth.opened("token", again);
  for (const account of ACCOUNTS) truth.received(snapshot(account), again);
  truth.listed(true, 0, again);
  assert.equal(truth.truth, "LIVE");
  // Long after it was asked for, and soon after this connection began.
  assert.equal(truth.tick(2 + ASK_MS + SILENCE_MS_MAX), "");
  assert.equal(truth.truth, "LIVE");
});

test("accounts and symbols are asked for in messages of at most five hundred", () => {
  const truth = new StreamTruth();
  truth.begin(Array.from({ length: 1_200 }, (_, place) => `A${place}`), 0);
  truth.want(Array.from({ length: 600 }, (_, place) => `S${place}`));
  const said = truth.opened("token", 1);
  const orders = said.filter(one => one.type === "subscribe" && one.channels.includes("orders"));
  assert.deepEqual(orders.map(one => (one.type === "subscribe" ? one.accounts?.length : 0)), [500, 500, 200]);
  assert.equal(said.filter(one => one.type === "subscribe" && one.channels[0] === "quotes").length, 2);
  assert.equal(said[0]?.type, "auth");
});
