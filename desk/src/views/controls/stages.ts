// How far a kill switch goes, and what that does, in words.
import type { components } from "../../api/schema";

export type Stage = components["schemas"]["KillStage"];

/** By how far they go. */
export const STAGES: readonly { readonly value: Stage; readonly title: string; readonly does: string }[] = [
  { value: "BLOCK", title: "Block", does: "Nothing new goes out: no orders, no resumes, no replaces that do not only make an order smaller. What is in the market stays." },
  { value: "CANCEL", title: "Block and cancel", does: "Nothing new goes out, and every open order is canceled." },
];

/** Return the stages that go further than one. */
export const beyond = (stage: string) => STAGES.slice(STAGES.findIndex(one => one.value === stage) + 1);
