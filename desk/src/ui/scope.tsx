// For whom something is set: any names of a few kinds together, or everything.
import { accounts, instruments, venues } from "../store/desk";
import { Field } from "./parts";

export type Kind = "firm" | "desk" | "account" | "trader" | "strategy" | "sector" | "symbol" | "venue";
export type Scope = Readonly<Partial<Record<Kind, string>>>;

const TITLES: Readonly<Record<Kind, string>> = {
  firm: "Firm", desk: "Desk", account: "Account", trader: "Trader", strategy: "Strategy", sector: "Sector", symbol: "Symbol", venue: "Venue",
};

/** Say whom a scope names. */
export function scopeInWords(scope: Readonly<Record<string, string>>): string {
  return Object.entries(scope).map(([kind, name]) => `${kind} ${name}`).join(", ") || "everything";
}

/** Say whom a scope names that is given as `kind=name,kind=name`. */
export const namesInWords = (scope: string): string => scope.split(/,\s*/).map(one => one.replace("=", " ")).join(", ");

/** Return a scope without the names that are blank. */
export const named = (scope: Scope): Scope => Object.fromEntries(Object.entries(scope).map(([kind, name]) => [kind, name.trim()]).filter(([, name]) => name));

interface Props {
  readonly kinds: readonly Kind[];
  readonly value: Scope;
  readonly onChange: (scope: Scope) => void;
  readonly disabled?: boolean;
}

/** A field for each kind of name, with what is known of them to choose from. */
export function ScopeFields({ kinds, value, onChange, disabled }: Props) {
  const known: Partial<Record<Kind, readonly string[]>> = {
    account: accounts.value.map(one => one.accountId),
    symbol: [...instruments.value.keys()],
    venue: venues.value.map(one => one.venueId),
  };
  return (
    <div class="scope">
      {kinds.map(kind => (
        <Field key={kind} label={TITLES[kind]}>
          {given => (
            <>
              <input {...given} value={value[kind] ?? ""} disabled={disabled} placeholder="any" spellcheck={false} autocomplete="off"
                list={known[kind] ? `${given.id}-known` : undefined}
                onInput={event => onChange({ ...value, [kind]: kind === "symbol" || kind === "venue" ? event.currentTarget.value.toUpperCase() : event.currentTarget.value })} />
              {known[kind] ? <datalist id={`${given.id}-known`}>{known[kind].map(name => <option key={name} value={name} />)}</datalist> : null}
            </>
          )}
        </Field>
      ))}
    </div>
  );
}
