import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChaosAction, ChaosInvariant } from "../src/api/types";
import { current, isDone, STEPS, type Progress } from "../src/guide/steps";
import { isGatewayKilled, isOn, outcome, standing, stands } from "../src/views/controls/chaos";

const AT = Date.parse("2026-11-27T12:00:00Z");
const action = (change: Partial<ChaosAction>): ChaosAction => ({
  kind: "KILL", target: "oms-core", fault: "", by: "admin1", does: "Orders wait.", startedAt: "2026-11-27T12:00:00Z", endsAt: "2026-11-27T12:00:08Z", overAt: null,
  phase: "ON", acked: 0, closed: 0, working: 0, waiting: 0, ...change,
});

test("what is broken says since when, what comes of it, and when it is back", () => {
  assert.equal(standing(action({}), AT + 3_000), "oms-core killed 3 s ago. Orders wait. Back in 5 s.");
  // The stack was not heard since: its time is over by the clock alone.
  assert.equal(standing(action({}), AT + 9_000), "oms-core killed 9 s ago. Orders wait. It is coming back.");
  assert.equal(standing(action({}), AT - 300), "oms-core killed 0 s ago. Orders wait. Back in 8 s.");
  assert.equal(standing(action({ phase: "RECOVERING" }), AT + 9_000), "oms-core killed 9 s ago. Its time is over, it is coming back.");
  assert.match(standing(action({ phase: "LATE" }), AT + 90_000), /should have been back long ago/);
  const over = action({ kind: "UNKIND", target: "XNYS", fault: "BUST", phase: "DONE", overAt: "2026-11-27T12:00:08.500Z", acked: 2, closed: 2 });
  assert.equal(standing(over, AT + 60_000), "XNYS made unkind (BUST), back after 8.5 s. 2 orders acked meanwhile, all final.");
});

test("orders are said to be final only when all of them are", () => {
  assert.deepEqual(
    [{}, { acked: 1, closed: 1 }, { acked: 9, closed: 4, working: 5 }, { acked: 9, closed: 4, working: 4, waiting: 1 }, { acked: 3, waiting: 3 }].map(change => outcome(action(change))),
    ["No order was acked meanwhile.", "1 order acked meanwhile, all final.", "9 orders acked meanwhile: 4 final, 5 working, none lost.",
      "9 orders acked meanwhile: 1 waits for an outcome.", "3 orders acked meanwhile: 3 wait for an outcome."]);
});

test("the gateway's own absence is expected only while it was killed on purpose", () => {
  const gateway = (change: Partial<ChaosAction>) => isGatewayKilled(action({ target: "oms-api", ...change }));
  assert.deepEqual([gateway({}), gateway({ phase: "RECOVERING" }), gateway({ phase: "DONE" }), gateway({ phase: "LATE" }), gateway({ target: "oms-core" }), isGatewayKilled(undefined)],
    [true, true, false, false, false, false]);
  assert.deepEqual([isOn(undefined), isOn(action({ phase: "LATE" })), isOn(action({}))], [false, false, true]);
});

test("an invariant is in words and never only in colour", () => {
  const of = (state: ChaosInvariant["state"]) => stands({ invariant: "x", state, inFlight: 3, broken: 2, examined: 9, sentences: [], lookedAt: null });
  assert.deepEqual(([["HOLDS"], ["IN_FLIGHT"], ["BROKEN"], ["UNKNOWN"]] as const).map(([state]) => of(state)),
    [{ word: "holds", tone: "good" }, { word: "does not yet: 3 in flight", tone: "warn" }, { word: "broken: 2", tone: "bad" }, { word: "not looked at yet", tone: "soft" }]);
});

test("the guide goes from step to step as things come true, whoever does them", () => {
  const now: Progress = { sent: "", status: "", hasRead: false, hasAsked: false, hasBroken: false };
  assert.equal(current(now).name, "send");
  assert.equal(current({ ...now, sent: "a", status: "ACKNOWLEDGED" }).name, "filled");
  // One that is rejected ends too: the guide does not wait for it.
  assert.equal(current({ ...now, sent: "a", status: "REJECTED" }).name, "why");
  assert.equal(current({ ...now, sent: "a", status: "FILLED", hasAsked: true }).name, "why");
  const all = { sent: "a", status: "FILLED", hasRead: true, hasAsked: true, hasBroken: true };
  assert.equal(current(all).name, "next");
  assert.deepEqual(STEPS.map(step => isDone(step.name, all)), [true, true, true, true, true, false]);
});
