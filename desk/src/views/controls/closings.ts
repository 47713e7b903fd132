// What closing the positions of a scope would sell and buy back, before it is done.
import { call } from "../../api/client";
import type { Scope } from "../../ui/scope";
import { money, price, shares } from "../../ui/numbers";

const SHOWN_MAX = 12;

/** Return the names of a scope as the contract has them; none is everything. */
export function scopeFields(scope: Scope): Record<string, string | boolean> {
  const { account, venue, ...others } = scope;
  const fields = { ...others, ...(account ? { accountId: account } : {}), ...(venue ? { venueId: venue } : {}) };
  return Object.keys(fields).length ? fields : { everything: true };
}

/** Return what would be closed, a line each. Throws what the gateway refuses. */
export async function closings(scope: Scope): Promise<readonly string[]> {
  const found = await call("post", "/api/v1/kill-switches/preview", { body: scopeFields(scope) });
  const lines = found.positions.slice(0, SHOWN_MAX).map(one => {
    const size = Math.abs(one.quantity);
    return `${one.accountId}: ${one.side === "BUY" ? "buy back" : "sell"} ${shares(size)} ${one.symbol}${one.mark === null ? ", at a price that nobody knows now" : ` at about ${price(one.mark)} (${money(size * Number(one.mark))} dollars)`}`;
  });
  const left = found.positionsCovered - lines.length;
  return [
    found.positionsCovered ? `${shares(found.positionsCovered)} positions would be closed at the market:` : "No position would be closed now; whatever comes to be held is.",
    ...lines,
    ...(left > 0 ? [`and ${shares(left)} more.`] : []),
  ];
}
