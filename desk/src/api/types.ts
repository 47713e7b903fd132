// Names for what the contract calls by its path; nothing here is written by hand.
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Order = Schemas["OrderView"];
export type OrderRequest = Schemas["OrderRequest"];
export type PreviewRequest = Schemas["PreviewRequest"];
export type ReplaceRequest = Schemas["ReplaceRequest"];
export type Execution = Schemas["ExecutionView"];
export type OrderEventView = Schemas["EventView"];
export type Route = Schemas["RouteView"];
export type Child = Schemas["ChildView"];
export type Preview = Schemas["PreviewView"];
export type RiskVerdict = Schemas["RiskView"];
export type WhatIfRequest = Schemas["WhatIfRequest"];
export type Account = Schemas["AccountView"];
export type Instrument = Schemas["InstrumentView"];
export type Venue = Schemas["VenueView"];
export type Quote = Schemas["QuoteView"];
export type Book = Schemas["BookView"];
export type Me = Schemas["Me"];
export type Profile = Schemas["ProfileView"];
export type BatchLine = Schemas["BatchLine"];
export type RequestedMany = Schemas["RequestedManyBody"];
export type KillSwitch = Schemas["SwitchView"];
export type Problem = Schemas["Problem"];
export type Side = Schemas["Side"];
