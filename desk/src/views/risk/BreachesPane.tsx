// Limits that are near or passed, each until a person has said that it was seen.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { components } from "../../api/schema";
import { may } from "../../store/desk";
import { Badge, Button, Empty, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { scopeInWords } from "../../ui/scope";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { ruleInWords } from "../../words/reasons";
import { valueInWords } from "./limits";

type Alert = components["schemas"]["RiskAlertView"];
const READ_MS = 2_000;

export function BreachesPane() {
  const read = useRead(async () => {
    const [open, seen] = await Promise.all((["OPEN", "ACKNOWLEDGED"] as const).map(state => call("get", "/api/v1/risk/alerts", { query: { state } })));
    return [...(open?.alerts ?? []), ...(seen?.alerts ?? [])];
  }, READ_MS);
  const [asking, setAsking] = useState<Alert | null>(null);
  return (
    <Pane title="Near or over a limit" class="breaches">
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Level</th><th>Limit</th><th>Of</th><th class="number">Now</th><th class="number">Limit</th><th>Used</th><th>Since</th><th>Seen</th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.alertId} data-alert={one.alertId}>
                  <td><Badge tone={one.level === "BREACH" ? "bad" : "warn"}>{one.level === "BREACH" ? "over" : "near"}</Badge></td>
                  <td>{ruleInWords(one.rule)}</td>
                  <td>{scopeInWords(one.scope)}</td>
                  <td class="number">{valueInWords(one.value, one.unit)}</td>
                  <td class="number" title={`set for ${one.setFor || "everything"}`}>{valueInWords(one.bound, one.unit)}</td>
                  <td><meter min={0} max={100} high={90} value={Math.min(100, one.sharePct)} aria-label={`${one.sharePct} % used`} /> {one.sharePct} %</td>
                  <td title={whole(one.firstSeen)}>{clock(one.firstSeen)}</td>
                  <td>{one.state === "ACKNOWLEDGED" ? <span title={one.acknowledgedAt ? whole(one.acknowledgedAt) : ""}>{one.acknowledgedBy}: {one.note}</span>
                    : may("limits") ? <Button run={() => setAsking(one)} aria-label={`Say that it was seen: ${ruleInWords(one.rule)}, ${scopeInWords(one.scope)}`}>Seen…</Button> : "not yet"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "Every watched limit has room." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
      {asking ? (
        <ReasonDialog title={`Seen: ${ruleInWords(asking.rule)}, ${scopeInWords(asking.scope)}`} what="What is done about it is kept with your name. It opens again when it gets worse." action="Seen" inWords={inWords} onClose={() => setAsking(null)}
          run={async note => {
            await call("post", "/api/v1/risk/alerts/{alertId}/acknowledge", { path: { alertId: asking.alertId }, body: { note, timesRaised: asking.timesRaised } });
            say("Noted.", "good");
            await read.again();
          }} />
      ) : null}
    </Pane>
  );
}
