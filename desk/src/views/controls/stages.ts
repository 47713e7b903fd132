// How far a kill switch goes, and what that does, in words.
import type { components } from "../../api/schema";

export type Stage = components["schemas"]["KillStage"];
export type TriggerStage = components["schemas"]["KillTriggerStage"];

interface Told<S extends Stage> {
  readonly value: S;
  readonly title: string;
  readonly does: string;
  /** The right that it takes. */
  readonly right: string;
}

/** What a trigger may set by itself. */
export const TRIGGER_STAGES: readonly Told<TriggerStage>[] = [
  { value: "BLOCK", title: "Block", right: "stop", does: "Nothing new goes out: no orders, no resumes, no replaces that do not only make an order smaller. What is in the market stays." },
  { value: "CANCEL", title: "and cancel", right: "stop", does: "Nothing new goes out, and every open order is canceled." },
];
/** By how far they go. */
export const STAGES: readonly Told<Stage>[] = [
  ...TRIGGER_STAGES,
  { value: "FLATTEN", title: "and close positions", right: "flatten", does: "Nothing new goes out, every open order is canceled, and then positions are closed by market orders, never beyond flat." },
];

/** Return the stages that go further than one. */
export const beyond = (stage: string): readonly Told<Stage>[] => STAGES.slice(STAGES.findIndex(one => one.value === stage) + 1);

/** Say how far a stage goes. */
export const stageInWords = (stage: string): string => ({ BLOCK: "Blocked", CANCEL: "Blocked, canceled", FLATTEN: "Blocked, canceled, closed" })[stage] ?? stage;
