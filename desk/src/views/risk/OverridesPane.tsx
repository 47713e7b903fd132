// Orders that a second person may let pass, and the leave that was given.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import { may } from "../../store/desk";
import { orders, type OrderRow } from "../../store/orders";
import { shares } from "../../ui/numbers";
import { Badge, Button, Empty, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { reasonInWords, ruleInWords, sideInWords } from "../../words/reasons";

const READ_MS = 3_000;
const DENIED_MAX = 50;
const DAY_MS = 24 * 3_600_000;
// What a denial ends in when only rules deny that a second person may let pass.
const MAY_PASS = /\boverride=possible\b/;

/** Return the denied orders that may pass with leave, the newest first. */
function denied(): readonly OrderRow[] {
  void orders.version.value;
  const since = Date.now() - DAY_MS;
  return [...orders.values()].filter(one => one.status === "REJECTED" && MAY_PASS.test(one.text) && Date.parse(one.createdAt) > since)
    .sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1)).slice(0, DENIED_MAX);
}

export function OverridesPane() {
  const read = useRead(() => call("get", "/api/v1/risk/overrides", { query: { all: true, limit: 50 } }).then(found => found.overrides), READ_MS);
  const [granting, setGranting] = useState<OrderRow | null>(null);
  const [revoking, setRevoking] = useState<string | null>(null);
  const given = new Set((read.value ?? []).filter(one => one.status !== "REVOKED").map(one => one.orderId));
  const waiting = denied().filter(one => !given.has(one.orderId));
  const mayGive = may("override");
  return (
    <Pane title="Leave for denied orders" class="overrides">
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {waiting.length ? (
          <table class="plain">
            <thead><tr><th>Denied</th><th>Account</th><th>Order</th><th>Why</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {waiting.map(one => (
                <tr key={one.orderId}>
                  <td title={whole(one.createdAt)}>{clock(one.createdAt)}</td><td>{one.accountId}</td>
                  <td>{sideInWords(one.side)} {shares(one.quantity)} {one.symbol}{one.limitPrice ? ` at ${one.limitPrice}` : ""}</td>
                  <td>{reasonInWords(one.text)}</td>
                  <td>{mayGive ? <Button run={() => setGranting(one)} aria-label={`Let pass: ${one.symbol}, ${one.accountId}`}>Let pass…</Button> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Leave</th><th>For</th><th>Rules</th><th>Given by</th><th>Until</th><th><span class="hidden">What can be done</span></th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.overrideId}>
                  <td><Badge tone={one.status === "GRANTED" || one.status === "OPEN" ? "warn" : "soft"}>{one.status.toLowerCase()}</Badge></td>
                  <td>{one.trader}: {sideInWords(one.side)} {shares(one.quantity)} {one.symbol}, {one.accountId}</td>
                  <td>{one.rules.map(rule => `${ruleInWords(rule.rule)} ${rule.value} of ${rule.limit}`).join("; ")}</td>
                  <td title={one.reason}>{one.grantedBy}</td><td title={whole(one.expiresAt)}>{one.usedAt ? `used ${clock(one.usedAt)}` : one.revokedAt ? `taken back ${clock(one.revokedAt)}` : clock(one.expiresAt)}</td>
                  <td>{mayGive && !one.usedAt && !one.revokedAt && Date.parse(one.expiresAt) > Date.now() ? <Button run={() => setRevoking(one.orderId)}>Take back…</Button> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : null}
        {!waiting.length && read.value?.length === 0 ? <Empty>No order waits for a second person.</Empty> : null}
      </div>
      {granting ? (
        <ReasonDialog title={`Let pass: ${sideInWords(granting.side)} ${shares(granting.quantity)} ${granting.symbol}`} what={`${reasonInWords(granting.text)} Who asked for it may send the same order once within 15 minutes, and it passes. It cannot be your own.`} action="Let pass" inWords={inWords} onClose={() => setGranting(null)}
          run={async reason => {
            await call("post", "/api/v1/risk/overrides", { body: { orderId: granting.orderId, reason } });
            say("It may pass once now.", "good");
            await read.again();
          }} />
      ) : null}
      {revoking ? (
        <ReasonDialog title="Take the leave back" what="The order will be denied again." action="Take back" tone="danger" inWords={inWords} onClose={() => setRevoking(null)}
          run={async reason => {
            await call("delete", "/api/v1/risk/overrides", { query: { orderId: revoking, reason } });
            say("Taken back.", "good");
            await read.again();
          }} />
      ) : null}
    </Pane>
  );
}
