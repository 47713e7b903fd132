// A routing profile as a form: its fields, its settings as they are entered, and what a change of them would do, in words.
//
// The law of this file: the router alone says what is wrong with a setting. What is blank is left out, and so is as the router has it.
import { upTo } from "../../ui/numbers";

export type Settings = Readonly<Record<string, unknown>>;
/** What is entered, by the path of a setting: `strategy`, `weights.price`, `staged.dark_ms`. */
export type Draft = Readonly<Record<string, string>>;

/** The strategies, and what each does. */
export const STRATEGIES: Readonly<Record<string, string>> = {
  best: "one venue at a time, the best-scored of those at the best price",
  sweep: "everything displayed within the limit at once, best price first",
  split: "price by price, in proportion to the venues’ scores",
  staged: "first in the dark for a while, then what is displayed",
  dark: "over the dark venues in rounds, then what is displayed",
  passive: "some shares cross, others join queues; what is left then crosses",
  urgency: "sweep for orders that cannot wait, passive for those that can",
};
const LIT = ["sweep", "best", "split"];

/** The terms of a venue's score, as weights name them. */
export const TERMS: Readonly<Record<string, string>> = { price: "price", liquidity: "displayed size", fill_rate: "fill rate", latency: "latency", cost: "cost" };

export interface Setting {
  readonly path: string;
  readonly title: string;
  readonly unit: string;
  /** What holds where it is blank. */
  readonly standard: string;
  /** Of these strategies alone; of every one where it is left out. */
  readonly of?: readonly string[];
  readonly choices?: readonly string[];
  readonly isText?: boolean;
}

const PASSIVE = ["passive", "urgency"];
export const SETTINGS: readonly Setting[] = [
  { path: "fill_rate_prior", title: "Fill rate of a venue that is not measured", unit: "0 to 1", standard: "0.9", isText: true },
  { path: "stats_orders_min", title: "Orders that make a measurement", unit: "orders", standard: "20" },
  { path: "aggression_ticks", title: "Reach beyond the worst price taken", unit: "ticks", standard: "1" },
  { path: "market_collar_bps", title: "Collar of market orders", unit: "basis points of the middle", standard: "100" },
  { path: "split_venues_max", title: "Venues that a resting rest is split over", unit: "venues", standard: "6" },
  { path: "staged.dark_ms", title: "Rests in the dark", unit: "ms", standard: "250", of: ["staged"] },
  { path: "staged.dark_rounds", title: "Rounds in the dark", unit: "1 to 5", standard: "1", of: ["staged"] },
  { path: "staged.then", title: "Then", unit: "", standard: "sweep", of: ["staged"], choices: LIT },
  { path: "dark.hold_ms", title: "Rests in the dark", unit: "ms", standard: "500", of: ["dark"] },
  { path: "dark.rounds", title: "Rounds in the dark", unit: "1 to 5", standard: "2", of: ["dark"] },
  { path: "dark.then", title: "Then", unit: "", standard: "sweep", of: ["dark"], choices: LIT },
  { path: "passive.horizon_ms", title: "Rests before what is left crosses", unit: "ms", standard: "1000", of: PASSIVE },
  { path: "passive.underfill_cbps", title: "Cost of a share not filled", unit: "1/100 basis point", standard: "300", of: PASSIVE },
  { path: "passive.impact_cbps", title: "Impact of a share sent", unit: "1/100 basis point", standard: "1", of: PASSIVE },
  { path: "passive.samples_max", title: "Samples of outflow", unit: "10 to 200", standard: "100", of: PASSIVE },
  { path: "passive.then", title: "Then", unit: "", standard: "sweep", of: PASSIVE, choices: LIT },
];
/** Every field that the form has, as the gateway names what is wrong. */
export const FIELDS: readonly string[] = ["profile", "strategy", "weights", ...Object.keys(TERMS).map(term => `weights.${term}`), ...SETTINGS.map(one => one.path)];

/** The settings that count for a strategy. */
export const settingsOf = (strategy: string): readonly Setting[] => SETTINGS.filter(one => !one.of || one.of.includes(strategy));

const isPart = (value: unknown): value is Settings => value !== null && typeof value === "object" && !Array.isArray(value);

