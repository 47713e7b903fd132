// The guide of a demo: a small pane that is done with, step by step, on the page's own controls.
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { chaos } from "../store/chaos";
import { accounts, instruments, may, me } from "../store/desk";
import { orders } from "../store/orders";
import { Button } from "../ui/parts";
import { tab } from "../views/orders/Card";
import { set } from "../views/orders/draft";
import { chosen, sent } from "../views/orders/state";
import { hasAnswer } from "../views/orders/WhatIf";
import { want } from "../views/controls/ChaosPane";
import { current, isDone, STEPS, type Progress, type StepName } from "./steps";

const WAIT_MS_MAX = 5_000;
const LOOK_MS = 50;
const keyOf = (subject: string): string => `oms-guide:${subject}`;

/** Whether it is open. It is until somebody closes it, who is then not shown it again. */
export const isOpen = signal(false);
const hasRead = signal(false);
const hasAsked = signal(false);
const hasBroken = signal(false);
// Of the page's life: what was broken before does not count.
let began = Date.now();

effect(() => {
  const subject = me.value?.subject;
  if (subject) isOpen.value = localStorage.getItem(keyOf(subject)) === null;
});
effect(() => {
  if (chosen.value && tab.value === "why") hasRead.value = true;
  if (hasAnswer.value) hasAsked.value = true;
  if (chaos.value?.said.actions.some(one => one.phase === "DONE" && one.kind === "KILL" && Date.parse(one.startedAt) > began)) hasBroken.value = true;
});

/** Open it from its beginning. */
export function openGuide(): void {
  sent.value = "";
  hasRead.value = hasAsked.value = hasBroken.value = false;
  hasAnswer.value = false;
  began = Date.now();
  isOpen.value = true;
}

function close(): void {
  if (me.value) localStorage.setItem(keyOf(me.value.subject), "closed");
  isOpen.value = false;
}

const pause = (ms: number) => new Promise(done => setTimeout(done, ms));

/** Press a control of the page when it is there. */
async function press(selector: string): Promise<void> {
  for (let waited = 0; waited < WAIT_MS_MAX; waited += LOOK_MS) {
    const found = document.querySelector<HTMLButtonElement | HTMLInputElement>(selector);
    if (found && !found.disabled) {
      found.click();
      return;
    }
    await pause(LOOK_MS);
  }
}

async function run(step: StepName): Promise<void> {
  switch (step) {
    case "send": {
      location.hash = "orders";
      const symbol = instruments.value.has("AAPL") ? "AAPL" : ([...instruments.value.keys()][0] ?? "");
      set({ symbol, side: "BUY", quantity: "400", orderType: "MARKET", timeInForce: "DAY", accountId: accounts.value[0]?.accountId ?? "" });
      return press("#send");
    }
    case "why":
      location.hash = "orders";
      tab.value = "why";
      chosen.value = sent.value;
      return undefined;
    case "whatif":
      location.hash = "orders";
      chosen.value = sent.value;
      tab.value = "whatif";
      return press(".whatif .without input:not(:checked)");
    case "break":
      location.hash = "controls";
      want({ kind: "KILL", target: "oms-core", seconds: "8" });
      return press("#break");
    case "next":
      return close();
    case "filled":
      return undefined;
  }
}

/** A strip below the views: it takes room of its own, so that it never lies over what it or the person is to press. */
export function Guide() {
  void orders.version.value;
  const now: Progress = { sent: sent.value, status: orders.get(sent.value)?.status ?? "", hasRead: hasRead.value, hasAsked: hasAsked.value, hasBroken: hasBroken.value };
  const step = current(now);
  const lacks = ["trade", "chaos"].filter(right => !may(right));
  useEffect(() => {
    // A card that was open before the order was sent has been read of another.
    hasRead.value = false;
  }, [sent.value]);
  return (
    <section class="guide" aria-label="First minute">
      <h2>First minute</h2>
      <ol>
        {STEPS.map(one => (
          <li key={one.name} aria-current={one === step ? "step" : undefined} class={isDone(one.name, now) ? "done" : ""}>
            <span>{isDone(one.name, now) ? <span aria-label="done">✓ </span> : null}{one.title}</span>
            {one === step ? <p class="soft">{one.says}</p> : null}
            {one === step && one.action ? <Button run={() => run(one.name)} tone="main">{one.action}</Button> : null}
          </li>
        ))}
      </ol>
      {lacks.length ? <p class="warn">Some of it takes the right to {lacks.join(" and to ")}: log in as admin1 for all of it.</p> : null}
      <Button run={close} tone="quiet" aria-label="Close the guide">✕</Button>
    </section>
  );
}
