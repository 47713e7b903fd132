// Made of the contract by `make desk`; never edited.
export interface paths {
    "/api/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["ordersMoved"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listAccounts"];
        put?: never;
        post: operations["openAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["changeAccount"];
        trace?: never;
    };
    "/api/v1/accounts/{accountId}/cash-entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listCashEntries"];
        put?: never;
        post: operations["enterCash"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{accountId}/pnl": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getPnl"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{accountId}/positions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getPositions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{accountId}/routing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getAccountRouting"];
        put: operations["setAccountRouting"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/calendars": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listCalendars"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/calendars/{calendarId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getCalendar"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/calendars/{calendarId}/sessions/{day}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put: operations["setSession"];
        post?: never;
        delete: operations["removeSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/chaos": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getChaos"];
        put?: never;
        post: operations["askChaos"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/corporate-actions/rename": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["renameSymbol"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/corporate-actions/split": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["splitSymbol"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exceptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listExceptions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exceptions/{exceptionId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getException"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exceptions/{exceptionId}/book": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["bookException"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exceptions/{exceptionId}/ignore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["ignoreException"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/execution-quality": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getExecutionQuality"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fix-sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listFixSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fix-sessions/{venueId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getFixSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fix-sessions/{venueId}/commands": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listFixCommands"];
        put?: never;
        post: operations["askFixSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fix-sessions/{venueId}/commands/{commandId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete: operations["withdrawFixCommand"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/halts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listHalts"];
        put?: never;
        post: operations["setHalt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/halts/{symbol}/lift": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["liftHalt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instruments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listInstruments"];
        put?: never;
        post: operations["addInstrument"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instruments/{symbol}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getInstrument"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["changeInstrument"];
        trace?: never;
    };
    "/api/v1/kill-switches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listKillSwitches"];
        put?: never;
        post: operations["setKillSwitch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kill-switches/{switchId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getKillSwitch"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kill-switches/{switchId}/raise": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["raiseKillSwitch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kill-switches/{switchId}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["releaseKillSwitch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kill-switches/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["previewFlatten"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kill-triggers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listKillTriggers"];
        put: operations["putKillTrigger"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/locates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listLocates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/locates/load": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["loadLocates"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listOrders"];
        put?: never;
        post: operations["placeOrder"];
        delete: operations["cancelOrders"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOrder"];
        put?: never;
        post?: never;
        delete: operations["cancelOrder"];
        options?: never;
        head?: never;
        patch: operations["replaceOrder"];
        trace?: never;
    };
    "/api/v1/orders/{orderId}/algo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOrderAlgo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOrderEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/executions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOrderExecutions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/replace/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["previewReplace"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resumeOrder"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/routes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getOrderRoutes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/routes/{attempt}/inputs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getRouteInputs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/routes/{attempt}/whatif": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["whatIf"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{orderId}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["suspendOrder"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["placeOrders"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["resumeOrders"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["suspendOrders"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/positions/load": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["loadPositions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listQuotes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotes/{symbol}/book": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getBook"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/reconciliations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listReconciliations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listRiskAlerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/alerts/{alertId}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["acknowledgeRiskAlert"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listLimits"];
        put: operations["setLimit"];
        post?: never;
        delete: operations["removeLimit"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/limits/effective": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getEffectiveLimits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/limits/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listLimitChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/limits/load": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["loadLimits"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/overrides": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listOverrides"];
        put?: never;
        post: operations["grantOverride"];
        delete: operations["revokeOverride"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listRiskRules"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/routes/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["previewRoute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/routing/profiles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listProfiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/routing/profiles/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getProfile"];
        put?: never;
        post: operations["addProfile"];
        delete: operations["retireProfile"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/routing/profiles/{name}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listProfileVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/surveillance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listFindings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/surveillance/{findingId}/review": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["reviewFinding"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/surveillance/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSurveillanceReports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/venues": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listVenues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/venues/scorecards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["getScorecards"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AccountChangeRequest: {
            desk?: string | null;
            firm?: string | null;
            name?: string | null;
            reason: string;
            status?: components["schemas"]["AccountStatus"] | null;
        };
        AccountKind: "INSTITUTION" | "HEDGE_FUND" | "RETAIL";
        AccountRequest: {
            accountId: string;
            desk: string;
            firm: string;
            kind: components["schemas"]["AccountKind"];
            name: string;
            reason: string;
        };
        Accounts: {
            accounts: components["schemas"]["AccountView"][];
        };
        AccountStatus: "ACTIVE" | "SUSPENDED" | "CLOSED";
        AccountView: {
            accountId: string;
            changedAt: string;
            changedBy: string;
            desk: string;
            firm: string;
            kind: string;
            name: string;
            reason: string;
            status: string;
            version: number;
        };
        AcknowledgeRequest: {
            note: string;
            timesRaised?: number;
        };
        AlgoProgress: {
            algo: {
                [key: string]: unknown;
            };
            baseQty: number;
            countedVolume: number;
            cumQty: number;
            held: string;
            orderId: string;
            plannedAt: string | null;
            quantity: number;
            releasedQty: number;
            slices: components["schemas"]["SliceProgress"][];
            status: string;
        };
        AlgoRequest: {
            endAt: string;
            participationBps?: number | null;
            seed?: number | null;
            slices?: number | null;
            startAt?: string | null;
            strategy: components["schemas"]["AlgoStrategy"];
            urgency?: number | null;
        };
        AlgoStrategy: "TWAP" | "VWAP" | "POV" | "IS";
        BatchBody: {
            orders: components["schemas"]["BatchLine"][];
        };
        BatchLine: {
            placed: components["schemas"]["PlacedBody"] | null;
            problem: components["schemas"]["Problem"] | null;
            risk?: components["schemas"]["RiskView"] | null;
            status: number;
        };
        BatchRequest: {
            allOrNothing?: boolean;
            checkOnly?: boolean;
            orders: components["schemas"]["OrderRequest"][];
        };
        BookingRequest: {
            accountId?: string;
            lastPx?: string | number;
            lastQty?: number;
            reason: string;
            side?: components["schemas"]["Side"];
            symbol?: string;
        };
        BookingTaken: {
            exceptionId: string;
            orderId: string;
            requestId: string;
            status: string;
        };
        BookView: {
            ask: string | null;
            bid: string | null;
            quotedAt: string;
            sequence: number;
            symbol: string;
            venues: components["schemas"]["VenueBookView"][];
        };
        BreakView: {
            clOrdId: string;
            orderId: string;
            ours: string;
            settled: boolean;
            theirs: string;
        };
        Calendars: {
            calendars: components["schemas"]["CalendarView"][];
        };
        CalendarSessions: {
            calendar: components["schemas"]["CalendarView"];
            sessions: components["schemas"]["SessionView"][];
        };
        CalendarView: {
            calendarId: string;
            isContinuous: boolean;
            isOpen: boolean;
            lastClose: string | null;
            until: string | null;
            zone: string;
        };
        CancelBody: {
            message: string;
            orderId: string;
            requestId: string;
            status: string;
        };
        CashEntries: {
            entries: components["schemas"]["CashEntryView"][];
        };
        CashEntryKind: "DEPOSIT" | "WITHDRAWAL";
        CashEntryView: {
            accountId: string;
            amount: string;
            enteredAt: string;
            enteredBy: string;
            entryId: string;
            kind: string;
            reason: string;
            settlesOn: string;
        };
        CashLine: {
            accountId: string;
            amount: string | number;
        };
        CashRequest: {
            amount: string | number;
            entryId?: string;
            kind: components["schemas"]["CashEntryKind"];
            reason: string;
        };
        ChangePage: {
            changes: components["schemas"]["ChangeView"][];
            nextCursor: string | null;
        };
        ChangeView: {
            actor: string;
            after: unknown | null;
            at: string;
            before: unknown | null;
            chain: string;
            key: unknown;
            operation: string;
            reason: string;
            sequence: number;
            table: string;
        };
        Chaos: {
            actions: components["schemas"]["ChaosAction"][];
            at: string;
            faults: components["schemas"]["ChaosOffer"][];
            invariants: components["schemas"]["ChaosInvariant"][];
            problem: string;
            processes: components["schemas"]["ChaosOffer"][];
            recentMs: number;
            venues: components["schemas"]["ChaosOffer"][];
            wholeEveryS: number;
            wholeMs: number;
        };
        ChaosAction: {
            acked: number;
            by: string;
            closed: number;
            does: string;
            endsAt: string;
            fault: string;
            kind: components["schemas"]["ChaosKind"];
            overAt: string | null;
            phase: components["schemas"]["ChaosPhase"];
            startedAt: string;
            target: string;
            waiting: number;
            working: number;
        };
        ChaosInvariant: {
            broken: number;
            examined: number;
            inFlight: number;
            invariant: string;
            lookedAt: string | null;
            sentences: string[];
            state: components["schemas"]["ChaosState"];
        };
        ChaosKind: "KILL" | "CUT" | "UNKIND";
        ChaosOffer: {
            does: string;
            name: string;
        };
        ChaosPhase: "ON" | "RECOVERING" | "DONE" | "LATE";
        ChaosRequest: {
            fault?: string;
            kind: components["schemas"]["ChaosKind"];
            seconds: number;
            target: string;
        };
        ChaosState: "HOLDS" | "IN_FLIGHT" | "BROKEN" | "UNKNOWN";
        ChildView: {
            ackedAt: string | null;
            attempt: number;
            clOrdId: string;
            createdAt: string;
            cumQty: number;
            leavesQty: number;
            leg: number;
            limitPrice: string;
            minQuantity: number | null;
            quantity: number;
            status: string;
            timeInForce: string;
            updatedAt: string;
            venueId: string;
            venueOrderId: string;
        };
        ClosedPositionView: {
            accountId: string;
            foundQty: number;
            held: number;
            openQty: number;
            orderId: string | null;
            rounds: number;
            since: string;
            state: string;
            symbol: string;
            why: string;
        };
        CommandRequest: {
            beginSeqNo?: number | null;
            endSeqNo?: number | null;
            kind: components["schemas"]["FixCommandKind"];
            reason: string;
        };
        CoveredPositionView: {
            accountId: string;
            mark: string | null;
            quantity: number;
            side: string;
            stale: boolean;
            symbol: string;
            value: string | null;
        };
        EasyView: {
            enteredAt: string;
            enteredBy: string;
            reason: string;
            symbols: string[];
        };
        EffectiveLimit: {
            lacks: string[];
            mode: string;
            onMissing: string;
            parameters: {
                [key: string]: unknown;
            };
            rule: string;
            scope: string;
            severity: string;
        };
        EffectiveLimits: {
            limits: components["schemas"]["EffectiveLimit"][];
            names: {
                [key: string]: string;
            };
        };
        EffectView: {
            member: string;
            service: string;
            since: string;
            stage: string;
        };
        ErrorBody: {
            code: string;
            fields: components["schemas"]["WrongField"][];
            message: string;
            status?: string;
        };
        EventView: {
            eventId: string;
            eventType: string;
            occurredAt: string;
            payload: unknown;
            sequence: number;
            status: string;
            streamSequence: number | null;
        };
        ExceptionKind: "UNREADABLE" | "UNSUPPORTED_EXEC_TYPE" | "UNKNOWN_ORDER" | "CONTRADICTS_CHILD" | "BAD_QUANTITY" | "BAD_PRICE" | "OVERFILL" | "CUM_QTY_DIFFERS" | "REPEATED_EXEC_ID" | "UNKNOWN_TRADE" | "REFUSED_BY_SESSION" | "GARBLED" | "UNRESOLVED" | "VENUE_REFUSED";
        Exceptions: {
            exceptions: components["schemas"]["ExceptionView"][];
        };
        ExceptionStatus: "OPEN" | "BOOKING" | "BOOKED" | "IGNORED" | "SETTLED";
        ExceptionView: {
            accountId: string | null;
            clOrdId: string;
            closedAt: string | null;
            closedBy: string | null;
            detail: string;
            exceptionId: string;
            execId: string;
            kind: string;
            lastPx: string | null;
            lastQty: number | null;
            orderId: string | null;
            raisedAt: string;
            raisedBy: string;
            raw: string;
            reason: string | null;
            side: string;
            status: string;
            symbol: string;
            venueId: string;
        };
        ExecutionPage: {
            executions: components["schemas"]["ExecutionView"][];
            nextCursor: string | null;
        };
        ExecutionSort: "-recordedAt" | "recordedAt";
        ExecutionView: {
            accountId: string;
            clOrdId: string;
            execId: string;
            fee: string;
            lastLiquidity: number;
            lastPx: string;
            lastQty: number;
            orderId: string;
            receivedAt: string;
            recordedAt: string;
            sequence: number;
            settlesOn: string | null;
            side: string;
            symbol: string;
            transactTime: string;
            venueId: string;
        };
        Fee: {
            add: string | number;
            remove: string | number;
        };
        Findings: {
            findings: components["schemas"]["FindingView"][];
        };
        FindingState: "OPEN" | "REVIEWED";
        FindingView: {
            accounts: string[];
            beganAt: string;
            day: string;
            endedAt: string;
            figures: {
                [key: string]: number;
            };
            findingId: string;
            firm: string;
            identity: string;
            note: string | null;
            orders: string[];
            pattern: string;
            reportId: string;
            reviewedAt: string | null;
            reviewedBy: string | null;
            state: string;
            symbol: string;
            why: string;
        };
        FixCommandKind: "LOGOUT" | "LOGON" | "RESET" | "RESEND" | "RECONCILE";
        FixCommands: {
            commands: components["schemas"]["FixCommandView"][];
        };
        FixCommandView: {
            arguments: {
                [key: string]: number;
            };
            commandId: string;
            doneAt: string | null;
            kind: string;
            outcome: string;
            reason: string;
            requestedAt: string;
            requestedBy: string;
            venueId: string;
        };
        FixSessions: {
            fixSessions: components["schemas"]["FixSessionView"][];
        };
        FixSessionView: {
            changedAt: string | null;
            heldOut: string;
            nextOut: number | null;
            numbersBeganAt: string | null;
            onPurpose: boolean;
            reason: string;
            settings: {
                [key: string]: unknown;
            } | null;
            settingsChangedAt: string | null;
            settingsChangedBy: string | null;
            settingsVersion: number | null;
            up: boolean | null;
            venueId: string;
        };
        FlattenPreview: {
            positions: components["schemas"]["CoveredPositionView"][];
            positionsCovered: number;
            scope: {
                [key: string]: string;
            };
        };
        HaltRequest: {
            reason: string;
            symbol: string;
        };
        Halts: {
            halts: components["schemas"]["HaltView"][];
        };
        HaltView: {
            liftedAt: string | null;
            liftedBy: string | null;
            liftReason: string | null;
            reason: string;
            setAt: string;
            setBy: string;
            symbol: string;
        };
        InstrumentChangeRequest: {
            listingVenue?: string | null;
            lotSize?: number | null;
            name?: string | null;
            reason: string;
            sector?: string | null;
            status?: components["schemas"]["InstrumentStatus"] | null;
            tickSize?: string | number | null;
        };
        InstrumentRequest: {
            averageVolume?: number | null;
            calendarId: string;
            listingVenue?: string | null;
            lotSize?: number | null;
            name: string;
            reason: string;
            referencePrice: string | number;
            sector?: string;
            sigmaBps?: number | null;
            symbol: string;
            tickSize?: string | number | null;
        };
        Instruments: {
            instruments: components["schemas"]["InstrumentView"][];
        };
        InstrumentStatus: "ACTIVE" | "INACTIVE";
        InstrumentView: {
            calendarId: string;
            changedAt: string;
            changedBy: string;
            haltReason: string | null;
            listingVenue: string | null;
            lotSize: number;
            name: string;
            reason: string;
            referencePrice: string;
            sector: string;
            status: string;
            symbol: string;
            tickSize: string;
            version: number;
        };
        KillStage: "BLOCK" | "CANCEL" | "FLATTEN";
        KillTriggerKind: "REJECT_RATE" | "VENUE_SILENCE" | "EXCEPTIONS" | "MESSAGE_RATE" | "LOSS";
        KillTriggerMode: "ON" | "SHADOW" | "OFF";
        KillTriggerStage: "BLOCK" | "CANCEL";
        LevelView: {
            price: string;
            size: number;
        };
        LimitChangeView: {
            changedAt: string;
            changedBy: string;
            mode: string | null;
            onMissing: string | null;
            parameters: {
                [key: string]: unknown;
            };
            reason: string;
            removed: boolean;
            rule: string;
            scope: {
                [key: string]: string;
            };
            severity: string | null;
            version: number;
        };
        LimitHistory: {
            changes: components["schemas"]["LimitChangeView"][];
            nextCursor: string | null;
        };
        LimitLine: {
            mode?: components["schemas"]["RiskMode"] | null;
            onMissing?: components["schemas"]["RiskOnMissing"] | null;
            parameters?: {
                [key: string]: unknown;
            };
            rule: components["schemas"]["RiskRule"];
            scope?: {
                [key: string]: string;
            };
            severity?: components["schemas"]["RiskSeverity"] | null;
        };
        LimitPage: {
            limits: components["schemas"]["LimitView"][];
            nextCursor: string | null;
        };
        LimitRequest: {
            mode?: components["schemas"]["RiskMode"] | null;
            onMissing?: components["schemas"]["RiskOnMissing"] | null;
            parameters?: {
                [key: string]: unknown;
            };
            reason: string;
            rule: components["schemas"]["RiskRule"];
            scope?: {
                [key: string]: string;
            };
            severity?: components["schemas"]["RiskSeverity"] | null;
            version?: number | null;
        };
        LimitsRequest: {
            limits: components["schemas"]["LimitLine"][];
            reason: string;
        };
        LimitsSet: {
            limits: components["schemas"]["LimitView"][];
        };
        LimitView: {
            changedAt: string;
            changedBy: string;
            mode: string | null;
            onMissing: string | null;
            parameters: {
                [key: string]: unknown;
            };
            reason: string;
            rule: string;
            scope: {
                [key: string]: string;
            };
            severity: string | null;
            version: number;
        };
        LoadedView: {
            cash: number;
            positions: number;
            refused: components["schemas"]["NotTakenView"][];
            taken: boolean;
        };
        LoadRequest: {
            cash?: components["schemas"]["CashLine"][];
            positions?: components["schemas"]["PositionLine"][];
            reason: string;
            replace?: boolean;
        };
        LocateRequest: {
            accountId: string;
            broker: string;
            quantity: number;
            reference: string;
            symbol: string;
        };
        Locates: {
            day: string;
            easyToBorrow: components["schemas"]["EasyView"] | null;
            locates: components["schemas"]["LocateView"][];
        };
        LocatesRequest: {
            day?: string | null;
            easyToBorrow?: string[] | null;
            locates?: components["schemas"]["LocateRequest"][];
            reason: string;
        };
        LocateView: {
            accountId: string;
            broker: string;
            drawn: number;
            enteredAt: string;
            enteredBy: string;
            left: number;
            quantity: number;
            reason: string;
            reference: string;
            symbol: string;
            validOn: string;
        };
        Me: {
            accounts: string[];
            rights: string[];
            subject: string;
        };
        NotTakenView: {
            accountId: string;
            why: string;
        };
        OrderCapacity: "AGENCY" | "PRINCIPAL" | "RISKLESS_PRINCIPAL";
        OrderEvents: {
            events: components["schemas"]["EventView"][];
            orderId: string;
        };
        OrderExecutions: {
            executions: components["schemas"]["ExecutionView"][];
            orderId: string;
        };
        OrderPage: {
            nextCursor: string | null;
            orders: components["schemas"]["OrderView"][];
        };
        OrderRequest: {
            accountId: string;
            algo?: components["schemas"]["AlgoRequest"] | null;
            basketId?: string | null;
            capacity?: components["schemas"]["OrderCapacity"] | null;
            clientOrderId: string;
            displayQty?: number | null;
            expireDate?: string | null;
            expireTime?: string | null;
            limitPrice?: string | number | null;
            locateId?: string | null;
            minQuantity?: number | null;
            orderType: components["schemas"]["OrderType"];
            peg?: components["schemas"]["PegRequest"] | null;
            postOnly?: boolean | null;
            quantity: number;
            routing?: components["schemas"]["RoutingRequest"] | null;
            side: components["schemas"]["Side"];
            stopPrice?: string | number | null;
            symbol: string;
            tags?: {
                [key: string]: string;
            } | null;
            timeInForce?: components["schemas"]["TimeInForce"] | null;
        };
        OrderRoutes: {
            orderId: string;
            routes: components["schemas"]["RouteView"][];
        };
        OrderSort: "-createdAt" | "createdAt";
        OrderStatus: "NEW" | "ACKNOWLEDGED" | "PARTIALLY_FILLED" | "FILLED" | "CANCELED" | "REJECTED" | "EXPIRED" | "PENDING_CANCEL" | "PENDING_REPLACE" | "SUSPENDED";
        OrderType: "MARKET" | "LIMIT" | "STOP" | "STOP_LIMIT" | "PEGGED";
        OrderView: {
            accountId: string;
            algo: {
                [key: string]: unknown;
            } | null;
            avgPx: string | null;
            basketId: string | null;
            capacity: string;
            channel: string;
            clientOrderId: string;
            closed: boolean;
            createdAt: string;
            cumQty: number;
            displayQty: number | null;
            expireAt: string | null;
            filledNotional: string;
            leavesQty: number;
            limitPrice: string | null;
            locateId: string | null;
            minQuantity: number | null;
            orderId: string;
            orderType: string;
            peg: {
                [key: string]: string;
            } | null;
            postOnly: boolean;
            principal: string;
            quantity: number;
            routing: {
                [key: string]: unknown;
            } | null;
            sequence: number;
            side: string;
            status: string;
            stopPrice: string | null;
            symbol: string;
            tags: {
                [key: string]: string;
            } | null;
            text: string;
            timeInForce: string;
            updatedAt: string;
        };
        OutstandingView: {
            accountId: string;
            clOrdId: string;
            openQty: number;
            orderId: string;
            since: string;
            venueId: string;
            why: string;
        };
        OverrideRequest: {
            accountId?: string | null;
            clientOrderId?: string | null;
            expiresMinutes?: number;
            orderId?: string | null;
            reason: string;
            rules?: components["schemas"]["RiskRule"][] | null;
        };
        Overrides: {
            overrides: components["schemas"]["OverrideView"][];
        };
        OverrideView: {
            accountId: string;
            expiresAt: string;
            grantedAt: string;
            grantedBy: string;
            kind: string;
            limitPrice: string | null;
            orderId: string;
            orderType: string;
            overrideId: string;
            quantity: number;
            reason: string;
            requestId: string;
            revokedAt: string | null;
            revokedBy: string | null;
            revokeReason: string | null;
            rules: components["schemas"]["RuleLetPass"][];
            side: string;
            status: string;
            symbol: string;
            timeInForce: string;
            trader: string;
            usedAt: string | null;
            usedBy: string | null;
        };
        ParameterView: {
            choices: string[];
            default: string | null;
            least: string | null;
            meaning: string;
            most: string | null;
            name: string;
            unit: string;
        };
        PegRequest: {
            offset?: string | number | null;
            type: components["schemas"]["PegType"];
        };
        PegType: "PRIMARY" | "MIDPOINT" | "MARKET";
        PlacedBody: {
            clientOrderId: string;
            created: boolean;
            message: string;
            orderId: string;
            status: string;
            timestamp: string;
        };
        PnlView: {
            accountId: string;
            asOf: string;
            cash: string;
            fees: string;
            gross: string | null;
            net: string | null;
            positions: components["schemas"]["PositionView"][];
            realizedPnl: string;
            settledCash: string;
            stale: boolean;
            totalPnl: string | null;
            unrealizedPnl: string | null;
            unsettled: components["schemas"]["UnsettledView"][];
        };
        PositionLine: {
            accountId: string;
            cost: string | number;
            quantity: number;
            symbol: string;
        };
        Positions: {
            accountId: string;
            positions: components["schemas"]["PositionView"][];
        };
        PositionScopeRequest: {
            accountId?: string;
            desk?: string;
            everything?: boolean;
            firm?: string;
            sector?: string;
            symbol?: string;
        };
        PositionView: {
            cost: string;
            fees: string;
            mark: string | null;
            markAt: string | null;
            markReason: string;
            markSource: string;
            netCash: string;
            opened: string;
            quantity: number;
            realizedPnl: string;
            stale: boolean;
            symbol: string;
            totalPnl: string | null;
            unrealizedPnl: string | null;
            updatedAt: string;
        };
        Preferences: {
            avoid: string[];
            prefer: string[];
            profile: string;
            version: number;
        };
        PreviewRequest: {
            accountId: string;
            algo?: components["schemas"]["AlgoRequest"] | null;
            basketId?: string | null;
            capacity?: components["schemas"]["OrderCapacity"] | null;
            clientOrderId?: string;
            displayQty?: number | null;
            expireDate?: string | null;
            expireTime?: string | null;
            limitPrice?: string | number | null;
            locateId?: string | null;
            minQuantity?: number | null;
            orderType: components["schemas"]["OrderType"];
            peg?: components["schemas"]["PegRequest"] | null;
            postOnly?: boolean | null;
            quantity: number;
            routing?: components["schemas"]["RoutingRequest"] | null;
            side: components["schemas"]["Side"];
            stopPrice?: string | number | null;
            symbol: string;
            tags?: {
                [key: string]: string;
            } | null;
            timeInForce?: components["schemas"]["TimeInForce"] | null;
        };
        PreviewView: {
            plan: unknown;
            risk: components["schemas"]["RiskView"];
            sent?: boolean;
        };
        Problem: {
            code: string;
            detail: string;
            error: components["schemas"]["ErrorBody"];
            fields: components["schemas"]["WrongField"][];
            orderStatus: string;
            requestId: string;
            status: number;
            title: string;
            type: string;
        };
        ProfileAdded: {
            profile: string;
            version: number;
        };
        ProfileRequest: {
            reason: string;
        };
        ProfileRetired: {
            active: boolean;
            profile: string;
        };
        Profiles: {
            profiles: components["schemas"]["ProfileView"][];
        };
        ProfileVersions: {
            versions: components["schemas"]["ProfileView"][];
        };
        ProfileView: {
            active: boolean;
            createdAt: string;
            createdBy: string;
            profile: string;
            reason: string;
            retiredAt: string | null;
            retiredBy: string | null;
            retiredReason: string | null;
            settings: {
                [key: string]: unknown;
            };
            version: number;
        };
        QualityCut: "venue" | "strategy" | "symbol" | "side" | "account" | "order";
        QualityRow: {
            arrivalMid: string | null;
            avgPx: string | null;
            bps: string | null;
            bpsHigh: string | null;
            bpsLow: string | null;
            dollars: string | null;
            figure: string;
            fillRate: string | null;
            fills: number;
            gain: boolean;
            missingShares: number;
            name: string;
            notional: string;
            orders: number;
            ordersKnown: number;
            perShare: string | null;
            shares: number;
            sharesFilled: number;
            sharesWanted: number;
            shortShares: number;
            side: string | null;
            strategy: string | null;
            symbol: string | null;
        };
        QualityView: {
            cut: string;
            from: string;
            linesLeftOut: number;
            orders: number;
            refused: number;
            rows: components["schemas"]["QualityRow"][];
            to: string;
        };
        Quotes: {
            quotes: components["schemas"]["QuoteView"][];
        };
        QuoteView: {
            ask: string | null;
            askSize: number;
            bid: string | null;
            bidSize: number;
            lastPrice: string | null;
            lastSize: number | null;
            quotedAt: string;
            sequence: number;
            symbol: string;
            volume: number | null;
        };
        RaiseRequest: {
            reason: string;
            stage: components["schemas"]["KillStage"];
        };
        ReasonRequest: {
            reason: string;
        };
        ReconciliationList: {
            reconciliations: components["schemas"]["ReconciliationView"][];
        };
        ReconciliationView: {
            agreed: number;
            asked: number;
            beganAt: string;
            breaks: components["schemas"]["BreakView"][];
            endedAt: string;
            occasion: string;
            over: number;
            runId: string;
            venueId: string;
        };
        RenameLineView: {
            accountId: string;
            cost: string;
            fees: string;
            quantity: number;
            realizedPnl: string;
        };
        RenameRequest: {
            check?: boolean;
            newSymbol: string;
            reason: string;
            symbol: string;
        };
        RenameView: {
            done: boolean;
            newSymbol: string;
            positions: components["schemas"]["RenameLineView"][];
            symbol: string;
            taken: boolean;
        };
        ReplacePreviewView: {
            risk: components["schemas"]["RiskView"];
            sent?: boolean;
        };
        ReplaceRequest: {
            algo?: components["schemas"]["AlgoRequest"] | null;
            displayQty?: number | null;
            expireDate?: string | null;
            expireTime?: string | null;
            limitPrice?: string | number | null;
            peg?: components["schemas"]["PegRequest"] | null;
            quantity?: number | null;
            stopPrice?: string | number | null;
            timeInForce?: components["schemas"]["TimeInForce"] | null;
        };
        RequestedBody: {
            created: boolean;
            message: string;
            orderId: string;
            requestId: string;
            status: string;
        };
        RequestedLine: {
            clientOrderId: string;
            error: components["schemas"]["ErrorBody"] | null;
            orderId: string | null;
            request: components["schemas"]["RequestedBody"] | null;
        };
        RequestedManyBody: {
            created: boolean;
            more: boolean;
            orders: components["schemas"]["RequestedLine"][];
        };
        RequestKind: "NEW" | "CANCEL" | "REPLACE" | "SUSPEND" | "RESUME" | "BOOK";
        RequestPage: {
            nextCursor: string | null;
            requests: components["schemas"]["RequestView"][];
        };
        RequestView: {
            accountId: string;
            channel: string;
            kind: string;
            orderId: string;
            payload: unknown;
            principal: string;
            receivedAt: string;
            requestId: string;
        };
        ReviewRequest: {
            note: string;
        };
        RiskAlertLevel: "WARNING" | "BREACH";
        RiskAlerts: {
            alerts: components["schemas"]["RiskAlertView"][];
        };
        RiskAlertState: "OPEN" | "ACKNOWLEDGED" | "CLEARED";
        RiskAlertView: {
            accountId: string | null;
            acknowledgedAt: string | null;
            acknowledgedBy: string | null;
            alertId: string;
            bound: string;
            clearedAt: string | null;
            firstSeen: string;
            headroom: string;
            lastSeen: string;
            level: string;
            note: string | null;
            rule: string;
            scope: {
                [key: string]: string;
            };
            setFor: string;
            sharePct: number;
            state: string;
            timesRaised: number;
            unit: string;
            value: string;
            whyCleared: string;
            worst: string;
        };
        RiskMode: "OFF" | "SHADOW" | "ON";
        RiskOnMissing: "DENY" | "PASS";
        RiskRule: "ACCOUNT_UNKNOWN" | "ACCOUNT_NOT_ACTIVE" | "INSTRUMENT_UNKNOWN" | "INSTRUMENT_NOT_ACTIVE" | "KILLED" | "TRADER_NOT_PERMITTED" | "INSTRUMENT_RESTRICTED" | "INSTRUMENT_HALTED" | "MARKET_CLOSED" | "EXPIRY_PASSED" | "AUCTION_MISSED" | "ALGO_OUTSIDE_SESSION" | "ORDER_STALE" | "NO_REFERENCE_PRICE" | "PRICE_OFF_TICK" | "QUANTITY_OFF_LOT" | "PRICE_OUTSIDE_COLLAR" | "PRICE_OUTSIDE_BANDS" | "ORDER_QTY_EXCEEDS_MAX" | "ORDER_NOTIONAL_EXCEEDS_MAX" | "ORDER_EXCEEDS_VOLUME" | "SHORT_SALE_UNMARKED" | "LOCATE_MISSING" | "LOCATE_EXCEEDED" | "SHORT_SALE_RESTRICTED" | "BUYING_POWER_EXCEEDED" | "FIRM_CREDIT_EXCEEDED" | "DAILY_LOSS_EXCEEDED" | "DRAWDOWN_EXCEEDED" | "GROSS_EXPOSURE_EXCEEDED" | "NET_EXPOSURE_EXCEEDED" | "SYMBOL_EXPOSURE_EXCEEDED" | "SECTOR_EXPOSURE_EXCEEDED" | "SELF_CROSS" | "DUPLICATE_ORDER" | "ORDER_RATE_EXCEEDED" | "MESSAGE_RATE_EXCEEDED" | "CANCEL_TO_FILL_EXCEEDED" | "CHILDREN_EXCEEDED" | "OPEN_ORDERS_EXCEEDED";
        RiskRules: {
            rules: components["schemas"]["RuleView"][];
        };
        RiskSeverity: "HARD" | "SOFT" | "OVERRIDE";
        RiskView: {
            accepted: boolean;
            checks: {
                [key: string]: unknown;
            }[];
            denial: string;
        };
        RouteInputs: {
            book: Record<string, never>;
            reference: Record<string, never>;
            request: Record<string, never>;
        };
        RouteView: {
            attempt: number;
            children: components["schemas"]["ChildView"][];
            decidedAt: string;
            explanationProblem: string;
            plan: unknown;
            proven: boolean | null;
            routeId: string;
        };
        RoutingRequest: {
            avoid?: string[] | null;
            prefer?: string[] | null;
            profile?: string | null;
        };
        RuleLetPass: {
            limit: string;
            rule: string;
            value: string;
        };
        RuleView: {
            atVenue: string | null;
            controls: string[];
            facts: boolean;
            meaning: string;
            name: string;
            onMissing: string;
            parameters: components["schemas"]["ParameterView"][];
            required: boolean;
        };
        Scorecards: {
            venues: components["schemas"]["ScorecardView"][];
        };
        ScorecardView: {
            closedReason: string;
            closedUntil: string | null;
            scorecard: unknown;
            updatedAt: string | null;
            venueId: string;
        };
        SessionRequest: {
            closes?: string | null;
            earlyClose?: boolean;
            opens?: string | null;
            reason: string;
        };
        SessionView: {
            closesAt: string;
            earlyClose: boolean;
            opensAt: string;
            sessionDate: string;
        };
        Side: "BUY" | "SELL" | "SELL_SHORT" | "SELL_SHORT_EXEMPT";
        SliceProgress: {
            doneQty: number | null;
            dueAt: string;
            plannedQty: number;
            releasedAt: string | null;
            releasedQty: number | null;
            slice: number;
        };
        SplitLineView: {
            accountId: string;
            paid: string;
            quantity: number;
            quantityAfter: number;
        };
        SplitRequest: {
            check?: boolean;
            denominator: number;
            numerator: number;
            price?: string | number;
            reason: string;
            symbol: string;
        };
        SplitView: {
            denominator: number;
            done: boolean;
            numerator: number;
            positions: components["schemas"]["SplitLineView"][];
            price: string;
            referencePrice: string;
            symbol: string;
            taken: boolean;
        };
        SurveillancePattern: "WASH" | "LAYERING" | "MARKING_THE_CLOSE";
        SurveillanceReports: {
            reports: components["schemas"]["SurveillanceReportView"][];
        };
        SurveillanceReportView: {
            day: string;
            digest: string;
            executions: number;
            findings: number;
            orders: number;
            parameters: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            patterns: string[];
            reportId: string;
            runAt: string;
            runBy: string;
        };
        SwitchDetail: {
            childrenCovered: number;
            childrenOver: number;
            inEffect: components["schemas"]["EffectView"][];
            killSwitch: components["schemas"]["SwitchView"];
            ordersCovered: number;
            ordersOver: number;
            outstanding: components["schemas"]["OutstandingView"][];
            positions: components["schemas"]["ClosedPositionView"][];
            positionsFlat: number;
            positionsFound: number;
        };
        Switches: {
            killSwitches: components["schemas"]["SwitchView"][];
        };
        SwitchRequest: {
            accountId?: string;
            desk?: string;
            everything?: boolean;
            firm?: string;
            reason: string;
            sector?: string;
            stage?: components["schemas"]["KillStage"];
            strategy?: string;
            symbol?: string;
            trader?: string;
            venueId?: string;
        };
        SwitchView: {
            raised: {
                [key: string]: string;
            }[];
            reason: string;
            releasedAt: string | null;
            releasedBy: string | null;
            releaseReason: string | null;
            scope: {
                [key: string]: string;
            };
            setAt: string;
            setBy: string;
            stage: string;
            switchId: string;
            triggerId: string | null;
        };
        TimeInForce: "DAY" | "GTC" | "IOC" | "FOK" | "GTD" | "OPG" | "CLO";
        TriggerRequest: {
            accountId?: string;
            desk?: string;
            everything?: boolean;
            firm?: string;
            kind: components["schemas"]["KillTriggerKind"];
            mode: components["schemas"]["KillTriggerMode"];
            reason: string;
            sector?: string;
            stage?: components["schemas"]["KillTriggerStage"];
            strategy?: string;
            symbol?: string;
            threshold: number;
            trader?: string;
            venueId?: string;
            windowS: number;
        };
        Triggers: {
            killTriggers: components["schemas"]["TriggerView"][];
        };
        TriggerView: {
            changedAt: string;
            changedBy: string;
            kind: string;
            mode: string;
            reason: string;
            scope: {
                [key: string]: string;
            };
            stage: string;
            threshold: number;
            triggerId: string;
            windowS: number;
        };
        UnsettledView: {
            amount: string;
            settlesOn: string;
        };
        VenueBookView: {
            asks: components["schemas"]["LevelView"][];
            bids: components["schemas"]["LevelView"][];
            venueId: string;
        };
        Venues: {
            venues: components["schemas"]["VenueView"][];
        };
        VenueView: {
            addFee: string | null;
            closedReason: string;
            closedUntil: string | null;
            kind: string;
            latencyUs: number;
            lotSize: number;
            minQuantity: number;
            name: string;
            removeFee: string | null;
            sessionChangedAt: string | null;
            sessionReason: string;
            sessionUp: boolean | null;
            status: string;
            venueId: string;
        };
        WatchedRule: "BUYING_POWER_EXCEEDED" | "FIRM_CREDIT_EXCEEDED" | "GROSS_EXPOSURE_EXCEEDED" | "NET_EXPOSURE_EXCEEDED" | "SYMBOL_EXPOSURE_EXCEEDED" | "SECTOR_EXPOSURE_EXCEEDED" | "INPUT_MISSING";
        WhatIfAnswer: {
            again: Record<string, never>;
            changed: Record<string, never>;
            stored: Record<string, never>;
        };
        WhatIfRequest: {
            fees?: {
                [key: string]: components["schemas"]["Fee"];
            } | null;
            profile?: string | null;
            strategy?: string | null;
            weights?: {
                [key: string]: string | number;
            } | null;
            without?: string[] | null;
        };
        WrongField: {
            field: string;
            message: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    ordersMoved: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            308: {
                headers: {
                    location?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAccounts: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accounts"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openAccount: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            304: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeAccount: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountChangeRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCashEntries: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CashEntries"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    enterCash: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CashRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CashEntryView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPnl: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PnlView"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPositions: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Positions"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAccountRouting: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preferences"];
                };
            };
            304: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setAccountRouting: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RoutingRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preferences"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listChanges: {
        parameters: {
            query?: {
                actor?: string[];
                cursor?: string;
                from?: string;
                key?: string;
                limit?: number;
                table?: string[];
                to?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangePage"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCalendars: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Calendars"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCalendar: {
        parameters: {
            query?: {
                first?: string;
                last?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                calendarId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CalendarSessions"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setSession: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                calendarId: string;
                day: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SessionRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeSession: {
        parameters: {
            query: {
                reason: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                calendarId: string;
                day: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getChaos: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Chaos"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askChaos: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChaosRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChaosAction"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    renameSymbol: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RenameRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RenameView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    splitSymbol: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SplitRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SplitView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listExceptions: {
        parameters: {
            query?: {
                before?: string;
                kind?: components["schemas"]["ExceptionKind"];
                limit?: number;
                orderId?: string;
                status?: components["schemas"]["ExceptionStatus"];
                venueId?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Exceptions"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getException: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                exceptionId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExceptionView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    bookException: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                exceptionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BookingRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BookingTaken"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ignoreException: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                exceptionId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReasonRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExceptionView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getExecutionQuality: {
        parameters: {
            query?: {
                accountId?: string[];
                cut?: components["schemas"]["QualityCut"];
                from?: string;
                limit?: number;
                side?: components["schemas"]["Side"];
                symbol?: string[];
                to?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QualityView"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listExecutions: {
        parameters: {
            query?: {
                accountId?: string[];
                cursor?: string;
                from?: string;
                limit?: number;
                side?: components["schemas"]["Side"];
                sort?: components["schemas"]["ExecutionSort"];
                symbol?: string[];
                to?: string;
                venueId?: string[];
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExecutionPage"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listFixSessions: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FixSessions"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getFixSession: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                venueId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FixSessionView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listFixCommands: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                venueId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FixCommands"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askFixSession: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                venueId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CommandRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FixCommandView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    withdrawFixCommand: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                commandId: string;
                venueId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FixCommandView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHalts: {
        parameters: {
            query?: {
                all?: boolean;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Halts"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setHalt: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HaltRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HaltView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    liftHalt: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReasonRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HaltView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listInstruments: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Instruments"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addInstrument: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InstrumentRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InstrumentView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getInstrument: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InstrumentView"];
                };
            };
            304: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeInstrument: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InstrumentChangeRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InstrumentView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listKillSwitches: {
        parameters: {
            query?: {
                all?: boolean;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Switches"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setKillSwitch: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SwitchRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SwitchView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getKillSwitch: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                switchId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SwitchDetail"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    raiseKillSwitch: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                switchId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RaiseRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SwitchView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    releaseKillSwitch: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                switchId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReasonRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SwitchView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewFlatten: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PositionScopeRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FlattenPreview"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listKillTriggers: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Triggers"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putKillTrigger: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TriggerRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TriggerView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLocates: {
        parameters: {
            query?: {
                accountId?: string;
                day?: string;
                symbol?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Locates"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    loadLocates: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LocatesRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Locates"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listOrders: {
        parameters: {
            query?: {
                accountId?: string[];
                basketId?: string;
                clientOrderId?: string;
                cursor?: string;
                from?: string;
                limit?: number;
                open?: boolean;
                principal?: string;
                side?: components["schemas"]["Side"];
                sort?: components["schemas"]["OrderSort"];
                status?: components["schemas"]["OrderStatus"][];
                symbol?: string[];
                to?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderPage"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    placeOrder: {
        parameters: {
            query?: never;
            header?: {
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OrderRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlacedBody"];
                };
            };
            201: {
                headers: {
                    location?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlacedBody"];
                };
            };
            400: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelOrders: {
        parameters: {
            query?: {
                accountId?: string[];
                after?: string;
                basketId?: string;
                clientOrderId?: string[];
                olderThan?: number;
                orderId?: string[];
                side?: components["schemas"]["Side"];
                symbol?: string[];
                venue?: string[];
            };
            header?: {
                "Idempotency-Key"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedManyBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOrder: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderView"];
                };
            };
            304: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelOrder: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceOrder: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string;
                "If-Match"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplaceRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOrderAlgo: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlgoProgress"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOrderEvents: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderEvents"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOrderExecutions: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderExecutions"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewReplace: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplaceRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplacePreviewView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeOrder: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string;
                "If-Match"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOrderRoutes: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderRoutes"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRouteInputs: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                attempt: number;
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RouteInputs"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whatIf: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                attempt: number;
                orderId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WhatIfRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WhatIfAnswer"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    suspendOrder: {
        parameters: {
            query?: never;
            header?: {
                "Idempotency-Key"?: string;
                "If-Match"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                orderId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    placeOrders: {
        parameters: {
            query?: never;
            header?: {
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BatchRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeOrders: {
        parameters: {
            query?: {
                accountId?: string[];
                after?: string;
                basketId?: string;
                clientOrderId?: string[];
                olderThan?: number;
                orderId?: string[];
                side?: components["schemas"]["Side"];
                symbol?: string[];
                venue?: string[];
            };
            header?: {
                "Idempotency-Key"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedManyBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    suspendOrders: {
        parameters: {
            query?: {
                accountId?: string[];
                after?: string;
                basketId?: string;
                clientOrderId?: string[];
                olderThan?: number;
                orderId?: string[];
                side?: components["schemas"]["Side"];
                symbol?: string[];
                venue?: string[];
            };
            header?: {
                "Idempotency-Key"?: string;
                "X-OMS-Channel"?: string;
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestedManyBody"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    loadPositions: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoadRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoadedView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQuotes: {
        parameters: {
            query?: {
                symbol?: string[];
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quotes"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBook: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                symbol: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BookView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listReconciliations: {
        parameters: {
            query?: {
                before?: string;
                broken?: boolean;
                limit?: number;
                venueId?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReconciliationList"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRequests: {
        parameters: {
            query?: {
                accountId?: string[];
                cursor?: string;
                from?: string;
                kind?: components["schemas"]["RequestKind"][];
                limit?: number;
                orderId?: string;
                principal?: string[];
                to?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestPage"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRiskAlerts: {
        parameters: {
            query?: {
                accountId?: string;
                before?: string;
                level?: components["schemas"]["RiskAlertLevel"];
                limit?: number;
                rule?: components["schemas"]["WatchedRule"];
                state?: components["schemas"]["RiskAlertState"];
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RiskAlerts"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acknowledgeRiskAlert: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                alertId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AcknowledgeRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RiskAlertView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLimits: {
        parameters: {
            query?: {
                account?: string;
                cursor?: string;
                desk?: string;
                firm?: string;
                limit?: number;
                rule?: components["schemas"]["RiskRule"];
                sector?: string;
                strategy?: string;
                symbol?: string;
                trader?: string;
                venue?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitPage"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setLimit: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LimitRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeLimit: {
        parameters: {
            query: {
                account?: string;
                desk?: string;
                firm?: string;
                reason: string;
                rule: components["schemas"]["RiskRule"];
                sector?: string;
                strategy?: string;
                symbol?: string;
                trader?: string;
                venue?: string;
                version?: number;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getEffectiveLimits: {
        parameters: {
            query?: {
                account?: string;
                strategy?: string;
                symbol?: string;
                trader?: string;
                venue?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EffectiveLimits"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLimitChanges: {
        parameters: {
            query?: {
                account?: string;
                cursor?: string;
                desk?: string;
                firm?: string;
                limit?: number;
                rule?: components["schemas"]["RiskRule"];
                sector?: string;
                strategy?: string;
                symbol?: string;
                trader?: string;
                venue?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    link?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitHistory"];
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    loadLimits: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LimitsRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitsSet"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listOverrides: {
        parameters: {
            query?: {
                accountId?: string;
                all?: boolean;
                before?: string;
                limit?: number;
                orderId?: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overrides"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    grantOverride: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OverrideRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverrideView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            409: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeOverride: {
        parameters: {
            query: {
                orderId: string;
                reason: string;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overrides"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRiskRules: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RiskRules"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewRoute: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PreviewRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PreviewView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProfiles: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profiles"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getProfile: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfileView"];
                };
            };
            304: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addProfile: {
        parameters: {
            query?: never;
            header?: {
                "If-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProfileRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    etag?: string;
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfileAdded"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retireProfile: {
        parameters: {
            query: {
                reason: string;
            };
            header?: {
                "If-Match"?: string;
                "X-Request-Id"?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfileRetired"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            412: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProfileVersions: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfileVersions"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listFindings: {
        parameters: {
            query?: {
                day?: string;
                limit?: number;
                pattern?: components["schemas"]["SurveillancePattern"];
                state?: components["schemas"]["FindingState"];
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Findings"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    reviewFinding: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path: {
                findingId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReviewRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FindingView"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            404: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSurveillanceReports: {
        parameters: {
            query?: {
                day?: string;
                limit?: number;
            };
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SurveillanceReports"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listVenues: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Venues"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getScorecards: {
        parameters: {
            query?: never;
            header?: {
                "X-Request-Id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Scorecards"];
                };
            };
            400: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: {
                headers: {
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            403: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            429: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            503: {
                headers: {
                    ratelimit?: string;
                    "ratelimit-policy"?: string;
                    "retry-after"?: number;
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
