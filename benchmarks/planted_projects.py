"""Projects in JavaScript and Go for bugs to be planted in, the shape of which is that of `planted_project`."""

JAVASCRIPT = {
    "package.json": '{"name": "shop", "type": "module", "private": true}\n',
    "README.md": "# Shop\n\nMoney, dates and routes.\n",
    "src/money.js": """\
// Whole cents of a decimal text.
export function cents(amount) {
  const [whole, part = ""] = amount.split(".");
  return Number(whole) * 100 + Number((part + "00").slice(0, 2));
}

export function shown(value) {
  const rest = String(value % 100).padStart(2, "0");
  return `${Math.floor(value / 100)}.${rest}`;
}

export function share(value, parts) {
  const each = Math.floor(value / parts);
  const rest = value % parts;
  return Array.from({ length: parts }, (_, at) => (at < rest ? each + 1 : each));
}

function legacyMoney(value) {
  return value / 100;
}
""",
    "src/rates.js": """\
import { cents } from "./money.js";

const RATES = { food: 7, books: 7, tools: 19 };

export function tax(kind, value) {
  const rate = RATES[kind] ?? 19;
  return Math.floor((value * rate + 50) / 100);
}

export function withTax(kind, amount) {
  const value = cents(amount);
  return value + tax(kind, value);
}

function legacyRate() {
  return 16;
}
""",
    "src/account.js": """\
import { withTax } from "./rates.js";

export class Account {
  constructor(limit = 0) {
    this.balance = 0;
    this.limit = limit;
    this.entries = [];
  }

  payIn(value) {
    if (value <= 0) {
      throw new Error("nothing to pay in");
    }
    this.balance += value;
    this.entries.push(["in", value]);
  }

  payOut(value) {
    if (this.balance - value < -this.limit) {
      throw new Error("over the limit");
    }
    this.balance -= value;
    this.entries.push(["out", value]);
  }

  buy(kind, amount) {
    const price = withTax(kind, amount);
    this.payOut(price);
    return price;
  }
}

function legacyAccount() {
  return new Account(0);
}
""",
    "src/report.js": """\
import { shown } from "./money.js";

export function total(entries) {
  let value = 0;
  for (const [kind, amount] of entries) {
    value += kind === "in" ? amount : -amount;
  }
  return value;
}

export function lines(account) {
  const found = account.entries.map(([kind, amount]) => `${kind} ${shown(amount)}`);
  found.push(`sum ${shown(total(account.entries))}`);
  return found;
}

function legacyReport() {
  return [];
}
""",
    "src/route.js": """\
export function split(path) {
  return path.split("/").filter((part) => part !== "");
}

export function match(pattern, path) {
  const wanted = split(pattern);
  const given = split(path);
  if (wanted.length !== given.length) {
    return null;
  }
  const found = {};
  for (let at = 0; at < wanted.length; at += 1) {
    if (wanted[at].startsWith(":")) {
      found[wanted[at].slice(1)] = given[at];
    } else if (wanted[at] !== given[at]) {
      return null;
    }
  }
  return found;
}

function legacyRoute() {
  return null;
}
""",
    "test/money.test.js": """\
import assert from "node:assert/strict";
import { test } from "node:test";
import { cents, share, shown } from "../src/money.js";

test("reads cents", () => {
  assert.equal(cents("12.5"), 1250);
  assert.equal(cents("3"), 300);
  assert.equal(cents("0.07"), 7);
});

test("shows money", () => {
  assert.equal(shown(1205), "12.05");
  assert.equal(shown(99), "0.99");
});

test("shares without a loss", () => {
  assert.deepEqual(share(10, 3), [4, 3, 3]);
  assert.deepEqual(share(9, 3), [3, 3, 3]);
});
""",
    "test/account.test.js": """\
import assert from "node:assert/strict";
import { test } from "node:test";
import { Account } from "../src/account.js";
import { lines, total } from "../src/report.js";

test("pays in and out", () => {
  const account = new Account(50);
  account.payIn(100);
  account.payOut(150);
  assert.equal(account.balance, -50);
  assert.throws(() => account.payOut(1), /over the limit/);
  assert.throws(() => account.payIn(0), /nothing/);
});

test("buys with tax", () => {
  const account = new Account(5000);
  assert.equal(account.buy("food", "10.00"), 1070);
  assert.equal(account.buy("tools", "1.50"), 179);
  assert.equal(account.buy("other", "1.00"), 119);
});

test("prints a report", () => {
  const account = new Account();
  account.payIn(1234);
  account.payOut(34);
  assert.equal(total(account.entries), 1200);
  assert.deepEqual(lines(account), ["in 12.34", "out 0.34", "sum 12.00"]);
});
""",
    "test/route.test.js": """\
import assert from "node:assert/strict";
import { test } from "node:test";
import { match, split } from "../src/route.js";

test("splits paths", () => {
  assert.deepEqual(split("/a//b/"), ["a", "b"]);
});

test("matches routes", () => {
  assert.deepEqual(match("/users/:id", "/users/7"), { id: "7" });
  assert.deepEqual(match("/", "/"), {});
  assert.equal(match("/users", "/users/7"), null);
  assert.equal(match("/users/:id", "/teams/7"), null);
});
""",
}

