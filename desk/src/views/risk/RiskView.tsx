// Risk: what is near its limit, what holds and where it is set, and who may let pass what was denied.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { useRead } from "../../ui/read";
import { BreachesPane } from "./BreachesPane";
import { HoldsPane } from "./HoldsPane";
import { OverridesPane } from "./OverridesPane";
import { RowsPane } from "./RowsPane";

export function RiskView() {
  const rules = useRead(() => call("get", "/api/v1/risk/rules").then(found => found.rules), 0);
  const [version, setVersion] = useState(0);
  const known = rules.value ?? [];
  return (
    <div class="risk">
      <BreachesPane />
      <OverridesPane />
      <HoldsPane rules={known} version={version} />
      <RowsPane rules={known} onChange={() => setVersion(before => before + 1)} />
    </div>
  );
}
