// What everybody's trading stands on: accounts, instruments, routing profiles, calendars, and who changed what.
import { call } from "../../api/client";
import { profiles } from "../../store/desk";
import { Badge, Empty, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { AccountsPane } from "./AccountsPane";
import { AuditPane } from "./AuditPane";
import { InstrumentsPane } from "./InstrumentsPane";

const READ_MS = 10_000;

/** Say settings as names and values, those within another after it in brackets. */
function settingsInWords(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings).map(([name, value]) => `${name.replaceAll("_", " ")} ${value !== null && typeof value === "object" && !Array.isArray(value) ? `(${settingsInWords(value as Record<string, unknown>)})` : String(value)}`).join(", ");
}

function ProfilesPane() {
  return (
    <Pane title={`Routing profiles (${profiles.value.length})`}>
      <div class="scroll" tabIndex={0}>
        <table class="plain">
          <thead><tr><th>Profile</th><th class="number">Version</th><th>State</th><th>By</th><th>Settings</th></tr></thead>
          <tbody>
            {profiles.value.map(one => (
              <tr key={`${one.profile} ${one.version}`}>
                <td><b>{one.profile}</b></td><td class="number">{one.version}</td><td><Badge tone={one.active ? "good" : "soft"}>{one.active ? "in use" : "retired"}</Badge></td><td title={whole(one.createdAt)}>{one.createdBy}</td>
                <td class="wrap">{settingsInWords(one.settings)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Pane>
  );
}

function CalendarsPane() {
  const read = useRead(() => call("get", "/api/v1/calendars").then(found => found.calendars), READ_MS);
  return (
    <Pane title="Calendars">
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Calendar</th><th>Zone</th><th>Now</th><th>Until</th></tr></thead>
            <tbody>{read.value.map(one => <tr key={one.calendarId}><td>{one.calendarId}</td><td>{one.zone}</td><td><Badge tone={one.isOpen ? "good" : "soft"}>{one.isContinuous ? "always open" : one.isOpen ? "open" : "closed"}</Badge></td><td title={one.until ? whole(one.until) : ""}>{one.isContinuous ? "" : clock(one.until)}</td></tr>)}</tbody>
          </table>
        ) : <Empty>{read.value ? "No calendar is loaded." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
    </Pane>
  );
}

export function AdminView() {
  return (
    <div class="admin">
      <AccountsPane />
      <InstrumentsPane />
      <ProfilesPane />
      <CalendarsPane />
      <AuditPane />
    </div>
  );
}
