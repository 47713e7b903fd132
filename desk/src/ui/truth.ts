// How true the page is, in words.
import type { Standing } from "../stream/connection";
import type { Truth } from "../stream/truth";
import { ago } from "./time";

const WORDS: Readonly<Record<Truth, { readonly word: string; readonly tone: "good" | "warn" | "bad" | "soft" }>> = {
  IDLE: { word: "Not connected", tone: "soft" },
  CONNECTING: { word: "Connecting", tone: "warn" },
  CATCHING_UP: { word: "Catching up", tone: "warn" },
  LIVE: { word: "Live", tone: "good" },
  STALE: { word: "Not heard", tone: "warn" },
  CUT: { word: "Cut off", tone: "bad" },
  REFUSED: { word: "Refused", tone: "bad" },
};

/** Say how true what is shown is: a word, its tone, and the rest of the sentence. */
export function truthInWords(standing: Standing, nowMs: number): { readonly word: string; readonly tone: "good" | "warn" | "bad" | "soft"; readonly rest: string } {
  const { word, tone } = WORDS[standing.truth];
  const without = standing.lost.map(([account, why]) => `not watched: ${account}: ${why}`).join("; ");
  if (standing.truth === "LIVE") return { word, tone: without ? "bad" : tone, rest: [`${standing.accounts} account${standing.accounts === 1 ? "" : "s"}`, without].filter(Boolean).join("; ") };
  const old = standing.since ? `as of ${ago(nowMs - standing.since)} ago` : "";
  return { word, tone, rest: [standing.why, old, without].filter(Boolean).join("; ") };
}
