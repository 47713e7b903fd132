// The guided first minute: what each step is about, and when it is done. What it does itself is in Guide.tsx.

/** What the page knows of how far somebody has come. */
export interface Progress {
  /** The order that the ticket sent last, empty for none, and how it stands. */
  readonly sent: string;
  readonly status: string;
  readonly hasRead: boolean;
  readonly hasAsked: boolean;
  readonly hasBroken: boolean;
}

export type StepName = "send" | "filled" | "why" | "whatif" | "break" | "next";
export interface Step {
  readonly name: StepName;
  readonly title: string;
  readonly says: string;
  /** What its button is called; empty for none: it comes by itself. */
  readonly action: string;
}

export const STEPS: readonly Step[] = [
  { name: "send", title: "Send an order", says: "A symbol, a quantity and a limit (or Market) in the ticket; risk and router say below what they would make of it.", action: "Send one for me" },
  { name: "filled", title: "See it fill", says: "Its row in the list changes as its venues report. 201 meant: it is on the disk.", action: "" },
  { name: "why", title: "Read why", says: "The card says of each venue what it got or why it was passed over, with the arithmetic.", action: "Open its card" },
  { name: "whatif", title: "Ask what if", says: "Leave a venue out, or move a weight: the stored decision is made again with that, on the book as it was.", action: "Leave a venue out" },
  { name: "break", title: "Kill a service", says: "The controls have a panel that kills oms-core for 8 s. What was acked is not lost, and the invariants beside it say so.", action: "Kill oms-core" },
  { name: "next", title: "Go on", says: "`oms watch` follows orders in a terminal, `oms explain` tells a decision, `oms verify` judges everything. /docs has the API. ? has the keys of this page, and this guide.", action: "Close the guide" },
];

const DONE = ["FILLED", "CANCELED", "REJECTED", "EXPIRED"];

/** Whether a step is done. */
export function isDone(step: StepName, now: Progress): boolean {
  switch (step) {
    case "send": return now.sent !== "";
    case "filled": return DONE.includes(now.status);
    case "why": return now.hasRead;
    case "whatif": return now.hasAsked;
    case "break": return now.hasBroken;
    case "next": return false;
  }
}

/** Return the first step that is not done: a later one that was done ahead is passed over when its turn comes. */
export const current = (now: Progress): Step => STEPS.find(step => !isDone(step.name, now)) ?? (STEPS[STEPS.length - 1] as Step);
