"""The invariants that Postgres alone can show, each one SQL question whose rows are the violations."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oms_platform.postgres import Connection
from oms_tools.verify.report import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An invariant in words, how many rows it looks at, the rows that break it: (subject, what is wrong).

    of_orders: it holds of each order by its own rows, so that it may be asked of some orders alone
    (recent.py).
    """

    invariant: str
    examined: str
    broken: str
    of_orders: bool = False


_FILLS: Final = """
    SELECT order_id, sum(last_qty) AS quantity, sum(last_qty * last_px) AS notional
    FROM executions GROUP BY order_id
"""

QUESTIONS: Final = (
    Question(
        invariant="every order exists once: (account, channel, clientOrderId) is unique and has its order",
        examined="SELECT count(*) FROM order_keys",
        broken="""
            SELECT client_order_id, format('is stored %s times for %s on %s', count(*), account_id, channel)
            FROM orders GROUP BY account_id, channel, client_order_id HAVING count(*) > 1
            UNION ALL
            SELECT coalesce(o.order_id, k.order_id)::text,
                   CASE WHEN o.order_id IS NULL THEN 'has a key and no order' ELSE 'has no key' END
            FROM orders o FULL JOIN order_keys k ON o.order_id = k.order_id
            WHERE o.order_id IS NULL OR k.order_id IS NULL
        """,
        of_orders=True,
    ),
    Question(
        invariant="net fills (trades, less what was taken back, as corrected) = CumQty, up to OrderQty;"
        " what exceeds it is an exception",
        examined="SELECT count(*) FROM orders",
        broken=f"""
            SELECT o.order_id::text,
                   format('CumQty %s of %s and %s beyond it, fills %s', o.cum_qty, o.quantity, o.excess_qty,
                          coalesce(f.quantity, 0))
            FROM orders o LEFT JOIN ({_FILLS}) f USING (order_id)
            WHERE o.cum_qty + o.excess_qty <> coalesce(f.quantity, 0) OR o.cum_qty > o.quantity
               OR (o.excess_qty > 0 AND o.cum_qty < o.quantity)
            UNION ALL
            SELECT o.order_id::text, format('%s shares beyond OrderQty, and nobody was told', o.excess_qty)
            FROM orders o WHERE o.excess_qty > 0 AND NOT EXISTS (
                SELECT FROM execution_exceptions x WHERE x.order_id = o.order_id AND x.kind = 'OVERFILL')
            UNION ALL
            SELECT f.order_id::text, 'has fills and no order'
            FROM ({_FILLS}) f LEFT JOIN orders o USING (order_id) WHERE o.order_id IS NULL
        """,
        of_orders=True,
    ),
    Question(
        invariant="live: CumQty + LeavesQty = OrderQty; closed: LeavesQty = 0;"
        " notional = sum of quantity times price",
        examined="SELECT count(*) FROM orders",
        broken=f"""
            SELECT o.order_id::text,
                   format('%s: CumQty %s, LeavesQty %s, OrderQty %s, notional %s, fills %s', o.status,
                          o.cum_qty, o.leaves_qty, o.quantity, o.filled_notional, coalesce(f.notional, 0))
            FROM orders o LEFT JOIN ({_FILLS}) f USING (order_id)
            WHERE CASE WHEN o.closed THEN o.leaves_qty <> 0 ELSE o.cum_qty + o.leaves_qty <> o.quantity END
               OR o.filled_notional <> coalesce(f.notional, 0)
               OR o.closed <> (o.status IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'))
        """,
        of_orders=True,
    ),
    Question(
        invariant="sum over children of CumQty + LeavesQty <= OrderQty, but for what an exception tells of",
        examined="SELECT count(*) FROM child_orders",
        broken="""
            SELECT o.order_id::text,
                   format('children hold %s of %s shares', sum(c.cum_qty + c.leaves_qty), o.quantity)
            FROM orders o JOIN child_orders c USING (order_id)
            WHERE NOT EXISTS (SELECT FROM execution_exceptions x WHERE x.order_id = o.order_id
                              AND x.kind IN ('OVERFILL', 'CUM_QTY_DIFFERS', 'BAD_QUANTITY'))
            GROUP BY o.order_id, o.quantity HAVING sum(c.cum_qty + c.leaves_qty) > o.quantity
        """,
        of_orders=True,
    ),
    Question(
        invariant="no child without parent and route; no route without a passed risk check",
        examined="SELECT count(*) FROM child_orders",
        broken="""
            SELECT c.cl_ord_id,
                   CASE WHEN o.order_id IS NULL THEN 'has no parent' ELSE 'has no stored route' END
            FROM child_orders c LEFT JOIN orders o USING (order_id)
            LEFT JOIN route_audit r USING (order_id, attempt)
            WHERE o.order_id IS NULL OR r.order_id IS NULL
            UNION ALL
            SELECT r.order_id::text, format('was routed (attempt %s) without a passed risk check', r.attempt)
            FROM route_audit r WHERE NOT EXISTS (
                SELECT FROM order_events e WHERE e.order_id = r.order_id AND e.type = 'OrderAccepted')
        """,
        of_orders=True,
    ),
    Question(
        invariant="every route can be decided again: its inputs, its book and its reference are kept",
        examined="SELECT count(*) FROM route_audit",
        broken="""
            SELECT concat(r.order_id, ' attempt ', r.attempt),
                   CASE WHEN k.reference_id IS NULL THEN 'stands on a reference that is not kept'
                        ELSE 'stands on a book that is not kept' END
            FROM route_audit r LEFT JOIN route_references k USING (reference_id)
            LEFT JOIN route_books b USING (book_id)
            WHERE k.reference_id IS NULL OR (r.book_id IS NOT NULL AND b.book_id IS NULL)
        """,
        of_orders=True,
    ),
    Question(
        invariant="an execution (venue, trade date, venue's order, ExecID) is applied once",
        examined="SELECT count(*) FROM order_events WHERE type IN ('TradeApplied', 'TradeCorrected')",
        broken="""
            SELECT concat_ws(' ', x->>'venueId', x->>'tradeDate', x->>'venueOrderId', x->>'execId'),
                   format('is applied %s times', count(*))
            FROM (SELECT coalesce(payload->'tradeApplied', payload->'tradeCorrected') AS x FROM order_events
                  WHERE type IN ('TradeApplied', 'TradeCorrected')) applied
            GROUP BY x->>'venueId', x->>'tradeDate', x->>'venueOrderId', x->>'execId' HAVING count(*) > 1
        """,
        of_orders=True,
    ),
    Question(
        invariant="a correction is of a trade of its order and child, and of what that trade stood at",
        examined="SELECT count(*) FROM order_events WHERE type = 'TradeCorrected'",
        broken="""
            WITH corrected AS (
                SELECT e.order_id, e.sequence, e.payload->'tradeCorrected' AS x FROM order_events e
                WHERE e.type = 'TradeCorrected')
            SELECT concat(c.order_id, ' event ', c.sequence),
                   format('corrects %s of trade %s, which stands at %s', c.x->>'wasQty', c.x->>'execRefId',
                          coalesce(before.quantity::text, 'nothing: it was never applied'))
            FROM corrected c LEFT JOIN LATERAL (
                SELECT coalesce((b.payload->'tradeApplied'->>'lastQty')::int,
                                (b.payload->'tradeCorrected'->>'lastQty')::int, 0) AS quantity,
                       coalesce((b.payload->'tradeApplied'->>'lastPxMicros')::bigint,
                                (b.payload->'tradeCorrected'->>'lastPxMicros')::bigint, 0) AS price
                FROM order_events b
                WHERE b.order_id = c.order_id AND b.sequence < c.sequence AND (
                    (b.type = 'TradeApplied'
                     AND (b.payload->'tradeApplied'->>'venueId', b.payload->'tradeApplied'->>'execId',
                          b.payload->'tradeApplied'->>'clOrdId',
                          coalesce(b.payload->'tradeApplied'->>'tradeDate', ''),
                          coalesce(b.payload->'tradeApplied'->>'venueOrderId', ''))
                       = (c.x->>'venueId', c.x->>'execRefId', c.x->>'clOrdId',
                          coalesce(c.x->>'refTradeDate', ''), coalesce(c.x->>'refVenueOrderId', '')))
                    OR (b.type = 'TradeCorrected'
                        AND (b.payload->'tradeCorrected'->>'venueId',
                             b.payload->'tradeCorrected'->>'execRefId',
                             b.payload->'tradeCorrected'->>'clOrdId',
                             coalesce(b.payload->'tradeCorrected'->>'refTradeDate', ''),
                             coalesce(b.payload->'tradeCorrected'->>'refVenueOrderId', ''))
                          = (c.x->>'venueId', c.x->>'execRefId', c.x->>'clOrdId',
                             coalesce(c.x->>'refTradeDate', ''), coalesce(c.x->>'refVenueOrderId', ''))))
                ORDER BY b.sequence DESC LIMIT 1) before ON true
            WHERE before.quantity IS DISTINCT FROM (c.x->>'wasQty')::int
               OR before.price IS DISTINCT FROM (c.x->>'wasPxMicros')::bigint
        """,
        of_orders=True,
    ),
    Question(
        invariant="shares that a venue says it executed and did not report are an open exception's",
        examined="SELECT count(*) FROM child_orders WHERE missing_qty > 0 OR status = 'UNRESOLVED'",
        broken="""
            SELECT c.cl_ord_id, format('is %s with %s shares unexplained, and nobody was told', c.status,
                                       c.missing_qty)
            FROM child_orders c WHERE (c.missing_qty > 0 OR c.status = 'UNRESOLVED') AND NOT EXISTS (
                SELECT FROM execution_exceptions x WHERE x.order_id = c.order_id
                AND x.kind IN ('CUM_QTY_DIFFERS', 'UNRESOLVED'))
        """,
        of_orders=True,
    ),
    Question(
        invariant="a trade that a person booked closed its exception, and an exception is booked once",
        examined="SELECT count(*) FROM order_events WHERE type = 'TradeApplied'",
        broken="""
            WITH booked AS (
                SELECT e.order_id, e.sequence, coalesce(r.payload->'booking'->>'exceptionId', '') AS named
                FROM order_events e LEFT JOIN order_requests r ON r.request_id = e.request_id
                WHERE e.type = 'TradeApplied' AND e.payload->'tradeApplied'->>'requestId' IS NOT NULL)
            SELECT concat(b.order_id, ' event ', b.sequence), 'books a trade of no exception that is BOOKED'
            FROM booked b WHERE NOT EXISTS (SELECT FROM execution_exceptions x
                WHERE x.exception_id::text = b.named AND x.status = 'BOOKED')
            UNION ALL
            SELECT x.exception_id::text, format('is BOOKED by %s trades', count(b.named))
            FROM execution_exceptions x LEFT JOIN booked b ON b.named = x.exception_id::text
            WHERE x.status = 'BOOKED' GROUP BY x.exception_id HAVING count(b.named) <> 1
        """,
    ),
    Question(
        invariant="position = sum of signed net fills and of actions' changes, and cash and fees likewise",
        examined="SELECT count(*) FROM positions",
        broken="""
            WITH moved AS (
                SELECT account_id, symbol, signed AS quantity, -signed * last_px AS net_cash, fee, 0 AS opened
                FROM (SELECT *, CASE side WHEN 'BUY' THEN last_qty ELSE -last_qty END AS signed
                      FROM executions) e
                UNION ALL
                SELECT account_id, symbol, quantity, net_cash, fees, opened FROM position_changes),
            sums AS (
                SELECT account_id, symbol, sum(quantity) AS quantity, sum(net_cash) AS net_cash,
                       sum(fee) AS fees, sum(opened) AS opened
                FROM moved GROUP BY account_id, symbol)
            SELECT concat(account_id, ' ', symbol),
                   format('position %s, cash %s, fees %s, opened %s; fills %s, cash %s, fees %s, opened %s',
                          p.quantity, p.net_cash, p.fees, p.opened, f.quantity, f.net_cash, f.fees, f.opened)
            FROM positions p FULL JOIN sums f USING (account_id, symbol)
            WHERE p.quantity IS DISTINCT FROM coalesce(f.quantity, 0)
               -- A fill that is taken back at its own price leaves no cash.
               OR p.net_cash IS DISTINCT FROM coalesce(f.net_cash, 0)
               OR p.fees IS DISTINCT FROM coalesce(f.fees, 0)
               OR p.opened IS DISTINCT FROM coalesce(f.opened, 0)
               OR p.net_cash + p.cost <> p.realized_pnl + p.opened
        """,
    ),
    Question(
        invariant="what is drawn of a locate = what short sales that name it have sold and may still sell",
        # Each order may name a locate; those that do are few.
        examined="SELECT count(*) FROM orders",
        broken="""
            WITH explained AS (
                SELECT o.account_id, o.symbol, r.payload->'terms'->>'locateId' AS reference,
                       sum(coalesce(f.quantity, 0) + CASE WHEN o.closed THEN 0
                           ELSE greatest(o.quantity, w.quantity, coalesce(f.quantity, 0))
                                - coalesce(f.quantity, 0) END) AS drawn
                FROM orders o JOIN order_requests r ON r.request_id = o.order_id
                LEFT JOIN (SELECT order_id, sum(last_qty) AS quantity FROM executions
                           WHERE side = 'SELL_SHORT' GROUP BY order_id) f ON f.order_id = o.order_id
                LEFT JOIN LATERAL (
                    SELECT max((e.payload->'replaceRequested'->'terms'->>'quantity')::int) AS quantity
                    FROM order_events e
                    WHERE e.order_id = o.order_id AND e.type = 'ReplaceRequested' AND NOT EXISTS (
                        SELECT FROM order_events d
                        WHERE d.order_id = e.order_id AND d.request_id = e.request_id
                        AND d.type IN ('OrderReplaced', 'ReplaceRejected'))) w ON true
                WHERE o.side = 'SELL_SHORT' AND coalesce(r.payload->'terms'->>'locateId', '') <> ''
                AND EXISTS (SELECT FROM order_events a
                            WHERE a.order_id = o.order_id AND a.type IN ('OrderAccepted', 'TradeApplied'))
                GROUP BY 1, 2, 3)
            SELECT concat_ws(' ', account_id, symbol, reference),
                   format('%s drawn, orders explain %s', coalesce(d.drawn, 0), coalesce(x.drawn, 0))
            FROM locate_draws d FULL JOIN explained x USING (account_id, symbol, reference)
            WHERE coalesce(d.drawn, 0) <> coalesce(x.drawn, 0)
        """,
    ),
    Question(
        invariant="every acked request has one outcome, and a new order is taken or denied once",
        examined="SELECT count(*) FROM order_requests",
        broken="""
            SELECT r.request_id::text, format('%s request of order %s has no outcome', r.kind, r.order_id)
            FROM order_requests r WHERE NOT EXISTS (
                SELECT FROM order_events e WHERE e.order_id = r.order_id AND e.request_id = r.request_id)
            UNION ALL
            SELECT order_id::text, format('was taken or denied %s times', count(*))
            FROM order_events WHERE type IN ('OrderAccepted', 'OrderDenied')
            GROUP BY order_id HAVING count(*) > 1
            UNION ALL
            SELECT o.order_id::text, 'is an order that nobody asked for'
            FROM orders o WHERE NOT EXISTS (
                SELECT FROM order_requests r WHERE r.request_id = o.order_id AND r.kind = 'NEW')
            UNION ALL
            SELECT request_id::text, format('is the answer to a request that is not in the log, of order %s',
                                            order_id)
            FROM order_events e WHERE type = 'OrderAccepted' AND NOT EXISTS (
                SELECT FROM order_requests r WHERE r.request_id = e.request_id)
        """,
        of_orders=True,
    ),
    Question(
        invariant="an order that closes a position for a kill switch is core's own, as it was decided, and"
        " the only one that is out",
        examined="SELECT count(*) FROM kill_switch_closings",
        broken="""
            SELECT coalesce(o.order_id, k.order_id)::text,
                   CASE WHEN k.order_id IS NULL THEN 'is of the channel of kill switches, and of none'
                        WHEN o.order_id IS NULL THEN 'closes for a switch, and is no order'
                        ELSE format('is of %s %s %s %s, decided was %s %s %s %s', o.account_id, o.symbol,
                                    o.side, o.quantity, k.account_id, k.symbol, k.side, k.quantity) END
            FROM (SELECT * FROM orders WHERE channel = 'KILL-SWITCH') o
            FULL JOIN kill_switch_closings k USING (order_id)
            WHERE (o.account_id, o.symbol, o.side, o.quantity)
                IS DISTINCT FROM (k.account_id, k.symbol, k.side, k.quantity)
            UNION ALL
            SELECT r.order_id::text, format('asks to close for switch %s, decided was %s',
                                            r.payload->'terms'->>'closesFor', k.switch_id)
            FROM order_requests r LEFT JOIN kill_switch_closings k USING (order_id)
            WHERE r.kind = 'NEW' AND r.payload->'terms'->>'closesFor' IS DISTINCT FROM k.switch_id::text
            UNION ALL
            SELECT k.order_id::text, format('closes for switch %s, which never flattened', k.switch_id)
            FROM kill_switch_closings k JOIN kill_switches s USING (switch_id) WHERE s.stage <> 'FLATTEN'
            UNION ALL
            SELECT k.order_id::text, format('was decided while order %s was out', b.order_id)
            FROM kill_switch_closings k JOIN kill_switch_closings b USING (account_id, symbol)
            WHERE b.order_id <> k.order_id AND b.stream_sequence <= k.stream_sequence AND NOT EXISTS (
                SELECT FROM order_events e WHERE e.order_id = b.order_id
                AND e.stream_sequence <= k.stream_sequence AND (
                    -- A bust may have brought it back since.
                    e.type = 'TradeCorrected' OR replace(e.payload->>'status', 'ORDER_STATUS_', '')
                        IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')))
        """,
    ),
    Question(
        invariant="an order's terms are what was asked for last, and a replace has an end",
        examined="SELECT count(*) FROM orders",
        broken="""
            WITH asked AS (
                SELECT o.order_id, o.quantity, o.limit_price, o.stop_price, o.time_in_force, o.expire_at,
                       o.display_quantity, o.replaced, o.peg,
                       coalesce(last.terms, r.payload->'terms') AS terms
                FROM orders o JOIN order_requests r ON r.request_id = o.order_id
                LEFT JOIN LATERAL (
                    SELECT e.payload->'orderReplaced'->'terms' AS terms FROM order_events e
                    WHERE e.order_id = o.order_id AND e.type = 'OrderReplaced'
                    ORDER BY e.sequence DESC LIMIT 1) last ON true)
            SELECT order_id::text,
                   format('is of %s at %s %s, asked for were %s at %s micros %s',
                          quantity, limit_price, time_in_force,
                          terms->>'quantity', terms->>'limitPriceMicros', terms->>'timeInForce')
            FROM asked WHERE quantity <> (terms->>'quantity')::int
               OR limit_price * 1000000 IS DISTINCT FROM (terms->>'limitPriceMicros')::numeric
               OR stop_price * 1000000 IS DISTINCT FROM (terms->>'stopPriceMicros')::numeric
               OR expire_at IS DISTINCT FROM (terms->>'expireAt')::timestamptz
               OR 'TIME_IN_FORCE_' || time_in_force <> terms->>'timeInForce'
               OR display_quantity <> coalesce((terms->>'displayQuantity')::int, 0)
               OR (replaced AND peg::jsonb IS DISTINCT FROM (terms->'peg')::jsonb)
            UNION ALL
            SELECT e.order_id::text, format('its replace %s has no end', e.request_id)
            FROM order_events e WHERE e.type = 'ReplaceRequested' AND NOT EXISTS (
                SELECT FROM order_events f WHERE f.order_id = e.order_id AND f.request_id = e.request_id
                AND f.type IN ('OrderReplaced', 'ReplaceRejected'))
            UNION ALL
            SELECT e.order_id::text, format('event %s replaces what nobody asked to', e.sequence)
            FROM order_events e WHERE e.type = 'OrderReplaced' AND NOT EXISTS (
                SELECT FROM order_requests r WHERE r.request_id = e.request_id AND r.kind = 'REPLACE')
        """,
        of_orders=True,
    ),
    Question(
        invariant="no order goes on after the time until which it is good, but for what venues keep of it",
        examined="SELECT count(*) FROM orders",
        broken="""
            SELECT o.order_id::text, format('is %s, and was good till %s', o.status, o.expire_at)
            FROM orders o WHERE NOT o.closed AND o.expire_at <= now() AND NOT EXISTS (
                SELECT FROM order_events e WHERE e.order_id = o.order_id AND e.type = 'CancelRequested')
        """,
        of_orders=True,
    ),
    Question(
        invariant="what is for an auction has children for that auction alone, and is over when its venue has"
        " had its time to say what the auction did",
        examined="SELECT count(*) FROM orders",
        broken="""
            SELECT c.cl_ord_id,
                   format('is %s of an order that is %s', c.terms->>'timeInForce', o.time_in_force)
            FROM child_orders c JOIN orders o USING (order_id)
            WHERE 'TIME_IN_FORCE_' || o.time_in_force IS DISTINCT FROM c.terms->>'timeInForce'
              AND (o.time_in_force IN ('OPG', 'CLO')
                   OR c.terms->>'timeInForce' IN ('TIME_IN_FORCE_OPG', 'TIME_IN_FORCE_CLO'))
            UNION ALL
            SELECT o.order_id::text, format('is %s, its auction was at %s', o.status,
                                            e.payload->'orderAccepted'->'auction'->>'at')
            FROM orders o JOIN order_events e USING (order_id)
            WHERE NOT o.closed AND e.type = 'OrderAccepted'
              AND (e.payload->'orderAccepted'->'auction'->>'at')::timestamptz < now() - interval '15 min'
              AND NOT EXISTS (
                SELECT FROM order_events r WHERE r.order_id = o.order_id AND r.type = 'CancelRequested')
        """,
        of_orders=True,
    ),
    Question(
        invariant="when all is quiet, what an order has open is with the venues or a person, or waits for its"
        " market, or as it says for a quote or for what may rest of it: no order is forgotten",
        examined="SELECT count(*) FROM orders WHERE NOT closed",
        broken="""
            SELECT o.order_id::text, format('%s: %s shares open, %s with venues', o.status, o.leaves_qty,
                                            coalesce(sum(c.leaves_qty), 0))
            FROM orders o LEFT JOIN child_orders c USING (order_id)
            WHERE NOT o.closed AND o.status <> 'SUSPENDED' AND o.text NOT LIKE 'MAY_NOT_REST:%'
              AND o.text NOT LIKE 'NO_MIDPOINT:%' AND o.text <> 'waits for a quote to follow'
            AND (o.stop_price IS NULL OR EXISTS (
                SELECT FROM order_events e WHERE e.order_id = o.order_id AND e.type = 'StopTriggered'))
            AND NOT EXISTS (SELECT FROM execution_exceptions x WHERE x.order_id = o.order_id
                            AND x.kind IN ('CUM_QTY_DIFFERS', 'UNRESOLVED') AND x.status = 'OPEN')
            -- One for an auction waits for it in its market's session, too.
            AND o.time_in_force NOT IN ('OPG', 'CLO')
            AND EXISTS (
                -- Its market trades: it is not halted, and in a session.
                SELECT FROM instruments i JOIN calendars k USING (calendar_id)
                WHERE i.symbol = o.symbol AND i.status = 'ACTIVE'
                  AND NOT EXISTS (SELECT FROM halts h WHERE h.symbol = i.symbol AND h.lifted_at IS NULL)
                  AND (k.continuous_from IS NOT NULL OR EXISTS (
                       SELECT FROM calendar_sessions s WHERE s.calendar_id = i.calendar_id
                       AND s.opens_at <= now() AND now() < s.closes_at)))
            GROUP BY o.order_id, o.status, o.leaves_qty
            HAVING coalesce(sum(c.leaves_qty), 0) = 0
                OR (o.leaves_qty <> sum(c.leaves_qty) AND NOT EXISTS (
                    -- A cancel that a venue has refused leaves less with venues than is open.
                    SELECT FROM order_events e WHERE e.order_id = o.order_id AND e.type = 'CancelRequested'))
        """,
        of_orders=True,
    ),
    Question(
        invariant="each order's events are numbered 2..n and end in the order's state",
        examined="SELECT count(*) FROM order_events",
        broken="""
            SELECT o.order_id::text,
                   format('order at %s (%s), events 2..%s counted %s, last %s', o.sequence, o.status, e.last,
                          e.count, e.status)
            FROM orders o LEFT JOIN (
                SELECT order_id, max(sequence) AS last, count(*) AS count,
                       (array_agg(replace(payload->>'status', 'ORDER_STATUS_', '')
                                  ORDER BY sequence DESC))[1] AS status
                FROM order_events GROUP BY order_id) e USING (order_id)
            WHERE coalesce(e.last, 1) < o.sequence OR coalesce(e.count, 0) <> coalesce(e.last, 1) - 1
               OR coalesce(e.status, 'NEW') <> o.status
        """,
        of_orders=True,
    ),
    Question(
        invariant="each account's stream is numbered without gap or repeat",
        examined="SELECT count(*) FROM order_events",
        broken="""
            SELECT account_id, format('stream ends at %s, %s events, %s numbers', max(stream_sequence),
                                      count(*), count(DISTINCT stream_sequence))
            FROM order_events GROUP BY account_id
            HAVING max(stream_sequence) <> count(*) OR count(DISTINCT stream_sequence) <> count(*)
            UNION ALL
            SELECT account_id, format('stream ends at %s, its head says %s', max(e.stream_sequence), s.head)
            FROM order_events e FULL JOIN account_streams s USING (account_id)
            GROUP BY account_id, s.head HAVING max(e.stream_sequence) IS DISTINCT FROM s.head
        """,
    ),
    Question(
        invariant="each event's link is that of its row behind the one before it, and each request is as its"
        " outcome has it",
        examined="SELECT count(*) FROM order_events WHERE chain IS NOT NULL",
        broken="""
            SELECT concat(account_id, ' ', stream_sequence), 'has not the link of this row in this place'
            FROM (SELECT e, e.account_id, e.stream_sequence, e.chain,
                         coalesce(lag(e.chain) OVER (PARTITION BY e.account_id ORDER BY e.stream_sequence),
                                  b.chain, decode(repeat('00', 32), 'hex')) AS before
                  FROM order_events e LEFT JOIN audit_begins b ON b.stream = 'account:' || e.account_id
                  WHERE e.stream_sequence > coalesce(b.sequence, 0)) linked
            WHERE chain IS DISTINCT FROM order_event_link(before, e)
            UNION ALL
            SELECT s.account_id, format('has another link than its event %s', s.head)
            FROM account_streams s JOIN order_events e
                ON e.account_id = s.account_id AND e.stream_sequence = s.head
            WHERE e.chain IS DISTINCT FROM s.chain
            UNION ALL
            SELECT e.request_id::text, 'is not the request that its outcome has the digest of'
            FROM order_events e LEFT JOIN order_requests r USING (request_id)
            WHERE e.request_digest IS NOT NULL AND e.request_digest IS DISTINCT FROM
                sha256(convert_to(r.kind || chr(10) || r.payload::text, 'UTF8'))
        """,
    ),
    Question(
        invariant="each change in the audit's log has the link of its row behind the one before it",
        examined="SELECT count(*) FROM audit_log",
        broken="""
            SELECT sequence::text, 'has not the link of this row in this place'
            FROM (SELECT a, a.sequence, a.chain, coalesce(lag(a.chain) OVER (ORDER BY a.sequence),
                         b.chain) AS before
                  FROM audit_log a CROSS JOIN audit_begins b WHERE b.stream = 'audit_log') linked
            WHERE chain IS DISTINCT FROM audit_link(before, a)
            UNION ALL
            SELECT h.sequence::text, 'is the head of the log, and is not its last row'
            FROM audit_head h LEFT JOIN audit_log a USING (sequence)
            WHERE a.chain IS DISTINCT FROM h.chain OR EXISTS (
                SELECT FROM audit_log l WHERE l.sequence > h.sequence)
        """,
    ),
    Question(
        invariant="a FIX client is told an event once, under a number of its own below the next one",
        examined="SELECT count(*) FROM fix_client_messages",
        broken="""
            SELECT comp_id, format('was told event %s of %s %s times', stream_sequence, account_id, count(*))
            FROM fix_client_messages WHERE account_id IS NOT NULL
            GROUP BY comp_id, account_id, stream_sequence HAVING count(*) > 1
            UNION ALL
            SELECT comp_id, format('was sent number %s %s times', seq, count(*))
            FROM fix_client_messages GROUP BY comp_id, numbers, seq HAVING count(*) > 1
            UNION ALL
            SELECT m.comp_id, format('was sent number %s, the next is %s', m.seq, s.next_out)
            FROM fix_client_messages m JOIN fix_client_sessions s USING (comp_id, numbers)
            WHERE m.seq >= s.next_out
            UNION ALL
            SELECT m.comp_id, format('was told event %s of %s, its place is %s', m.stream_sequence,
                                     m.account_id, s.streams->>m.account_id)
            FROM fix_client_messages m JOIN fix_client_sessions s USING (comp_id)
            WHERE m.stream_sequence > (s.streams->>m.account_id)::int
        """,
    ),
)


def check_database(connection: Connection, questions: Iterable[Question] = QUESTIONS) -> list[Finding]:
    """Ask these questions."""
    findings = []
    for question in questions:
        row = connection.execute(question.examined).fetchone()
        finding = Finding(invariant=question.invariant, examined=row[0] if row else 0)
        for subject, sentence in connection.execute(question.broken):
            finding.violate(subject, sentence)
        findings.append(finding)
    return findings
