/** An order as its client knows it, by what the venue has reported of it. */
final class ClientOrder {
    final String symbol;
    final char side;
    final long quantity;
    String clOrdId;
    String orderId = "";
    long orderQty;
    long cum;
    long leaves;
    String avgPx = "0";
    char status = 'A';

    ClientOrder(String clOrdId, String symbol, char side, long quantity) {
        this.clOrdId = clOrdId;
        this.symbol = symbol;
        this.side = side;
        this.quantity = quantity;
        this.orderQty = quantity;
        this.leaves = quantity;
    }

    boolean isLive() {
        return leaves > 0;
    }
}
