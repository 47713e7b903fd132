// Controls: stop trading, see that it has stopped, let it go on again.
import { useState } from "preact/hooks";
import { isDemo } from "../../session/session";
import { may } from "../../store/desk";
import { ChaosPane } from "./ChaosPane";
import { HaltsPane } from "./HaltsPane";
import { StopPane } from "./StopPane";
import { SwitchDetail, SwitchesPane } from "./SwitchesPane";
import { TriggersPane } from "./TriggersPane";

export function ControlsView() {
  const [chosen, setChosen] = useState("");
  const hasChaos = isDemo.value && may("chaos");
  return (
    <div class={`controls ${chosen ? "detailed" : ""} ${hasChaos ? "demo" : ""}`}>
      <StopPane onDone={setChosen} />
      <SwitchesPane chosen={chosen} onChoose={setChosen} />
      {chosen ? <SwitchDetail switchId={chosen} /> : null}
      <TriggersPane />
      <HaltsPane />
      {hasChaos ? <ChaosPane /> : null}
    </div>
  );
}
