// What everybody's trading stands on: accounts, instruments, routing profiles, calendars, and who changed what.
import { profiles } from "../../store/desk";
import { Badge, Pane } from "../../ui/parts";
import { whole } from "../../ui/time";
import { AccountsPane } from "./AccountsPane";
import { AuditPane } from "./AuditPane";
import { CalendarsPane } from "./CalendarsPane";
import { InstrumentsPane } from "./InstrumentsPane";

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
