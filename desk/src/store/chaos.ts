// The stack's chaos door, where it has one: whether this is a demo, and what the door said last.
import { signal } from "@preact/signals";
import { call } from "../api/client";
import type { Chaos } from "../api/types";

/** How often it is asked. A gateway that was killed is not waited for: it is asked again. */
export const READ_MS = 1_500;
const ANSWER_MS_MAX = READ_MS - 100;

/** What the door said last, and when that was by this browser's clock. */
export const chaos = signal<{ readonly said: Chaos; readonly at: number } | null>(null);

/** Ask how everything stands. Throws when nobody answers. */
export async function readChaos(): Promise<Chaos> {
  const said = await call("get", "/api/v1/chaos", { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  chaos.value = { said, at: Date.now() };
  return said;
}

/** The time by the stack's clock. */
export const stackNow = (): number => (chaos.value ? Date.parse(chaos.value.said.at) + Date.now() - chaos.value.at : Date.now());
