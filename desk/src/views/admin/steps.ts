// What may become of an account next, by its status, in words.
import type { components } from "../../api/schema";

type Status = components["schemas"]["AccountStatus"];

export interface Step {
  readonly status: Status;
  readonly title: string;
  readonly does: string;
  readonly isGrave?: boolean;
}

const SUSPEND: Step = { status: "SUSPENDED", title: "Suspend", isGrave: true, does: "New orders and replaces of it are denied within a second. What is open goes on, and can be canceled; Controls stops that too." };
/** The steps by status, as the gateway takes them: closed only by way of a suspension. */
export const NEXT: Readonly<Record<string, readonly Step[]>> = {
  ACTIVE: [SUSPEND],
  SUSPENDED: [
    { status: "ACTIVE", title: "Resume", does: "It trades again within a second." },
    { status: "CLOSED", title: "Close", isGrave: true, does: "It takes an account without open orders and positions. It keeps its history, and can be brought back by a suspension." },
  ],
  CLOSED: [{ ...SUSPEND, title: "Bring back", isGrave: false, does: "It is suspended then, and can be resumed." }],
};
