// Whether a price is above or below the last other one, by shape and in words; its place is kept where that is not known.
export function Direction({ isUp }: { isUp: boolean | null }) {
  if (isUp === null) return <span class="direction" />;
  return <span class={`direction ${isUp ? "good" : "bad"}`}><span aria-hidden="true">{isUp ? "▲" : "▼"}</span><span class="hidden">{isUp ? "up" : "down"} </span></span>;
}
