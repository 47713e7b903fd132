// Limits in words: what a row says, and what becomes of an order that fails.
import type { components } from "../../api/schema";
import { upTo } from "../../ui/numbers";

export type Rule = components["schemas"]["RuleView"];
export type Limit = components["schemas"]["LimitView"];
export type Effective = components["schemas"]["EffectiveLimit"];
export type RuleName = components["schemas"]["RiskRule"];
export type Mode = components["schemas"]["RiskMode"];
export type Severity = components["schemas"]["RiskSeverity"];
export type OnMissing = components["schemas"]["RiskOnMissing"];

export const MODES: Readonly<Record<Mode, string>> = { ON: "on", SHADOW: "watched only", OFF: "off" };
export const SEVERITIES: Readonly<Record<Severity, string>> = { HARD: "denies", SOFT: "warns", OVERRIDE: "denies, but for a second person’s leave" };
export const ON_MISSING: Readonly<Record<OnMissing, string>> = { DENY: "denies when its input is missing", PASS: "passes when its input is missing" };

/** Say what becomes of an order that fails. */
export function effectInWords(mode: string, severity: string): string {
  if (mode === "OFF") return "off";
  if (mode === "SHADOW") return "watched only";
  return SEVERITIES[severity as Severity] ?? severity;
}

const WHOLE_DOLLARS_FROM = 10_000;
const UNITS: Readonly<Record<string, (value: string) => string>> = {
  "basis points": value => `${value} bp`,
  ticks: value => `${value} ticks`,
  seconds: value => `${value} s`,
};

/** Say a value as its unit is written. */
export function valueInWords(value: unknown, unit: string): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = String(value ?? "");
  const number = Number(text);
  if (!text.trim() || Number.isNaN(number)) return text;
  // Cents of a large amount are in nobody's way to read it.
  if (unit === "dollars") return upTo(number, Math.abs(number) < WHOLE_DOLLARS_FROM ? 2 : 0).replace(/^(-?)/, (_, sign: string) => `${sign && "−"}$`);
  const shown = upTo(number, 6);
  return UNITS[unit]?.(shown) ?? shown;
}

/** Say the parameters of a rule that are set. */
export function parametersInWords(parameters: Readonly<Record<string, unknown>>, rule: Rule | undefined): string {
  return Object.entries(parameters).map(([name, value]) => `${name.replaceAll("_", " ")} ${valueInWords(value, rule?.parameters.find(one => one.name === name)?.unit ?? "")}`).join(", ");
}

/** Read what was entered of a parameter, as the contract takes it; undefined for nothing. */
export function entered(text: string, unit: string): unknown {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  if (unit === "yes or no") return trimmed === "yes";
  if (unit === "choice" || unit === "text") return trimmed;
  const number = trimmed.replace(/[,\s]/g, "");
  // What is no whole number goes as it was written: the gateway says what it wants.
  return /^-?\d+$/.test(number) && Number.isSafeInteger(Number(number)) ? Number(number) : number;
}
