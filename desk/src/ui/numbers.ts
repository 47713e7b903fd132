// Numbers as a desk reads them. Amounts come as decimal text and stay exact where they are only shown.
//
// The law of this file: every number that is shown is written here, and one that rounds to 0 has no sign.

type Sign = "negative" | "exceptZero";
const formats = new Map<string, Intl.NumberFormat>();

function format(least: number, most: number, signDisplay: Sign = "negative"): Intl.NumberFormat {
  const key = `${least} ${most} ${signDisplay}`;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most, signDisplay })));
  return found;
}

export const NONE = "–";
/** Return shares with thousands separators. */
export const shares = (count: number | null | undefined): string => (count === null || count === undefined ? NONE : format(0, 0).format(count));

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
  return Math.abs(value) < 10_000 ? format(2, 2).format(value) : format(0, 0).format(value);
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
export const signed = (value: number, count = 2): string => format(count, count, "exceptZero").format(value).replace("-", "−");

/** Return a number with so many decimals. */
export const decimals = (value: number | string, count: number): string => format(count, count).format(Number(value));

/** Return a number with as many decimals as it has, up to so many. */
export const upTo = (value: number | string, most: number): string => format(0, most).format(Number(value));

/** Return where something is drawn, to a tenth of a pixel. */
export const drawnAt = (pixels: number): number => Math.round(pixels * 10) / 10;

/** Return decimal text without zeros behind it. */
export const plain = (text: string | number): string => String(text).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "").replace(/^-0$/, "0");

/** Return a share of a whole in percent, 0 of nothing. */
export const percent = (part: number, whole: number): number => (whole > 0 ? (100 * part) / whole : 0);
