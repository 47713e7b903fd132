import os, time
from decimal import Decimal

from tests.integration.test_simulators import market, start_broker, counterparty, live_quote
def cpu(pid):
    f=open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(f[11])+int(f[12]))/os.sysconf("SC_CLK_TCK")
def test_cost_x(market, start_broker, counterparty, cleanup):
    process=start_broker(); other=counterparty()
    offer=live_quote(market, cleanup)().national_best_offer
    rate,secs=int(os.environ.get("RATE","600")),float(os.environ.get("SECS","20"))
    c0=cpu(process.pid); time.sleep(5); idle=(cpu(process.pid)-c0)/5
    c0=cpu(process.pid); t0=time.monotonic(); n=int(rate*secs)
    for i in range(n):
        due=t0+i/rate
        d=due-time.monotonic()
        if d>0: time.sleep(d)
        other.send_order(("XNYS","XNAS","ARCX","BATS")[i%4], f"c{i}", 100, offer+Decimal("5"), tif=3)
    time.sleep(1)
    el=time.monotonic()-t0
    got=len(other.received)
    used=cpu(process.pid)-c0
    print(f"\nRESULT idle {idle*100:.1f}% ; {n} orders {got} reports in {el:.1f}s; cpu/order {1000*used/n:.3f} ms, net of idle {1000*(used-idle*el)/n:.3f}")
