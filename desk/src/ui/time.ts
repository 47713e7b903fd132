// Times in the zone of whoever looks, and which zone that is.

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short" });
const WHOLE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

/** The zone that times are shown in, as the browser names it now. */
export const ZONE: string = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(new Date()).find(part => part.type === "timeZoneName")?.value ?? "local";

/** Return the time of day, with the date before it where that is not today. */
export function clock(iso: string | null | undefined): string {
  if (!iso) return "";
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  return `${isToday ? "" : `${DAY.format(at)} `}${CLOCK.format(at)}`;
}

/** Return the time of day to the millisecond. */
export function clockMs(iso: string | null | undefined): string {
  if (!iso) return "";
  return `${clock(iso)}.${String(new Date(iso).getMilliseconds()).padStart(3, "0")}`;
}

/** Return date, time and zone. */
export const whole = (iso: string): string => WHOLE.format(new Date(iso));

/** Return how long ago, in words. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
