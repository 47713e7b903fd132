// Venues, and what of theirs waits for a person.
import { ExceptionsPane } from "./ExceptionsPane";
import { ReconciliationsPane } from "./ReconciliationsPane";
import { VenuesPane } from "./VenuesPane";

export function VenuesView() {
  return (
    <div class="places">
      <VenuesPane />
      <ExceptionsPane />
      <ReconciliationsPane />
    </div>
  );
}
