// Venues: whether each takes orders, how fast it answers, and what it has been good for.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { components } from "../../api/schema";
import { may } from "../../store/desk";
import { decimals, shares } from "../../ui/numbers";
import { Badge, Empty, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { basisPoints, milliseconds, ofMillion, scorecardOf, standingOf } from "./scorecard";

type CommandKind = components["schemas"]["FixCommandKind"];
const READ_MS = 2_000;
const SCORES_MS = 5_000;
const COMMANDS: Readonly<Record<Exclude<CommandKind, "RESEND">, { readonly title: string; readonly does: string; readonly isGrave?: boolean }>> = {
  RECONCILE: { title: "Reconcile", does: "The venue is asked about every order that we hold open there; what differs is shown." },
  LOGOUT: { title: "Log out", does: "The session ends and stays down until somebody logs it on. Orders there stay as they are.", isGrave: true },
  LOGON: { title: "Log on", does: "The session is brought up again." },
  RESET: { title: "Reset numbers", does: "Both sides begin again at sequence number 1. What the venue had not sent yet is then only found by reconciling.", isGrave: true },
};

export function VenuesPane() {
  const read = useRead(async () => {
    const [venues, sessions] = await Promise.all([call("get", "/api/v1/venues"), call("get", "/api/v1/fix-sessions").catch(() => null)]);
    return { venues: venues.venues, sessions: new Map((sessions?.fixSessions ?? []).map(one => [one.venueId, one])) };
  }, READ_MS);
  const scores = useRead(() => call("get", "/api/v1/venues/scorecards").then(found => new Map(found.venues.map(one => [one.venueId, scorecardOf(one.scorecard)]))), SCORES_MS);
  const [asking, setAsking] = useState<{ readonly venueId: string; readonly kind: keyof typeof COMMANDS } | null>(null);
  const command = asking ? COMMANDS[asking.kind] : null;
  return (
    <Pane title="Venues" class="venues">
      <div class="scroll" tabIndex={0}>
        {read.problem || scores.problem ? <p class="warn">{read.problem || scores.problem}</p> : null}
        {read.value ? (
          <table class="plain">
            <thead>
              <tr>
                <th>Venue</th><th>Takes orders</th><th>Since</th><th class="number">Answers in</th><th class="number">Orders</th><th class="number">Rejected</th><th class="number">Taken of sent</th><th class="number">Rested, filled</th>
                <th class="number">Improvement</th><th class="number">After 1 s</th><th class="number">After 60 s</th><th class="number">Fee to take</th><th class="number">Fee to add</th>{may("admin") ? <th>Session</th> : null}
              </tr>
            </thead>
            <tbody>
              {read.value.venues.map(one => {
                const stands = standingOf(one);
                const score = scores.value?.get(one.venueId) ?? {};
                const session = read.value?.sessions.get(one.venueId);
                return (
                  <tr key={one.venueId}>
                    <td title={one.kind}><b>{one.venueId}</b> <span class="soft">{one.name}</span></td>
                    <td><Badge tone={stands.tone}>{stands.word}</Badge> {stands.why}{session?.onPurpose ? " (on purpose)" : ""}</td>
                    <td title={one.sessionChangedAt ? whole(one.sessionChangedAt) : ""}>{clock(one.sessionChangedAt)}</td>
                    <td class="number">{milliseconds(score.latency)}</td>
                    <td class="number">{shares(score.orders)}</td>
                    <td class="number">{ofMillion(score.rejectPpm)}</td>
                    <td class="number" title={`${shares(score.take?.children)} orders`}>{ofMillion(score.take?.fillPpm)}</td>
                    <td class="number" title={`${shares(score.rest?.children)} orders`}>{ofMillion(score.rest?.fillPpm)}</td>
                    <td class="number" title={`${shares(score.priceImprovement?.fills)} fills`}>{basisPoints(score.priceImprovement)}</td>
                    <td class="number" title={`${shares(score.markouts?.["1s"]?.fills)} fills`}>{basisPoints(score.markouts?.["1s"])}</td>
                    <td class="number" title={`${shares(score.markouts?.["60s"]?.fills)} fills`}>{basisPoints(score.markouts?.["60s"])}</td>
                    <td class="number">{one.removeFee === null ? "–" : decimals(one.removeFee, 4)}</td>
                    <td class="number">{one.addFee === null ? "–" : decimals(one.addFee, 4)}</td>
                    {may("admin") ? (
                      <td>
                        <select aria-label={`Session of ${one.venueId}`} value="" onChange={event => {
                          const kind = event.currentTarget.value as keyof typeof COMMANDS;
                          event.currentTarget.value = "";
                          setAsking({ venueId: one.venueId, kind });
                        }}>
                          <option value="">do…</option>
                          {Object.entries(COMMANDS).map(([kind, of]) => <option key={kind} value={kind}>{of.title}</option>)}
                        </select>
                      </td>
                    ) : null}
                  </tr>
                );
              })}
            </tbody>
          </table>
        ) : <Empty>{read.problem ? "" : "One moment…"}</Empty>}
        <p class="soft form">Scores are of the last half hour most of all. “After” is where the middle went after a fill: above 0 is good for us.</p>
      </div>
      {asking && command ? (
        <ReasonDialog title={`${command.title}: ${asking.venueId}`} what={command.does} action={command.title} tone={command.isGrave ? "danger" : "main"} inWords={inWords} onClose={() => setAsking(null)}
          run={async reason => {
            await call("post", "/api/v1/fix-sessions/{venueId}/commands", { path: { venueId: asking.venueId }, body: { kind: asking.kind, reason } });
            say(`${command.title}: asked of ${asking.venueId}.`, "good");
            await read.again();
          }} />
      ) : null}
    </Pane>
  );
}
