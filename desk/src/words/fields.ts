// Fields of requests as a person calls them, by the names of the contract.

/** What the ticket calls fields that it has under another name than theirs. */
const CALLED: Readonly<Record<string, string>> = {
  accountId: "account", orderType: "type", timeInForce: "good", limitPrice: "limit", stopPrice: "stop", expireDate: "until", expireTime: "until",
  minQuantity: "at least", displayQty: "show at once", locateId: "locate", basketId: "basket", "routing.profile": "strategy",
  "routing.avoid": "avoid venues", "routing.prefer": "prefer venues", "peg.type": "follows", "peg.offset": "offset", "algo.startAt": "from",
  "algo.endAt": "until", "algo.participationBps": "most of the volume", "algo.urgency": "urgency", "algo.slices": "parts", "algo.seed": "seed",
};

/** Return a field's name in words: "limit" of limitPrice, "tick size" of tickSize, "orders[3] limit" of orders[3].limitPrice. */
export function fieldInWords(field: string): string {
  const place = /^(\w+\[\d+\])\.(.+)$/.exec(field);
  if (place) return `${place[1]} ${fieldInWords(place[2] ?? "")}`;
  return CALLED[field] ?? field.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[._]/g, " ").toLowerCase();
}
