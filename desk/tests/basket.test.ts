import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { basketOf, cellsOf } from "../src/views/orders/basket";

const DEFAULTS = { name: "morning", account: "ACC-INST-001", timeInForce: "DAY" };
const of = (text: string) => basketOf(text, DEFAULTS);

test("the project's example is read as `oms basket` reads it", () => {
  const found = of(readFileSync(`${process.cwd()}/../examples/basket.csv`, "utf8"));
  assert.deepEqual(found.problems, []);
  assert.deepEqual(found.lines[0]?.order, {
    symbol: "AAPL", side: "BUY", quantity: 100, limitPrice: "231.00", timeInForce: "IOC", tags: { desk: "morning" }, accountId: "ACC-INST-001", orderType: "LIMIT",
    basketId: "morning", clientOrderId: "morning-2",
  });
  assert.equal(found.lines[1]?.order.orderType, "MARKET");
  assert.equal(found.lines.length, 4);
});

test("cells are quoted as RFC 4180 has it, and a spreadsheet's tabs are read too", () => {
  assert.deepEqual(cellsOf('a,"b,""c"""\r\n1,"x\ny"\n'), [["a", 'b,"c"'], ["1", "x\ny"]]);
  assert.deepEqual(of("symbol\tside\tquantity\naapl\tbuy\t1,000").lines[0]?.order.quantity, 1000);
});

test("what is wrong is named by its line, and nothing is thrown", () => {
  assert.deepEqual(of("symbol,side,quantity,color\nAAPL,BUY,1,red").problems, [{ number: 1, message: 'unknown field "color"' }]);
  assert.deepEqual(of("symbol,side\nAAPL,BUY").problems, [{ number: 1, message: 'no column "quantity"' }]);
  assert.deepEqual(of("symbol,side,quantity\nAAPL,BUY,x\nMSFT,,5").problems, [
    { number: 2, message: 'quantity: expected a whole number, was "x"' }, { number: 3, message: "side is missing" },
  ]);
  assert.deepEqual(of("symbol,side,quantity\n").problems, [{ number: 1, message: "there is no order" }]);
  assert.deepEqual(of("symbol,side,quantity,side\nAAPL,BUY,1,SELL").problems, [{ number: 1, message: '"side" is there twice' }]);
  assert.deepEqual(of("symbol,side,quantity\nAAPL,BUY,1\nMSFT,BUY,1,000").problems, [{ number: 3, message: "4 cells, expected 3" }]);
  for (const text of ["", ",", '"', "\n\n", "\uFEFFsymbol,side,quantity\nA,B,1", 'symbol,side,quantity\n"', "a".repeat(10_000)]) of(text);
});

test("a list of more than five hundred is refused whole", () => {
  const text = `symbol,side,quantity\n${"AAPL,BUY,1\n".repeat(501)}`;
  assert.match(of(text).problems[0]?.message ?? "", /at most 500 orders, were 501/);
});
