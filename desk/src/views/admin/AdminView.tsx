// What everybody's trading stands on: accounts, instruments, routing profiles, calendars, and who changed what.
import { AccountsPane } from "./AccountsPane";
import { AuditPane } from "./AuditPane";
import { CalendarsPane } from "./CalendarsPane";
import { InstrumentsPane } from "./InstrumentsPane";
import { ProfilesPane } from "./ProfilesPane";

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
