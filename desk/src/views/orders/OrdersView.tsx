// Orders: what is watched, what is sent, what has become of it, and why.
import { useEffect } from "preact/hooks";
import { may } from "../../store/desk";
import { withKeys } from "../../ui/hotkeys";
import { BasketDialog } from "./BasketDialog";
import { Card } from "./Card";
import { LadderPane } from "./LadderPane";
import { List } from "./List";
import { chosen, isBasketOpen } from "./state";
import { TicketPane } from "./TicketPane";
import { Watch } from "./Watch";

export function OrdersView() {
  useEffect(() => withKeys([{ keys: "Ctrl+b", what: "send a basket", where: "Ticket", run: () => { isBasketOpen.value = may("trade"); } }]), []);
  return (
    <div class="orders">
      <div class="side"><Watch /><LadderPane /></div>
      <div class={`middle ${chosen.value ? "carded" : ""}`}>
        <List />
        {chosen.value ? <Card /> : null}
      </div>
      <TicketPane />
      {isBasketOpen.value ? <BasketDialog /> : null}
    </div>
  );
}
