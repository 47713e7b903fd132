// Whether a price is above or below the last other one, by shape and in words; its place is kept where that is not known.
// A picture with a name: hidden text is positioned, and some fifty such would be laid out and painted by themselves.
export function Direction({ isUp }: { isUp: boolean | null }) {
  if (isUp === null) return <span class="direction" />;
  return <span class={`direction ${isUp ? "good" : "bad"}`} role="img" aria-label={isUp ? "up" : "down"}>{isUp ? "▲" : "▼"}</span>;
}
