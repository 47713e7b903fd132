// Controls: stop trading, see that it has stopped, let it go on again.
import { useState } from "preact/hooks";
import { HaltsPane } from "./HaltsPane";
import { StopPane } from "./StopPane";
import { SwitchDetail, SwitchesPane } from "./SwitchesPane";
import { TriggersPane } from "./TriggersPane";

export function ControlsView() {
  const [chosen, setChosen] = useState("");
  return (
    <div class={`controls ${chosen ? "detailed" : ""}`}>
      <StopPane onDone={setChosen} />
      <SwitchesPane chosen={chosen} onChoose={setChosen} />
      {chosen ? <SwitchDetail switchId={chosen} /> : null}
      <TriggersPane />
      <HaltsPane />
    </div>
  );
}
