// What is set for this browser, whoever uses it.
import { effect, signal, type Signal } from "@preact/signals";

const KEY = "oms-settings";
export type Theme = "system" | "light" | "dark" | "contrast";

interface Kept {
  readonly theme?: Theme;
  readonly confirmShares?: number;
  readonly confirmDollars?: number;
  readonly account?: string;
  readonly symbol?: string;
}

function read(): Kept {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

const kept = read();
export const theme: Signal<Theme> = signal(kept.theme ?? "system");
/** Orders of so many shares, or so many dollars, are asked about before they are sent. */
export const confirmShares = signal(kept.confirmShares ?? 10_000);
export const confirmDollars = signal(kept.confirmDollars ?? 1_000_000);
/** The account that a ticket begins with, and the symbol that is looked at. */
export const ownAccount = signal(kept.account ?? "");
export const ownSymbol = signal(kept.symbol ?? "");

effect(() => {
  const now: Kept = { theme: theme.value, confirmShares: confirmShares.value, confirmDollars: confirmDollars.value, account: ownAccount.value, symbol: ownSymbol.value };
  localStorage.setItem(KEY, JSON.stringify(now));
});
effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});
