// The upstream and the load of bench/llm_connect.py; the standard library only.
//
//	load upstream ADDRESS DELAY         an OpenAI-shaped provider that answers after DELAY (20ms), streamed or not
//	load closed URL CONNECTIONS SECONDS each connection sends its next request as soon as it has its answer
//	load open URL RATE SECONDS          a request each 1/RATE s whatever the answers do; a latency counts from the moment
//	                                    the request was due, so that one that had to wait is not left out
//	load stream URL COUNT               one after the other: time to the first event that holds content
//
// The body is read from standard input, MODEL and TOKEN from the environment. The result is one JSON object.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const content = `{\"items\":[{\"title\":\"renew the certificate of the registry\",\"size\":3},{\"title\":\"close the old lane\",\"size\":5}],\"summary\":\"two things wait, and the first of them ends in a week\"}`
const answer = `{"id":"gen-1","object":"chat.completion","created":1790000000,"model":"bench/model","choices":[{"index":0,"message":{"role":"assistant","content":"` + content + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":60,"completion_tokens":50,"total_tokens":110}}`
const chunk = `{"id":"gen-1","object":"chat.completion.chunk","created":1790000000,"model":"bench/model","choices":[{"index":0,"delta":{"content":%q},"finish_reason":%s}]}`

func upstream(address string, delay time.Duration) {
	http.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if delay > 0 {
			time.Sleep(delay)
		}
		if bytes.Contains(body, []byte(`"stream":true`)) || bytes.Contains(body, []byte(`"stream": true`)) {
			events(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		io.WriteString(w, answer)
	})
	http.ListenAndServe(address, nil)
}

func events(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for index := range 5 {
		reason := "null"
		if index == 4 {
			reason = `"stop"`
		}
		fmt.Fprintf(w, "data: "+chunk+"\n\n", "word ", reason)
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Millisecond)
	}
	io.WriteString(w, "data: [DONE]\n\n")
}

type load struct {
	url, token string
	body       []byte
	client     *http.Client
	failed     atomic.Int64
	mutex      sync.Mutex
	latencies  []float64
}

func (l *load) request() *http.Request {
	request, _ := http.NewRequest("POST", l.url, bytes.NewReader(l.body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+l.token)
	return request
}

func (l *load) one(since time.Time) {
	response, err := l.client.Do(l.request())
	if err != nil {
		l.failed.Add(1)
		return
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != 200 {
		l.failed.Add(1)
		return
	}
	took := time.Since(since).Seconds() * 1000
	l.mutex.Lock()
	l.latencies = append(l.latencies, took)
	l.mutex.Unlock()
}

func (l *load) closed(connections int, seconds float64) {
	var group sync.WaitGroup
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for range connections {
		group.Go(func() {
			for time.Now().Before(end) {
				l.one(time.Now())
			}
		})
	}
	group.Wait()
}

func (l *load) open(rate, seconds float64) {
	var group sync.WaitGroup
	start := time.Now()
	for index := range int(rate * seconds) {
		due := start.Add(time.Duration(float64(index) / rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		group.Go(func() { l.one(due) })
	}
	group.Wait()
}

func (l *load) stream(count int) {
	for range count {
		start := time.Now()
		response, err := l.client.Do(l.request())
		if err != nil || response.StatusCode != 200 {
			l.failed.Add(1)
			continue
		}
		lines, first := bufio.NewScanner(response.Body), false
		for lines.Scan() {
			if !first && strings.Contains(lines.Text(), "word") {
				l.latencies = append(l.latencies, time.Since(start).Seconds()*1000)
				first = true
			}
		}
		response.Body.Close()
	}
}

func (l *load) result(took time.Duration) {
	sort.Float64s(l.latencies)
	at := func(share float64) float64 {
		if len(l.latencies) == 0 {
			return 0
		}
		return l.latencies[int(share*float64(len(l.latencies)-1))]
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"answered": len(l.latencies), "failed": l.failed.Load(), "per_second": float64(len(l.latencies)) / took.Seconds(),
		"p50": at(0.5), "p99": at(0.99),
	})
}

func number(index int) float64 {
	value, err := strconv.ParseFloat(os.Args[index], 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

func main() {
	if os.Args[1] == "upstream" {
		delay, _ := time.ParseDuration(os.Args[3])
		upstream(os.Args[2], delay)
		return
	}
	body, _ := io.ReadAll(os.Stdin)
	transport := &http.Transport{MaxIdleConnsPerHost: 1024, MaxIdleConns: 1024, DisableCompression: true}
	l := &load{url: os.Args[2], token: os.Getenv("TOKEN"), body: body, client: &http.Client{Transport: transport, Timeout: 60 * time.Second}}
	start := time.Now()
	switch os.Args[1] {
	case "closed":
		l.closed(int(number(3)), number(4))
	case "open":
		l.open(number(3), number(4))
	case "stream":
		l.stream(int(number(3)))
	}
	l.result(time.Since(start))
}
