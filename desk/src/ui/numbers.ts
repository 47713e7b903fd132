// Numbers as a desk reads them. Amounts come as decimal text and stay exact where they are only shown.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const fixed = new Map<string, Intl.NumberFormat>();

function format(least: number, most: number): Intl.NumberFormat {
  const key = `${least} ${most}`;
  let found = fixed.get(key);
  if (!found) fixed.set(key, (found = new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most })));
  return found;
}

export const NONE = "–";
/** Return shares with thousands separators. */
export const shares = (count: number | null | undefined): string => (count === null || count === undefined ? NONE : WHOLE.format(count));

/** Return how many decimals a tick has. */
export const decimalsOf = (tick: string): number => (tick.replace(/0+$/, "").split(".")[1] ?? "").length;

/** Return a price with the decimals of its tick, and more where it has more, up to `most`. */
export function price(text: string | number | null | undefined, tick = "0.01", most = 6): string {
  if (text === null || text === undefined || text === "") return NONE;
  const least = Math.min(most, decimalsOf(tick));
  return format(least, Math.max(least, most)).format(Number(text));
}

/** Return dollars, with cents below ten thousand. */
export function money(text: string | number | null | undefined): string {
  if (text === null || text === undefined || text === "") return NONE;
  const value = Number(text);
  return Math.abs(value) < 10_000 ? format(2, 2).format(value) : WHOLE.format(value);
}

/** Return a large amount in thousands, millions or billions. */
export function brief(text: string | number | null | undefined): string {
  if (text === null || text === undefined || text === "") return NONE;
  const value = Number(text);
  for (const [size, name] of [[1e9, "bn"], [1e6, "m"], [1e3, "k"]] as const)
    if (Math.abs(value) >= size) return `${format(0, 2).format(value / size)} ${name}`;
  return format(0, 2).format(value);
}

/** Return a number with its sign, − for below 0. */
export const signed = (value: number, decimals = 2): string => `${value < 0 ? "−" : "+"}${format(decimals, decimals).format(Math.abs(value))}`;

/** Return decimal text without zeros behind it. */
export const plain = (text: string | number): string => String(text).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

/** Return a share of a whole in percent, 0 of nothing. */
export const percent = (part: number, whole: number): number => (whole > 0 ? (100 * part) / whole : 0);
