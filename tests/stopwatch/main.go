// A second stopwatch beside `oms bench`, in another language and by other libraries: market orders at constant
// intervals over REST, their fills from the WebSocket. Latency counts from when an order was to leave.
//
// Reads OMS_TOKEN. Prints one JSON object: sent, acked, filled, and p50 and p99 of ack_ms and filled_ms by
// nearest rank. Ends with 1 when an order was not acknowledged.
//
// With -clients N it has no stream: N clients each send the next order when the one before is answered, and it
// prints how many were acknowledged a second. Any gateway with the same POST /api/v1/orders can be asked so.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	connectionsMax = 256
	frameBytesMax  = 4 << 20
	requestTimeout = 10 * time.Second
	settle         = 5 * time.Second
)

type order struct {
	intended time.Time
	acked    time.Time
	filled   time.Time
}

type book struct {
	mutex  sync.Mutex
	orders map[string]*order
}

func (b *book) leave(id string, intended time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.orders[id] = &order{intended: intended}
}

func (b *book) acked(id string, at time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.orders[id].acked = at
}

func (b *book) note(events []event, at time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, e := range events {
		if o := b.orders[e.ClientOrderID]; o != nil && e.Status == "ORDER_STATUS_FILLED" && o.filled.IsZero() {
			o.filled = at
		}
	}
}

type event struct {
	ClientOrderID string `json:"clientOrderId"`
	Status        string `json:"status"`
}

type frame struct {
	Type   string  `json:"type"`
	Events []event `json:"events"`
}

// follow subscribes to the accounts and notes every event until the connection ends.
func follow(ctx context.Context, url, token string, accounts []string, b *book, subscribed chan<- struct{}) {
	header := http.Header{"Authorization": {"Bearer " + token}}
	ws, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/api/v1/stream",
		&websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		log.Fatalf("no stream: %v", err)
	}
	ws.SetReadLimit(frameBytesMax)
	ask, err := json.Marshal(map[string]any{"type": "subscribe", "accounts": accounts})
	if err != nil {
		log.Fatal(err)
	}
	if err := ws.Write(ctx, websocket.MessageText, ask); err != nil {
		log.Fatalf("no subscription: %v", err)
	}
	for {
		_, data, err := ws.Read(ctx)
		at := time.Now()
		if err != nil {
			if ctx.Err() == nil {
				log.Fatalf("the stream ended: %v", err)
			}
			return
		}
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			log.Fatalf("a frame that is not JSON: %v", err)
		}
		if f.Type == "subscribed" {
			close(subscribed)
		}
		b.note(f.Events, at)
	}
}

// place sends one order and notes its acknowledgement.
func place(client *http.Client, url, token, id string, body []byte, b *book) {
	request, err := http.NewRequest(http.MethodPost, url+"/api/v1/orders", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		log.Printf("%s: %v", id, err)
		return
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusCreated {
		log.Printf("%s: %s %.200s", id, answer.Status, said)
		return
	}
	b.acked(id, time.Now())
}

func percentiles(values []float64) map[string]float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	found := map[string]float64{}
	for name, share := range map[string]float64{"p50": 0.50, "p99": 0.99} {
		found[name] = values[int(math.Ceil(share*float64(len(values))))-1]
	}
	return found
}

// closedLoop sends as fast as the answers come, and prints the rate of acknowledgements.
func closedLoop(clients int, seconds float64, send func(id string) bool, run int64) {
	var acked, refused atomic.Int64
	var waiting sync.WaitGroup
	until := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for c := range clients {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			for n := 0; time.Now().Before(until); n++ {
				if send(fmt.Sprintf("closed-%d-%d-%d", run, c, n)) {
					acked.Add(1)
				} else {
					refused.Add(1)
				}
			}
		}()
	}
	waiting.Wait()
	fmt.Printf("{\"acked_a_second\":%.1f,\"acked\":%d,\"refused\":%d}\n",
		float64(acked.Load())/seconds, acked.Load(), refused.Load())
}

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "the gateway")
	rate := flag.Float64("rate", 100, "orders a second")
	seconds := flag.Float64("seconds", 30, "how long")
	accounts := flag.String("accounts", "", "whose orders, comma-separated")
	symbols := flag.String("symbols", "", "in what, comma-separated")
	quantity := flag.Int("quantity", 100, "shares an order")
	clients := flag.Int("clients", 0, "above 0: so many clients, each as fast as it is answered")
	flag.Parse()
	token := os.Getenv("OMS_TOKEN")
	whose, what := strings.Split(*accounts, ","), strings.Split(*symbols, ",")

	client := &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: connectionsMax, MaxConnsPerHost: connectionsMax},
	}
	run := time.Now().UnixMilli()
	body := func(id string) []byte {
		made, err := json.Marshal(map[string]any{
			"clientOrderId": id, "accountId": whose[rand.Intn(len(whose))], "symbol": what[rand.Intn(len(what))],
			"side": []string{"BUY", "SELL"}[rand.Intn(2)], "quantity": *quantity,
			"orderType": "MARKET", "timeInForce": "DAY",
		})
		if err != nil {
			log.Fatal(err)
		}
		return made
	}
	if *clients > 0 {
		closedLoop(*clients, *seconds, func(id string) bool {
			b := &book{orders: map[string]*order{id: {}}}
			place(client, *url, token, id, body(id), b)
			return !b.orders[id].acked.IsZero()
		}, run)
		return
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := &book{orders: map[string]*order{}}
	subscribed := make(chan struct{})
	go follow(ctx, *url, token, whose, b, subscribed)
	select {
	case <-subscribed:
	case <-time.After(requestTimeout):
		log.Fatal("the stream did not say that it is subscribed")
	}

	started := time.Now()
	var waiting sync.WaitGroup
	total := int(*rate * *seconds)
	for n := range total {
		intended := started.Add(time.Duration(float64(n) / *rate * float64(time.Second)))
		time.Sleep(time.Until(intended))
		id := fmt.Sprintf("stopwatch-%d-%d", run, n)
		b.leave(id, intended)
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			place(client, *url, token, id, body(id), b)
		}()
	}
	waiting.Wait()
	time.Sleep(settle)

	var acks, fills []float64
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, o := range b.orders {
		if !o.acked.IsZero() {
			acks = append(acks, float64(o.acked.Sub(o.intended).Microseconds())/1000)
		}
		if !o.filled.IsZero() {
			fills = append(fills, float64(o.filled.Sub(o.intended).Microseconds())/1000)
		}
	}
	report := map[string]any{
		"sent": total, "acked": len(acks), "filled": len(fills),
		"ack_ms": percentiles(acks), "filled_ms": percentiles(fills),
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		log.Fatal(err)
	}
	if len(acks) < total {
		os.Exit(1)
	}
}
