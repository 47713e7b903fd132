// Rows of the audit, in words.

export type Values = Readonly<Record<string, unknown>>;

/** Say a value of a row. */
export const valueInWords = (value: unknown): string => (value === null || value === undefined ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value));

const isEmpty = (value: unknown): boolean => ["nothing", "{}", "[]", ""].includes(valueInWords(value));

/** Say what a change made of a row: the fields that are another. before and after are null where there was no row, or is none. */
export function changeInWords(before: unknown, after: unknown): string {
  const was = (before ?? {}) as Values;
  const is = (after ?? {}) as Values;
  if (after === null) return "removed";
  if (before === null) return Object.entries(is).filter(([, value]) => !isEmpty(value)).map(([name, value]) => `${name} ${valueInWords(value)}`).join(", ");
  return Object.keys({ ...was, ...is }).filter(name => valueInWords(was[name]) !== valueInWords(is[name])).map(name => `${name} ${valueInWords(was[name])} → ${valueInWords(is[name])}`).join(", ");
}