GO = {
    "go.mod": "module example.com/shop\n\ngo 1.19\n",
    "README.md": "# Shop\n\nMoney, dates and routes.\n",
    "money/money.go": """\
package money

import "fmt"

// Shown is for people.
func Shown(value int) string {
	return fmt.Sprintf("%d.%02d", value/100, value % 100)
}

func legacyMoney(value int) int {
	return value / 100
}
""",
    "money/share.go": """\
package money

// Share loses no cent: the first ones get the rest.
func Share(value, parts int) []int {
	each := value / parts
	rest := value % parts
	shares := []int{}
	for at := 0; at < parts; at++ {
		if at < rest {
			shares = append(shares, each + 1)
		} else {
			shares = append(shares, each)
		}
	}
	return shares
}

func legacyShare() int {
	return 0
}
""",
    "rates/rates.go": """\
package rates

var rates = map[string]int{"food": 7, "books": 7, "tools": 19}

func rateOf(kind string) int {
	if rate, known := rates[kind]; known {
		return rate
	}
	return 19
}

func Tax(kind string, value int) int {
	return (value * rateOf(kind) + 50) / 100
}

func legacyRate() int {
	return 16
}
""",
    "account/account.go": """\
package account

import (
	"errors"

	"example.com/shop/rates"
)

type Account struct {
	Balance int
	Limit   int
	Entries []int
}

func (account *Account) PayIn(value int) error {
	if value <= 0 {
		return errors.New("nothing to pay in")
	}
	account.Balance += value
	account.Entries = append(account.Entries, value)
	return nil
}

func (account *Account) PayOut(value int) error {
	if account.Balance - value < -account.Limit {
		return errors.New("over the limit")
	}
	account.Balance -= value
	account.Entries = append(account.Entries, -value)
	return nil
}

func (account *Account) Buy(kind string, value int) (int, error) {
	price := value + rates.Tax(kind, value)
	return price, account.PayOut(price)
}

func legacyAccount() *Account {
	return nil
}
""",
    "account/report.go": """\
package account

import "example.com/shop/money"

func Total(entries []int) int {
	value := 0
	for _, entry := range entries {
		value += entry
	}
	return value
}

func Lines(account *Account) []string {
	found := []string{}
	for _, entry := range account.Entries {
		found = append(found, money.Shown(entry))
	}
	return append(found, money.Shown(Total(account.Entries)))
}

func legacyReport() int {
	return 0
}
""",
    "router/route.go": """\
package router

import "strings"

func Split(path string) []string {
	parts := []string{}
	for _, part := range strings.Split(path, "/") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func Match(pattern, path string) map[string]string {
	wanted, given := Split(pattern), Split(path)
	if len(wanted) != len(given) {
		return nil
	}
	found := map[string]string{}
	for at, part := range wanted {
		if strings.HasPrefix(part, ":") {
			found[part[1:]] = given[at]
		} else if part != given[at] {
			return nil
		}
	}
	return found
}

func legacyRoute() int {
	return 0
}
""",
    "router/middleware.go": """\
package router

// Handler answers a path.
type Handler func(path string) string

func Trimmed(next Handler) Handler {
	return func(path string) string {
		for len(path) > 1 && path[len(path) - 1] == '/' {
			path = path[:len(path) - 1]
		}
		return next(path)
	}
}

func legacyMiddleware() int {
	return 0
}
""",
    "money/money_test.go": """\
package money

import (
	"reflect"
	"testing"
)

func TestShown(t *testing.T) {
	if got := Shown(1205); got != "12.05" {
		t.Errorf("Shown(1205) = %q, want 12.05", got)
	}
}

func TestShare(t *testing.T) {
	if got := Share(10, 3); !reflect.DeepEqual(got, []int{4, 3, 3}) {
		t.Fatalf("got %v", got)
	}
}
""",
    "rates/rates_test.go": """\
package rates

import "testing"

func TestTax(t *testing.T) {
	for kind, want := range map[string]int{"food": 70, "tools": 190, "other": 190} {
		if got := Tax(kind, 1000); got != want {
			t.Errorf("%s: got %d, want %d", kind, got, want)
		}
	}
	if Tax("tools", 150) != 29 {
		t.Error("not rounded")
	}
}
""",
    "account/account_test.go": """\
package account

import (
	"reflect"
	"testing"
)

func TestPayments(t *testing.T) {
	account := &Account{Limit: 50}
	if err := account.PayIn(100); err != nil {
		t.Fatal(err)
	}
	if err := account.PayOut(150); err != nil {
		t.Fatal(err)
	}
	if account.Balance != -50 {
		t.Errorf("balance %d", account.Balance)
	}
	if account.PayOut(1) == nil || account.PayIn(0) == nil {
		t.Error("no refusal")
	}
}

func TestBuy(t *testing.T) {
	account := &Account{Limit: 5000}
	price, err := account.Buy("food", 1000)
	if err != nil || price != 1070 {
		t.Fatalf("paid %d: %v", price, err)
	}
}

func TestLines(t *testing.T) {
	account := &Account{Entries: []int{1234, 66}}
	want := []string{"12.34", "0.66", "13.00"}
	if got := Lines(account); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
""",
    "router/route_test.go": """\
package router

import "testing"

func TestSplit(t *testing.T) {
	if got := Split("/a//b/"); len(got) != 2 || got[1] != "b" {
		t.Fatalf("got %v", got)
	}
}

func TestRouteMatch(t *testing.T) {
	if got := Match("/users/:id", "/users/7"); got["id"] != "7" {
		t.Fatalf("got %v", got)
	}
	if Match("/users", "/users/7") != nil || Match("/users/:id", "/teams/7") != nil {
		t.Fatal("matched")
	}
}

func TestTrimmed(t *testing.T) {
	handler := Trimmed(func(path string) string { return path })
	if got := handler("/a//"); got != "/a" {
		t.Fatalf("got %q", got)
	}
}
""",
}
