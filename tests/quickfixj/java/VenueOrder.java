import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import quickfix.SessionID;

/** An order that the venue has taken, and how it stands. draws: its own dice, by the seed and its ClOrdID. */
final class VenueOrder {
    final SessionID session;
    final String orderId;
    final String clOrdId;
    final String symbol;
    final char side;
    final long quantity;
    final BigDecimal price;
    final boolean rests;
    final Random draws;
    final Set<String> cancelIds = new HashSet<>();
    long cum;
    /** What is open is canceled, rejected or the like: OrdStatus (39) of the end, 0 while there is none. */
    char endedAs;
    private BigDecimal notional = BigDecimal.ZERO;

    VenueOrder(
            SessionID session,
            String orderId,
            String clOrdId,
            String symbol,
            char side,
            long quantity,
            BigDecimal price,
            boolean rests,
            long seed) {
        this.session = session;
        this.orderId = orderId;
        this.clOrdId = clOrdId;
        this.symbol = symbol;
        this.side = side;
        this.quantity = quantity;
        this.price = price;
        this.rests = rests;
        this.draws = new Random(seed * 31 + clOrdId.hashCode());
    }

    long leaves() {
        return endedAs == 0 ? quantity - cum : 0;
    }

    char ordStatus() {
        if (cum == quantity) {
            return '2';
        }
        if (endedAs != 0) {
            return endedAs;
        }
        return cum > 0 ? '1' : '0';
    }

    /** A price within its limit, down to a hundredth of a cent. */
    BigDecimal tradePrice() {
        BigDecimal better = BigDecimal.valueOf(draws.nextInt(200), 4);
        return side == '1' ? price.subtract(better) : price.add(better);
    }

    void execute(long shares, BigDecimal at) {
        cum += shares;
        notional = notional.add(at.multiply(BigDecimal.valueOf(shares)));
    }

    BigDecimal averagePrice() {
        return cum == 0 ? BigDecimal.ZERO : notional.divide(BigDecimal.valueOf(cum), 6, RoundingMode.HALF_EVEN);
    }
}
