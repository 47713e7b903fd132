import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { flush } from "../store/frame";
import { standing } from "../stream/connection";
import { Grid, type GridSettings } from "./grid";

interface Props<T> {
  readonly settings: GridSettings<T>;
  readonly onReady?: (grid: Grid<T>) => void;
  readonly class?: string;
}

/** A place for a grid. The settings are those of the first time it is drawn. */
export function GridView<T>(props: Props<T>) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return undefined;
    const grid = new Grid<T>(host.current, props.settings);
    props.onReady?.(grid);
    const unlisten = effect(() => {
      if (standing.value.truth !== "LIVE") return;
      // The word is drawn after this: the rows that it vouches for are there before it.
      flush();
      grid.drawNow();
    });
    return () => {
      unlisten();
      grid.destroy();
    };
  }, []);
  return <div class={`grid ${props.class ?? ""}`} ref={host} />;
}
