// Rows of the audit, in words.
import { upTo } from "../../ui/numbers";
import { whole } from "../../ui/time";
import { ruleInWords } from "../../words/reasons";

export type Values = Readonly<Record<string, unknown>>;

// Of these columns a value in capitals is one of a few, and no name such as a symbol's.
const OF_A_FEW = new Set(["status", "kind", "stage", "mode", "severity", "on_missing", "side", "order_type", "time_in_force", "state"]);
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)$/;

const amount = (text: string): string => text.replace(/\d+/, digits => upTo(digits, 0));
const nameInWords = (name: string): string => name.replaceAll("_", " ");

/** Say a value of a row; name: of its column. What is within another stands after its name in brackets. */
export function valueInWords(value: unknown, name = ""): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length ? value.map(one => valueInWords(one)).join(", ") : "none";
  if (typeof value === "object") return Object.entries(value).map(([inner, one]) => (one !== null && typeof one === "object" ? `${nameInWords(inner)} (${valueInWords(one, inner)})` : `${nameInWords(inner)} ${valueInWords(one, inner)}`)).join(", ") || "nothing";
  const text = String(value);
  if (name === "rule") return ruleInWords(text);
  if (OF_A_FEW.has(name) && /^[A-Z_]+$/.test(text)) return nameInWords(text.toLowerCase());
  if (TIME.test(text)) return whole(text);
  // An id, a version or a hash is no amount.
  return /^-?\d{4,15}(\.\d+)?$/.test(text) && !/(^|_)(id|version|sequence|hash|raw|number)$/.test(name) ? amount(text) : text;
}

const isEmpty = (value: unknown): boolean => ["nothing", "none", ""].includes(valueInWords(value));

/** Say a row's name: the values of its key. */
export const keyInWords = (key: unknown): string => Object.entries((key ?? {}) as Values).map(([name, value]) => valueInWords(value, name)).join(" ");

/** Say what a change made of a row: the fields that are another. before and after are null where there was no row, or is none. */
export function changeInWords(before: unknown, after: unknown): string {
  const was = (before ?? {}) as Values;
  const is = (after ?? {}) as Values;
  if (after === null) return "removed";
  if (before === null) return Object.entries(is).filter(([, value]) => !isEmpty(value)).map(([name, value]) => `${nameInWords(name)} ${valueInWords(value, name)}`).join("; ");
  return Object.keys({ ...was, ...is }).filter(name => valueInWords(was[name]) !== valueInWords(is[name])).map(name => `${nameInWords(name)}: ${valueInWords(was[name], name)} → ${valueInWords(is[name], name)}`).join("; ");
}