/** Return stored settings as they are entered. What no field has is left out: it says nothing any more. */
export function draftOf(settings: Settings): Draft {
  const found: Record<string, string> = { strategy: "sweep" };
  for (const [name, value] of Object.entries(settings)) {
    if (!isPart(value)) found[name] = String(value);
    else for (const [inner, one] of Object.entries(value)) found[`${name}.${inner}`] = String(one);
  }
  return Object.fromEntries(Object.entries(found).filter(([path]) => FIELDS.includes(path)));
}

/** Return what is entered as the settings that the router takes: whole numbers as numbers, decimals as text. */
export function enteredOf(draft: Draft): Settings {
  const result: Record<string, unknown> = {};
  for (const [path, raw] of Object.entries(draft)) {
    const text = raw.trim().replaceAll(",", "");
    if (!text) continue;
    const isDecimal = path.startsWith("weights.") || path === "strategy" || SETTINGS.some(one => one.path === path && (one.isText || one.choices));
    const value = !isDecimal && /^-?\d+$/.test(text) ? Number(text) : text;
    const [part, inner] = path.split(".") as [string, string?];
    if (inner === undefined) result[part] = value;
    else result[part] = { ...((result[part] as Settings | undefined) ?? {}), [inner]: value };
  }
  return result;
}

/** Return how much each term counts of the score, in percent; none where the weights say nothing. */
export function sharesOf(draft: Draft): Readonly<Record<string, number>> {
  const weights = Object.keys(TERMS).map(term => [term, Number(draft[`weights.${term}`]?.trim() || "0")] as const);
  const sum = weights.reduce((all, [, weight]) => all + weight, 0);
  if (!(sum > 0) || weights.some(([, weight]) => !(weight >= 0))) return {};
  return Object.fromEntries(weights.map(([term, weight]) => [term, (100 * weight) / sum]));
}

const inPercent = (share: number | undefined): string => `${upTo(share ?? 0, 1)} %`;
const valueOf = (draft: Draft, one: Setting): string => draft[one.path]?.trim() || one.standard;
const withUnit = (value: string, one: Setting): string => (one.unit && !one.unit.includes(" to ") ? `${value} ${one.unit}` : value);

/** Say settings in a few words: the strategy, what counts how much, and what is not as the router has it. */
export function inWords(settings: Settings): string {
  const draft = draftOf(settings);
  const strategy = draft.strategy ?? "";
  const counts = Object.entries(sharesOf(draft)).filter(([, share]) => share > 0).map(([term, share]) => `${TERMS[term]} ${inPercent(share)}`);
  const others = settingsOf(strategy).filter(one => valueOf(draft, one) !== one.standard).map(one => `${one.title.toLowerCase()} ${withUnit(valueOf(draft, one), one)}`);
  return [strategy, counts.join(", "), ...others].filter(Boolean).join("; ");
}

/** Say what a change would do, a sentence each; none where nothing is another. was: null of a new profile. */
export function effects(was: Draft | null, is: Draft): readonly string[] {
  const found: string[] = [];
  const strategy = is.strategy ?? "";
  if (was === null || was.strategy !== strategy) found.push(`Orders are routed by ${strategy} (${STRATEGIES[strategy] ?? "not a strategy"})${was === null ? "" : `, no more by ${was.strategy}`}.`);
  const [before, after] = [was === null ? {} : sharesOf(was), sharesOf(is)];
  if (Object.keys(after).length === 0) found.push("No weight counts yet: the router refuses a profile without one.");
  for (const [term, title] of Object.entries(TERMS)) {
    const [old, now] = [inPercent(before[term]), inPercent(after[term])];
    if (Object.keys(after).length && old !== now) found.push(`Of a venue’s score ${title} counts ${now}${was === null ? "" : `, was ${old}`}.`);
  }
  for (const one of settingsOf(strategy)) {
    const [old, now] = [was === null ? one.standard : valueOf(was, one), valueOf(is, one)];
    if (old !== now) found.push(`${one.title}: ${withUnit(now, one)}, ${was === null ? "else" : "was"} ${old}.`);
  }
  return found;
}
